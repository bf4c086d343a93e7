"""What a training reports: mean losses by epoch, checked to be finite, as lines of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch

from bench_core.contracts.errors import BenchError, PluginError, TrainingError
from bench_core.system.files import write_text
from bench_core.system.process_group import is_first

LOG_FILE = "log.jsonl"
STEPS_BETWEEN_SYNCHRONISATIONS = 20
"""On CUDA losses are read this often, so that the host seldom waits for the device."""


@dataclass(frozen=True, kw_only=True)
class FinishedEpoch:
    """An epoch that ended and is safe on disk, as observers hear of it.

    Attributes:
        training: Identity of the training (SHA-256, hex).
        folder: Folder of the training.
        stage: Name of the stage.
        epoch: Its number within the stage, from 1.
        num_epochs: Epochs of the stage.
        losses: Mean of each loss over the epoch.
        line: Its line in the log, as JSON values.
    """

    training: str
    folder: Path
    stage: str
    epoch: int
    num_epochs: int
    losses: Mapping[str, float]
    line: Mapping[str, Any]


EpochObserver: TypeAlias = Callable[[FinishedEpoch], None]


def ignore_epoch(epoch: FinishedEpoch) -> None:
    """Observe nothing."""


def describe(value: object) -> str:
    """Say what a value is where a tensor was expected, such as "a float"."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"


class LossLog:
    """Sums the losses of an epoch; refuses any that is not finite.

    Attributes:
        sums: Sum of each loss over the steps read so far.
        num_steps: Number of those steps.
    """

    def __init__(self, stage: str, epoch: int, sums: Mapping[str, float], num_steps: int) -> None:
        self._stage = stage
        self._epoch = epoch
        self._unread: list[tuple[int, dict[str, torch.Tensor]]] = []
        self.sums: dict[str, float] = dict(sums)
        self.num_steps = num_steps

    def add(self, step: int, losses: Mapping[str, torch.Tensor]) -> None:
        """Add the losses of a step, and read them when it is time to.

        Raises:
            TrainingError: A loss is NaN or infinite; the stage, the step and all losses are named.
            PluginError: A loss is no scalar tensor.
        """
        for name, loss in losses.items():
            if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
                raise PluginError(
                    f"the step of stage '{self._stage}' returned {describe(loss)} as the loss "
                    f"'{name}'; it must return scalar tensors by name"
                )
        self._unread.append((step, {name: loss.detach() for name, loss in losses.items()}))
        on_host = all(loss.device.type == "cpu" for loss in losses.values())
        if on_host or len(self._unread) >= STEPS_BETWEEN_SYNCHRONISATIONS:
            self.read()

    def read(self) -> None:
        """Read the losses that were not read yet; raises as `add` does."""
        for step, losses in self._unread:
            values = {name: float(loss) for name, loss in losses.items()}
            if not all(math.isfinite(value) for value in values.values()):
                raise TrainingError(self._explain(step, values))
            for name, value in values.items():
                self.sums[name] = self.sums.get(name, 0.0) + value
            self.num_steps += 1
        self._unread.clear()

    def means(self) -> dict[str, float]:
        """Return the mean of each loss over the steps read so far."""
        return {name: total / self.num_steps for name, total in self.sums.items()}

    def _explain(self, step: int, values: Mapping[str, float]) -> str:
        listed = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        return (
            f"a loss is not finite in stage '{self._stage}', epoch {self._epoch + 1}, "
            f"step {step + 1}: {listed}; lower the learning rate or use --precision float32"
        )


class JsonLines:
    """A log file of one JSON document a line; a checkpoint holds what it was, and restores it."""

    def __init__(self, path: Path, text: str = "") -> None:
        """Open the log as it was when a checkpoint was written, whatever happened to it since.

        Raises:
            BenchError: It cannot be written.
        """
        self._path = path
        self.text = text
        """All lines."""
        if is_first():
            write_text(path, text)

    def append(self, document: Mapping[str, Any]) -> None:
        """Append one line."""
        line = json.dumps(document) + "\n"
        self.text += line
        if not is_first():
            return
        try:
            with self._path.open("a") as file:
                file.write(line)
        except OSError as error:
            raise BenchError(f"cannot write {self._path}: {error.strerror}") from error
