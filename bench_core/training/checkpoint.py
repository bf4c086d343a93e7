"""Checkpoints: safetensors files that are written whole or not at all and never unpickled."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from bench_core.contracts.errors import CheckpointError, PluginError
from bench_core.modeling.pretrained import state_difference
from bench_core.system.files import write_atomically
from bench_core.training.identity import TrainingDescription, first_defect
from bench_core.training.selection import Selected

FORMAT = "vireid-bench/1"
CHECKPOINT_FILE = "checkpoint.safetensors"
NETWORKS = "networks."
OPTIMIZERS = "optimizers."
SELECTED = "selected."
MEMORY = "memory."
PSEUDO_LABELS = "pseudo-labels."


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a training is, and what its current epoch has logged so far.

    Attributes:
        stage: Number of the stage, from 0.
        epoch: Number of the epoch within the stage, from 0.
        step: Steps of the epoch that are done.
        loss_sums: Sum of each named loss over those steps.
        seconds: Wall time of those steps.
    """

    stage: int = 0
    epoch: int = 0
    step: int = 0
    loss_sums: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a training keeps beside networks and optimisers.

    Attributes:
        selected: The best networks so far, where they are selected by validation.
        memory: Tensors by name that a stage keeps from step to step.
        pseudo_labels: For each modality, what its images were last assigned, int64 (N,).
    """

    selected: Selected | None = None
    memory: Mapping[str, torch.Tensor] = field(default_factory=dict)
    pseudo_labels: Mapping[str, torch.Tensor] = field(default_factory=dict)


NOTHING_KEPT = Kept()


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What an interrupted training left behind, apart from its networks.

    Attributes:
        position: Where it was.
        log: The log when the checkpoint was written.
        optimizers: The state of each optimiser, for `restore_optimizer`.
        kept: What else it kept.
    """

    position: Position = field(default_factory=Position)
    log: str = ""
    optimizers: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    kept: Kept = NOTHING_KEPT


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
        processes: How many processes finished it; None in files from before this was noted.
        parts: Parts of its share of a batch that each of them ran one after another; likewise.
        untouched: Whether the networks are what they started from: nothing was trained.
    """

    seconds: float
    waiting_for_data: float
    device: str
    selected_epoch: int | None = None
    validation_score: float | None = None
    processes: int | None = None
    parts: int | None = None
    untouched: bool = False


_REPORT, _POSITION, _TEXT = TypeAdapter(TrainingReport), TypeAdapter(Position), TypeAdapter(str)
_GROUPS = TypeAdapter(dict[str, list[dict[str, Any]]])


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
    path: Path, remedy: str = "remove it to train again"
) -> tuple[dict[str, torch.Tensor], TrainingDescription, TrainingReport]:
    """Read what `save_model` wrote.

    Args:
        path: The file.
        remedy: What to do where it cannot be read, for the message.

    Returns:
        The state of the networks, the training that made it, and how it went.

    Raises:
        CheckpointError: The file is unreadable or was not written by this program.
    """
    tensors, document = _load(path, remedy)
    try:
        description = TrainingDescription.from_document(document["training"])
        report = _REPORT.validate_json(json.dumps(document["report"]), strict=True)
    except (CheckpointError, KeyError, ValidationError) as error:
        raise _not_ours(path, error, remedy) from None
    return _having(NETWORKS, tensors), description, report


def load_networks(networks: nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Load a state into networks.

    Raises:
        CheckpointError: The state belongs to other networks; the message names some of them.
    """
    if difference := state_difference(networks.state_dict(), state):
        raise CheckpointError(f"{path} does not fit the method's networks: {difference}")
    networks.load_state_dict(state)


def save_progress(
    path: Path,
    networks: nn.Module,
    optimizers: Mapping[str, torch.optim.Optimizer],
    position: Position,
    identity: str,
    log: str = "",
    kept: Kept = NOTHING_KEPT,
) -> None:
    """Write all that an interrupted training needs to go on exactly where it was.

    Random states need no place here: every draw is seeded by its position in the training. The
    best networks so far and the log have theirs, so that they and the position are of one moment.

    Raises:
        BenchError: The file cannot be written; the previous checkpoint stays whole.
        PluginError: An optimiser of the method's own, or the memory of a stage, holds what a
            checkpoint cannot.
    """
    tensors = _prefixed(NETWORKS, networks.state_dict())
    for name, optimizer in optimizers.items():
        tensors |= _optimizer_tensors(name, optimizer)
    document = {
        "identity": identity,
        "position": asdict(position),
        "log": log,
        "param_groups": {name: _plain_groups(each) for name, each in optimizers.items()},
    }
    if kept.selected is not None:
        tensors |= _prefixed(SELECTED, kept.selected.state)
        document["selected"] = {"epoch": kept.selected.epoch, "score": kept.selected.score}
    tensors |= _prefixed(MEMORY, _checked_memory(kept.memory))
    tensors |= _prefixed(PSEUDO_LABELS, kept.pseudo_labels)
    _save(path, tensors, document)


def check_optimizers(optimizers: Iterable[torch.optim.Optimizer]) -> None:
    """Refuse optimisers that have stepped and keep what a checkpoint cannot hold.

    Raises:
        PluginError: One of them does.
    """
    for optimizer in optimizers:
        for _ in _kept_tensors(optimizer):
            pass
        _plain_groups(optimizer)


