"""The table of robustness below that of a corrupted protocol: scores by kind of corruption."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

from bench_core.corrupted_twins import CORRUPTIONS, GROUPS, SEVERITIES
from bench_core.leaderboard.cells import percent
from bench_core.results.corruption_grid import GridSummary, is_whole, summarise
from bench_core.results.joined import members_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.contracts.degraded import CorruptionGrid
    from bench_core.contracts.result import ResultRecord

METRIC = "mAP"
COLUMNS = ("method", "clean", "mean", "kept (%)", *GROUPS)
FLAT_METRICS = ("rank-1", "mAP", "mINP")
"""Those of the published benchmark; JSON has all."""
GRID_COLUMNS = tuple(
    f"{metric}-grid-{figure}" for metric in FLAT_METRICS for figure in ("clean", "mean", *GROUPS)
)
"""What flat tables say of a row with whole grids."""
LEGEND = (
    "mAP of every corruption at every severity: the mean over all 100, the part of the score on "
    "clean images that it is, and the mean over the corruptions of a kind."
)
UNKNOWN = "-"


def grids_of(record: ResultRecord) -> list[CorruptionGrid]:
    """Return the grid of each seed of a row; none where one is missing or not whole."""
    grids = [member.corruption_grid for member in members_of(record)]
    known = [grid for grid in grids if grid is not None and is_whole(grid)]
    return known if len(known) == len(grids) else []


def robustness_rows(records: Sequence[ResultRecord], names: Sequence[str]) -> list[list[str]]:
    """Return the cells of `COLUMNS` of rows that have whole grids, the best mean first.

    Args:
        records: The rows of a table.
        names: What each is called.
    """
    return [[names[place], *cells] for place, cells in robustness_cells(records)]


def robustness_cells(records: Sequence[ResultRecord]) -> list[tuple[int, list[str]]]:
    """Return, of rows that have whole grids, their place and their cells, the best mean first.

    Args:
        records: The rows of a table.

    Returns:
        The place among `records`, with the cells of `COLUMNS` behind the name.
    """
    known = [
        (place, summarise(grids, METRIC))
        for place, record in enumerate(records)
        if (grids := grids_of(record))
    ]
    ordered = sorted(known, key=lambda pair: -pair[1].mean)  # rows of one mean stay in their order
    return [(place, _cells(summary)) for place, summary in ordered]


def robustness_values(record: ResultRecord) -> dict[str, Any]:
    """Return what JSON says of a row with whole grids, by metric; nothing of another."""
    grids = grids_of(record)
    if not grids:
        return {}
    summaries = {name: summarise(grids, name) for name in grids[0].clean.by_name()}
    return {
        "corruption": {
            name: {
                "clean": summary.clean,
                "mean": summary.mean,
                "kept": summary.kept,
                "kinds": summary.groups,
            }
            for name, summary in summaries.items()
        }
    }


def flat_robustness(record: ResultRecord) -> dict[str, float]:
    """Return the `GRID_COLUMNS` of a row with whole grids; nothing of another."""
    grids = grids_of(record)
    values: dict[str, float] = {}
    for metric in FLAT_METRICS if grids else ():
        summary = summarise(grids, metric)
        figures = {"clean": summary.clean, "mean": summary.mean, **summary.groups}
        values |= {f"{metric}-grid-{figure}": value for figure, value in figures.items()}
    return values


def robustness_grid(record: ResultRecord) -> list[list[float]]:
    """Return `METRIC` by corruption and severity, the mean over seeds; nothing without whole grids.

    Returns:
        A list for each corruption, in the published order, with a fraction for each severity.
    """
    grids = grids_of(record)
    return [
        [fmean(grid.by_cell[name, severity][METRIC] for grid in grids) for severity in SEVERITIES]
        for name in (CORRUPTIONS if grids else ())
    ]


def _cells(summary: GridSummary) -> list[str]:
    kept = UNKNOWN if summary.kept is None else percent(summary.kept)
    kinds = (percent(summary.groups[kind]) for kind in GROUPS)
    return [percent(summary.clean), percent(summary.mean), kept, *kinds]
