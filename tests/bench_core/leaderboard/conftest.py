"""Invented records."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench_core.contracts.degraded import CorruptionCell, CorruptionGrid, DegradationUsed
from bench_core.contracts.result import ResultRecord
from bench_core.corrupted_twins import corruption
from bench_core.results.corruption_grid import ALL_CELLS

EXAMPLE = Path(__file__).parents[1] / "contracts" / "records" / "schema-1.json"


def build_record(
    rank_1: float = 0.3,
    mean_ap: float = 0.3,
    *,
    origin: str | None = None,
    known: bool = True,
    **changes: object,
) -> ResultRecord:
    """Make a record whose two trials score alike; `method__seed=3` changes that field.

    With an `origin`, the model came from outside; where that is not `known`, nothing is but scores.
    """
    document = json.loads(EXAMPLE.read_text())
    if origin is not None:
        document["origin"] = {"kind": origin, "files": ["e" * 64]}
        document["provenance"]["training_identities"] = []
    document["method"] |= {"variant": None, "overrides": []}
    if not known:
        document |= {"schema_version": 3, "cost": None}
        document["method"] |= {"preset": None, "seed": None, "config": {}}
        document["provenance"] |= {"weights": None, "selection": None, "training_format": None}
    document["scores"] |= _scores(rank_1, mean_ap)
    for name, value in changes.items():
        part, field = name.split("__")
        document[part][field] = value
    return ResultRecord.from_json(json.dumps(document))


def _scores(rank_1: float, mean_ap: float) -> dict[str, Any]:
    trial = {"cmc": [rank_1] * 20, "mAP": mean_ap, "mINP": mean_ap}
    mean = {f"rank-{k}": rank_1 for k in (1, 5, 10, 20)} | {"mAP": mean_ap, "mINP": mean_ap}
    interval = {name: [value / 2, value] for name, value in mean.items()}
    return {
        "trials": [trial, trial],
        "mean": mean,
        "std": dict.fromkeys(mean, 0.0),
        "interval": interval,
    }


def build_corrupted(record: ResultRecord, value: float, cells: int = 100) -> ResultRecord:
    """Return a record under a corrupted protocol, with scores for some cells of the grid."""
    mean = record.scores.mean
    worse = mean.model_copy(update={"mean_average_precision": value})
    grid = CorruptionGrid(
        clean=mean,
        cells=tuple(
            CorruptionCell(corruption=name, severity=severity, mean=worse)
            for name, severity in ALL_CELLS[:cells]
        ),
    )
    protocol = record.protocol.model_copy(
        update={
            "id": f"{record.protocol.id}-corrupted",
            "degradation": DegradationUsed.of(corruption("resized")),
        }
    )
    return record.model_copy(update={"protocol": protocol, "corruption_grid": grid})


@pytest.fixture(scope="session")
def make_record() -> Callable[..., ResultRecord]:
    """Return `build_record`."""
    return build_record


@pytest.fixture(scope="session")
def corrupted() -> Callable[..., ResultRecord]:
    """Return `build_corrupted`."""
    return build_corrupted


@pytest.fixture
def example() -> ResultRecord:
    """A record whose two trials differ."""
    return ResultRecord.from_json(EXAMPLE.read_text())
