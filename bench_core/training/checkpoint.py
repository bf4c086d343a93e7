"""Checkpoints: safetensors files that are written whole or not at all and never unpickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from bench_core.contracts.errors import CheckpointError
from bench_core.files import write_atomically
from bench_core.training.identity import TrainingDescription
from bench_core.training.selection import Selected

FORMAT = "vireid-bench/1"
NETWORKS = "networks."
OPTIMIZERS = "optimizers."
SELECTED = "selected."


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a training is, and what its current epoch has logged so far.

    Attributes:
        stage: Number of the stage, from 0.
        epoch: Number of the epoch within the stage, from 0.
        step: Steps of the epoch that are done.
        loss_sums: Sum of each named loss over those steps.
        seconds: Wall time of those steps.
        log_bytes: Length of the log when the checkpoint was written.
    """

    stage: int = 0
    epoch: int = 0
    step: int = 0
    loss_sums: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    log_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What an interrupted training left behind, apart from its networks.

    Attributes:
        position: Where it was.
        optimizers: The state of each optimiser, for `restore_optimizer`.
        selected: The best networks so far, where they are selected by validation.
    """

    position: Position = field(default_factory=Position)
    optimizers: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    selected: Selected | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """How a finished training went.

    Attributes:
        seconds: Wall time of its steps, over all interruptions; without validation.
        waiting_for_data: Share of that time spent waiting for a batch, in [0, 1].
        device: Name of the device that finished it.
        selected_epoch: Epoch of the last stage, from 1, whose networks validation selected; None
            where those of the last epoch were kept without it.
        validation_score: mAP of those networks on the validation people, in [0, 1].
    """

    seconds: float
    waiting_for_data: float
    device: str
    selected_epoch: int | None = None
    validation_score: float | None = None


def save_model(
    path: Path, networks: nn.Module, description: TrainingDescription, report: TrainingReport
) -> None:
    """Write the networks of a finished training.

    Raises:
        BenchError: The file cannot be written.
    """
    document = {"training": description.document(), "report": asdict(report)}
    _save(path, _prefixed(NETWORKS, networks.state_dict()), document)


def load_model(
    path: Path,
) -> tuple[dict[str, torch.Tensor], TrainingDescription, TrainingReport]:
    """Read what `save_model` wrote.

    Returns:
        The state of the networks, the training that made it, and how it went.

    Raises:
        CheckpointError: The file is unreadable or was not written by this program.
    """
    tensors, document = _load(path)
    description = TrainingDescription.from_document(document["training"])
    return _having(NETWORKS, tensors), description, TrainingReport(**document["report"])


def load_networks(networks: nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Load a state into networks.

    Raises:
        CheckpointError: The state belongs to other networks; the message names one difference.
    """
    try:
        networks.load_state_dict(state)
    except RuntimeError as error:
        detail = " ".join(str(error).split())
        raise CheckpointError(f"{path} does not fit the method's networks: {detail}") from None


def save_progress(
    path: Path,
    networks: nn.Module,
    optimizers: Mapping[str, torch.optim.Optimizer],
    position: Position,
    identity: str,
    selected: Selected | None = None,
) -> None:
    """Write all that an interrupted training needs to go on exactly where it was.

    Random states need no place here: every draw is seeded by its position in the training. The
    best networks so far have theirs, so that they and the position are of one moment.

    Raises:
        BenchError: The file cannot be written; the previous checkpoint stays whole.
    """
    tensors = _prefixed(NETWORKS, networks.state_dict())
    groups = {}
    for name, optimizer in optimizers.items():
        state = optimizer.state_dict()
        groups[name] = state["param_groups"]
        for index, entries in state["state"].items():
            for key, value in entries.items():
                if value is not None:
                    tensors[f"{OPTIMIZERS}{name}.{index}.{key}"] = value.detach().cpu().contiguous()
    document = {"identity": identity, "position": asdict(position), "param_groups": groups}
    if selected is not None:
        tensors |= _prefixed(SELECTED, selected.state)
        document["selected"] = {"epoch": selected.epoch, "score": selected.score}
    _save(path, tensors, document)


def load_progress(path: Path, networks: nn.Module, identity: str) -> Progress:
    """Read what `save_progress` wrote, and load the networks.

    Raises:
        CheckpointError: The file is unreadable, or belongs to another training.
    """
    tensors, document = _load(path)
    if document.get("identity") != identity:
        raise CheckpointError(
            f"{path} belongs to another training; remove it or choose another --runs folder"
        )
    load_networks(networks, _having(NETWORKS, tensors), path)
    optimizers: dict[str, dict[str, Any]] = {
        name: {"state": {}, "param_groups": groups}
        for name, groups in document["param_groups"].items()
    }
    for full_name, tensor in _having(OPTIMIZERS, tensors).items():
        name, index, key = full_name.rsplit(".", 2)
        optimizers[name]["state"].setdefault(int(index), {})[key] = tensor
    selected = document.get("selected")
    return Progress(
        position=Position(**document["position"]),
        optimizers=optimizers,
        selected=selected and Selected(state=_having(SELECTED, tensors), **selected),
    )


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load an optimiser's state, laid out in memory as its parameters are.

    The layout decides which elements a vectorised kernel handles in its tail, and with it the last
    bit of a result: a resumed training must not differ from an uninterrupted one.
    """
    optimizer.load_state_dict(state)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.dim() != 4 or parameter not in optimizer.state:
                continue
            entries = optimizer.state[parameter]
            for key, value in entries.items():
                if value.shape == parameter.shape:
                    entries[key] = torch.empty_like(parameter).copy_(value)


def _prefixed(prefix: str, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": value.detach().cpu().contiguous() for name, value in state.items()}


def _having(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _save(path: Path, tensors: dict[str, torch.Tensor], document: Mapping[str, Any]) -> None:
    # One key alone: safetensors writes several in an order that differs from process to process.
    content = save(tensors, {FORMAT: json.dumps(document, sort_keys=True)})
    write_atomically(path, lambda file: _write(file, content))


def _write(file: Any, content: bytes) -> None:
    file.write(content)


def _load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist or is no file")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is no readable checkpoint ({error}); remove it to train again"
        ) from None
    if FORMAT not in metadata:
        raise CheckpointError(
            f"{path} was not written by this version of bench (no entry '{FORMAT}'); train it anew"
        )
    return tensors, json.loads(metadata[FORMAT])
