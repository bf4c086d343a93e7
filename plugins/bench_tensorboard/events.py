"""What is written: scalars under names by which TensorBoard groups its charts.

`STAGE/loss/NAME`, `STAGE/learning rate/OPTIMISER`, `STAGE/validation mAP`, `STAGE/speed/...` by the
number of the epoch within the stage; `score/PROTOCOL/METRIC` of a finished run at step 0.
"""

from __future__ import annotations

import atexit
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch.utils.tensorboard import SummaryWriter

if TYPE_CHECKING:
    from bench_core import ResultRecord

FOLDER = "tensorboard"
"""Folder of the event files, within that of a training."""
SPEEDS = {
    "seconds": "seconds an epoch",
    "images_per_second": "images per second",
    "waiting_for_data": "share of time waiting for data",
}
"""Figures of an epoch's line in the log, with what charts call them."""
VALIDATION = "validation_mAP"

_WRITERS: dict[str, SummaryWriter] = {}
"""The open files by folder: one file a training and process, not one an epoch."""


def write_epoch(
    folder: str, stage: str, epoch: int, losses: Mapping[str, float], line: Mapping[str, object]
) -> None:
    """Write what an epoch tells of itself.

    Args:
        folder: Of the training.
        stage: Name of the stage.
        epoch: Number of the epoch within it, from 1.
        losses: Mean of each loss.
        line: The epoch's line in the log.
    """
    writer = _writer(folder)
    for name, value in _scalars(losses, line):
        writer.add_scalar(f"{stage}/{name}", value, epoch)
    writer.flush()


def _scalars(
    losses: Mapping[str, float], line: Mapping[str, object]
) -> Iterator[tuple[str, float]]:
    yield from ((f"loss/{name}", value) for name, value in losses.items())
    rates = line.get("learning_rates")
    if isinstance(rates, Mapping):
        yield from ((f"learning rate/{name}", float(rate)) for name, rate in rates.items())
    shown = {VALIDATION: "validation mAP", **{key: f"speed/{name}" for key, name in SPEEDS.items()}}
    for key, name in shown.items():
        value = line.get(key)
        if isinstance(value, int | float):
            yield name, float(value)


def write_scores(record: ResultRecord, folders: Sequence[str]) -> None:
    """Write the scores of a run and its configuration, and close the files of its trainings.

    Where each trial has a training of its own, that has the scores of its trial; else the only
    training has the mean over trials. A model trained elsewhere has no folder of ours.

    Args:
        record: The result.
        folders: Of the trainings, in the order of trials.
    """
    if record.origin.kind != "trained-here":
        return
    protocol = record.protocol
    name = f"{protocol.id} {protocol.convention}{' re-ranked' if protocol.rerank else ''}"
    trials = [trial.as_metrics() for trial in record.scores.trials]
    scores = [record.scores.mean] if len(folders) == 1 else trials
    for folder, metrics in zip(folders, scores, strict=True):
        writer = _writer(folder)
        for metric, value in metrics.by_name().items():
            writer.add_scalar(f"score/{name}/{metric}", value, 0)
        configuration = json.dumps(record.method.config, indent=1)
        writer.add_text("configuration", f"{record.label}\n\n```json\n{configuration}\n```", 0)
        _WRITERS.pop(folder).close()


def _writer(folder: str) -> SummaryWriter:
    if folder not in _WRITERS:
        _WRITERS[folder] = SummaryWriter(str(Path(folder) / FOLDER))
    return _WRITERS[folder]


@atexit.register
def _close_all() -> None:
    """Close what is open: trainings that no run scored."""
    while _WRITERS:
        _WRITERS.popitem()[1].close()
