"""What a training reports: mean losses by epoch, checked to be finite, as lines of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from bench_core.contracts.errors import BenchError, TrainingError

STEPS_BETWEEN_SYNCHRONISATIONS = 20
"""On CUDA losses are read this often, so that the host seldom waits for the device."""


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
        """
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
    """A log file of one JSON document a line."""

    def __init__(self, path: Path, keep_bytes: int = 0) -> None:
        """Open the log; what lies behind `keep_bytes` was logged after the checkpoint and goes."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            with path.open("r+b") as file:
                file.truncate(keep_bytes)
        except OSError as error:
            raise BenchError(f"cannot write {path}: {error.strerror}") from error

    @property
    def num_bytes(self) -> int:
        """Length of the log."""
        return self._path.stat().st_size

    def append(self, document: Mapping[str, Any]) -> None:
        """Append one line."""
        try:
            with self._path.open("a") as file:
                file.write(json.dumps(document) + "\n")
        except OSError as error:
            raise BenchError(f"cannot write {self._path}: {error.strerror}") from error
