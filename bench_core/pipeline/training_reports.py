"""How a training went, summed up from its log."""

from __future__ import annotations

import json
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch

from bench_core.contracts.errors import TrainingError
from bench_core.system.devices import device_name
from bench_core.training.checkpoint import TrainingReport
from bench_core.training.identity import TrainingDescription
from bench_core.training.run import VALIDATION_SCORE


def report_of(log: Path, description: TrainingDescription, device: torch.device) -> TrainingReport:
    """Sum up the log of a training; a method with a loop of its own may have none.

    Raises:
        TrainingError: The model was to be selected by validation, and was not.
    """
    epochs = _epochs(log) if log.exists() else []
    seconds = sum(epoch["seconds"] for epoch in epochs)
    waited = sum(epoch["seconds"] * epoch["waiting_for_data"] for epoch in epochs)
    report = TrainingReport(
        seconds=round(seconds, 3),
        waiting_for_data=round(waited / seconds, 6) if seconds else 0.0,
        device=device_name(device),
    )
    if description.selection == "last":
        return report
    validated = [epoch for epoch in epochs if VALIDATION_SCORE in epoch]
    if not validated:
        raise TrainingError(
            f"no epoch of {description.method} was validated: its last stage has none, or its "
            "train does not call run.execute; use --select last"
        )
    best = max(validated, key=itemgetter(VALIDATION_SCORE))
    return replace(report, selected_epoch=best["epoch"], validation_score=best[VALIDATION_SCORE])


def _epochs(log: Path) -> list[dict[str, Any]]:
    try:
        epochs = [json.loads(line) for line in log.read_text().splitlines()]
        return [epoch for epoch in epochs if epoch["seconds"] + epoch["waiting_for_data"] >= 0]
    except (ValueError, TypeError, KeyError, RecursionError, OSError) as error:
        raise TrainingError(
            f"{log} is not the log of a training ({type(error).__name__}: {error}); remove it and "
            "run again"
        ) from None