def _optimizer_tensors(name: str, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"{OPTIMIZERS}{name}.{key}": value.detach().cpu().contiguous()
        for key, value in _kept_tensors(optimizer)
    }


def _kept_tensors(optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, torch.Tensor]]:
    for index, entries in optimizer.state_dict()["state"].items():
        for key, value in entries.items():
            if value is None:
                continue
            if not isinstance(value, torch.Tensor):
                raise PluginError(
                    f"{type(optimizer).__name__} keeps '{key}' as a {type(value).__name__}, and "
                    "checkpoints hold tensors alone; let it keep a tensor, as torch's own do"
                )
            yield f"{index}.{key}", value


def _plain_groups(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = optimizer.state_dict()["param_groups"]
    try:
        json.dumps(groups)
    except TypeError as error:
        raise PluginError(
            f"{type(optimizer).__name__} has an entry in its groups that is no plain value "
            f"({error}), so that no checkpoint can hold it; use numbers, texts and lists"
        ) from None
    return groups


def _checked_memory(memory: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Copy the memory of a stage, whose tensors may share theirs; refuse what it may not hold."""
    for name, value in memory.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise PluginError(
                f"the memory of a stage holds a {type(value).__name__} as {name!r}; it may hold "
                "tensors by name"
            )
    return {name: value.detach().clone() for name, value in memory.items()}


def load_progress(
    path: Path, networks: nn.Module, identity: str, *, from_stage: int = 0
) -> Progress:
    """Read what `save_progress` wrote, and load the networks, unless they are of an earlier stage.

    Raises:
        CheckpointError: The file is unreadable, or belongs to another training.
    """
    remedy = "remove it to train again from the start"
    tensors, document = _load(path, remedy)
    if document.get("identity") != identity:
        raise CheckpointError(
            f"{path} belongs to another training; remove it or choose another --runs folder"
        )
    try:
        progress = _progress(tensors, document)
    except (KeyError, TypeError, ValueError) as error:  # ValidationError is a ValueError
        raise _not_ours(path, error, remedy) from None
    if progress.position.stage >= from_stage:
        load_networks(networks, _having(NETWORKS, tensors), path)
    return progress


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load an optimiser's state, laid out in memory as its parameters are.

    The layout decides which elements a vectorised kernel handles in its tail, and with it the last
    bit of a result: a resumed training must not differ from an uninterrupted one.

    Raises:
        CheckpointError: It is the state of another optimiser.
    """
    try:
        optimizer.load_state_dict(state)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RuntimeError) as error:
        raise CheckpointError(
            f"the checkpoint does not fit the optimisers of its stage ({first_defect(error)}); "
            "remove it to train again from the start"
        ) from None
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.dim() != 4 or parameter not in optimizer.state:
                continue
            entries = optimizer.state[parameter]
            for key, value in entries.items():
                if value.shape == parameter.shape:
                    entries[key] = torch.empty_like(parameter).copy_(value)


def _progress(tensors: Mapping[str, torch.Tensor], document: Mapping[str, Any]) -> Progress:
    optimizers: dict[str, dict[str, Any]] = {
        name: {"state": {}, "param_groups": groups}
        for name, groups in _GROUPS.validate_python(document["param_groups"], strict=True).items()
    }
    for full_name, tensor in _having(OPTIMIZERS, tensors).items():
        name, index, key = full_name.rsplit(".", 2)
        optimizers[name]["state"].setdefault(int(index), {})[key] = tensor
    selected = document.get("selected")
    return Progress(
        position=_POSITION.validate_json(json.dumps(document["position"]), strict=True),
        log=_TEXT.validate_json(json.dumps(document["log"]), strict=True),
        optimizers=optimizers,
        kept=Kept(
            selected=selected and Selected(state=_having(SELECTED, tensors), **selected),
            memory=_having(MEMORY, tensors),
            pseudo_labels=_having(PSEUDO_LABELS, tensors),
        ),
    )


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


def _load(path: Path, remedy: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist or is no file")
    try:
        content = path.read_bytes()  # the reader takes no path that is not UTF-8
        tensors = load(content)
        metadata = _metadata(content)
    # What a header of another form makes of it: the reader's own error, or one of torch.
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
        raise CheckpointError(f"{path} is no readable checkpoint ({error}); {remedy}") from None
    if FORMAT not in metadata:
        raise CheckpointError(
            f"{path} was not written by this version of bench (no entry '{FORMAT}'); {remedy}"
        )
    try:
        document = json.loads(metadata[FORMAT])
    except (ValueError, RecursionError) as error:
        raise _not_ours(path, error, remedy) from None
    if not isinstance(document, dict):
        raise _not_ours(path, TypeError("it is no JSON object"), remedy)
    return tensors, document


def _metadata(content: bytes) -> dict[str, str]:
    """Return what a safetensors file says of itself, in the header behind its length."""
    length = int.from_bytes(content[:8], "little")
    found: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return found


def _not_ours(path: Path, error: Exception, remedy: str) -> CheckpointError:
    detail = f"no entry {error}" if isinstance(error, KeyError) else first_defect(error)[:200]
    return CheckpointError(
        f"{path}: its entry '{FORMAT}' is not what bench writes ({detail}); {remedy}"
    )
