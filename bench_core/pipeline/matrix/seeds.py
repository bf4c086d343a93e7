"""Several seeds of one configuration as a row: their mean, how far seeds and trials spread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from bench_core.contracts.metrics import METRICS
from bench_core.contracts.result import ResultRecord
from bench_core.pipeline.matrix.survey import CellStatus
from bench_core.system.files import hash_json


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A metric over seeds, as a fraction.

    Attributes:
        mean: Over seeds, of the mean over trials.
        over_seeds: Standard deviation over seeds (of a sample) of the mean over trials.
        over_trials: Standard deviation over the trials of one seed, on average over seeds.
    """

    mean: float
    over_seeds: float
    over_trials: float


@dataclass(frozen=True, kw_only=True)
class SeedRow:
    """A configuration under a protocol, with several seeds.

    Attributes:
        first: The cell of its first seed.
        seeds: Those that have a result.
        metrics: By name.
    """

    first: CellStatus
    seeds: tuple[int, ...]
    metrics: dict[str, Spread]


def rows_over_seeds(cells: Iterable[CellStatus]) -> tuple[SeedRow, ...]:
    """Join the cells that differ in their seeds alone, where two or more have a result."""
    groups: dict[str, list[CellStatus]] = {}
    for cell in cells:
        if cell.record is not None:
            groups.setdefault(_but_for_the_seed(cell), []).append(cell)
    return tuple(_row(group) for group in groups.values() if len(group) > 1)


def _but_for_the_seed(cell: CellStatus) -> str:
    expected = cell.planned.expected
    method = {name: value for name, value in expected["method"].items() if name != "seed"}
    return hash_json([method, expected["dataset"], expected["protocol"], expected["weights"]])


def _row(group: Sequence[CellStatus]) -> SeedRow:
    records = [cell.record[1] for cell in group if cell.record is not None]
    return SeedRow(
        first=group[0],
        seeds=tuple(r.method.seed for r in records if r.method.seed is not None),
        metrics={name: _spread(name, records) for name in METRICS},
    )


def _spread(name: str, records: Sequence[ResultRecord]) -> Spread:
    means = [record.scores.mean.by_name()[name] for record in records]
    return Spread(
        mean=fmean(means),
        over_seeds=stdev(means),
        over_trials=fmean(record.scores.std.by_name()[name] for record in records),
    )
