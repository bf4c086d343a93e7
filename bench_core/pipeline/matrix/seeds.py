"""The cells of a matrix that differ in their seeds alone, as a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench_core.contracts.result import ResultRecord
from bench_core.pipeline.matrix.survey import CellStatus
from bench_core.results.seeds import Spread, groups_of_seeds, spreads_over_seeds


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
    done = [(cell, cell.record[1]) for cell in cells if cell.record is not None]
    groups = groups_of_seeds(done, lambda pair: pair[1])
    return tuple(
        _row(group[0][0], [record for _, record in group]) for group in groups if len(group) > 1
    )


def _row(first: CellStatus, records: list[ResultRecord]) -> SeedRow:
    return SeedRow(
        first=first,
        seeds=tuple(seed for record in records for seed in record.seeds),
        metrics=spreads_over_seeds(records),
    )
