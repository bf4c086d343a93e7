"""What scores by corruption and severity amount to."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bench_core.contracts.degraded import CorruptionCell, CorruptionGrid
from bench_core.contracts.scores import Metrics
from bench_core.corrupted_twins import CORRUPTIONS, SEVERITIES
from bench_core.results.corruption_grid import (
    ALL_CELLS,
    is_whole,
    missing_cells,
    summarise,
    with_cell,
)


def metrics(value: float) -> Metrics:
    names = ("rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP")
    return Metrics.model_validate(dict.fromkeys(names, value))


def cell(name: str, severity: int, value: float) -> CorruptionCell:
    return CorruptionCell(corruption=name, severity=severity, mean=metrics(value))


def whole(noise: float, rest: float, clean: float = 0.8) -> CorruptionGrid:
    cells = tuple(
        cell(name, severity, noise if name.endswith("_noise") else rest)
        for name, severity in ALL_CELLS
    )
    return CorruptionGrid(clean=metrics(clean), cells=cells)


def test_the_whole_grid_has_a_hundred_cells() -> None:
    assert len(ALL_CELLS) == len(set(ALL_CELLS)) == 100
    grid = whole(0.1, 0.2)
    assert is_whole(grid)
    assert missing_cells(grid, CORRUPTIONS, SEVERITIES) == []
    assert missing_cells(None, CORRUPTIONS, SEVERITIES) == list(ALL_CELLS)


def test_what_is_there_is_not_scored_again() -> None:
    grid = with_cell(None, metrics(0.8), cell("fog", 2, 0.5))
    assert missing_cells(grid, ("snow", "fog"), (2, 4)) == [("snow", 2), ("snow", 4), ("fog", 4)]
    grid = with_cell(grid, metrics(0.8), cell("snow", 4, 0.4))
    assert list(grid.by_cell) == [("snow", 4), ("fog", 2)]  # in the published order
    assert not is_whole(grid)


def test_a_summary_is_a_mean_of_all_cells_and_of_each_kind() -> None:
    summary = summarise([whole(0.1, 0.2)], "mAP")
    assert summary.mean == pytest.approx((4 * 0.1 + 16 * 0.2) / 20)
    assert summary.kept == pytest.approx(summary.mean / 0.8)
    assert summary.groups == pytest.approx(
        {"noise": 0.1, "blur": 0.2, "weather": 0.2, "digital": 0.2}
    )


def test_several_seeds_are_averaged_and_a_score_of_nothing_keeps_no_part() -> None:
    assert summarise([whole(0.1, 0.1), whole(0.3, 0.3)], "rank-1").mean == pytest.approx(0.2)
    assert summarise([whole(0.0, 0.0, clean=0.0)], "mAP").kept is None


def test_no_cell_is_there_twice() -> None:
    with pytest.raises(ValidationError, match="a corruption and a severity twice"):
        CorruptionGrid(clean=metrics(1.0), cells=(cell("fog", 1, 0.1), cell("fog", 1, 0.2)))
