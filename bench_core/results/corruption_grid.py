"""The scores of a result by corruption and severity: what they amount to, and how they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from bench_core.contracts.degraded import CorruptionCell, CorruptionGrid
from bench_core.contracts.errors import DataError
from bench_core.corrupted_twins import CORRUPTIONS, GROUPS, SEVERITIES
from bench_core.results.store import read_result, result_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bench_core.contracts.result import ResultRecord
    from bench_core.contracts.scores import Metrics

ALL_CELLS = tuple((name, severity) for name in CORRUPTIONS for severity in SEVERITIES)
"""(corruption, severity) of the whole grid, in the published order."""


@dataclass(frozen=True, kw_only=True)
class GridSummary:
    """What a grid amounts to, for one metric.

    Attributes:
        clean: Score on images that are not corrupted.
        mean: Mean over all cells.
        kept: `mean` as a part of `clean`; None where that is 0.
        groups: Mean over the cells of the corruptions of a kind.
    """

    clean: float
    mean: float
    kept: float | None
    groups: dict[str, float]


def is_whole(grid: CorruptionGrid) -> bool:
    """Whether every corruption was scored at every severity."""
    return set(grid.by_cell) >= set(ALL_CELLS)


def missing_cells(
    grid: CorruptionGrid | None, names: Collection[str], severities: Collection[int]
) -> list[tuple[str, int]]:
    """Return the cells of some corruptions and severities that a grid lacks, in order."""
    known = {} if grid is None else grid.by_cell
    return [
        (name, severity)
        for name, severity in ALL_CELLS
        if name in names and severity in severities and (name, severity) not in known
    ]


def with_cell(grid: CorruptionGrid | None, clean: Metrics, cell: CorruptionCell) -> CorruptionGrid:
    """Return a grid with one cell more."""
    cells = {(old.corruption, old.severity): old for old in grid.cells} if grid else {}
    cells[cell.corruption, cell.severity] = cell
    order = {key: place for place, key in enumerate(ALL_CELLS)}
    return CorruptionGrid(
        clean=clean, cells=tuple(cells[key] for key in sorted(cells, key=order.__getitem__))
    )


def summarise(grids: Iterable[CorruptionGrid], metric: str) -> GridSummary:
    """Return what whole grids amount to, the mean over several seeds.

    Args:
        grids: At least one.
        metric: Such as "mAP".
    """
    several = list(grids)
    by_name = {
        name: fmean(
            grid.by_cell[name, severity][metric] for grid in several for severity in SEVERITIES
        )
        for name in CORRUPTIONS
    }
    clean = fmean(grid.clean.by_name()[metric] for grid in several)
    mean = fmean(by_name.values())
    return GridSummary(
        clean=clean,
        mean=mean,
        kept=mean / clean if clean else None,
        groups={group: fmean(by_name[name] for name in names) for group, names in GROUPS.items()},
    )


def with_known_grid(results: Path, record: ResultRecord) -> ResultRecord:
    """Return a record with the grid of the one that it replaces, if that is of the same features.

    Args:
        results: The results folder.
        record: About to be written.
    """
    path = result_path(results, record)
    if record.protocol.degradation is None or not path.exists():
        return record
    try:
        replaced = read_result(path)
    except DataError:  # a damaged record, which is about to be replaced
        return record
    if replaced.features != record.features:
        return record
    return record.model_copy(update={"corruption_grid": replaced.corruption_grid})
