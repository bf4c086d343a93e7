"""Corrupted results stand apart, and those with a whole grid have a table of robustness."""

from __future__ import annotations

import json
from collections.abc import Callable

from bench_core.contracts.degraded import CorruptionCell, CorruptionGrid, DegradationUsed
from bench_core.contracts.result import ResultRecord
from bench_core.corrupted_twins import corruption
from bench_core.leaderboard.render import render
from bench_core.results.corruption_grid import ALL_CELLS

Make = Callable[..., ResultRecord]


def corrupted(record: ResultRecord, value: float, cells: int = 100) -> ResultRecord:
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


def never(first: ResultRecord, second: ResultRecord) -> bool:
    return False


def test_clean_and_corrupted_results_share_no_table(make_record: Make) -> None:
    clean = make_record(0.4, 0.4)
    text = render([clean, corrupted(clean, 0.2)], "table", never)
    assert text.count("GMAC") >= 2
    assert "images are degraded after resizing" in " ".join(text.split())


def test_the_table_of_robustness_is_ordered_by_its_mean(make_record: Make) -> None:
    fragile = corrupted(make_record(0.5, 0.5, method__id="fragile"), 0.1)
    sturdy = corrupted(make_record(0.4, 0.4, method__id="sturdy"), 0.3)
    text = render([fragile, sturdy], "markdown", never)
    table = text[text.index("mAP of every corruption") :]
    first, second = (line for line in table.splitlines() if line.startswith(("| sturdy", "| fra")))
    cells = [cell.strip() for cell in first.split("|")]
    assert cells[1:5] == ["sturdy", "40.00", "30.00", "75.00"]
    assert second.startswith("| fragile")
    terminal = render([fragile, sturdy], "table", never)
    assert max(map(len, terminal.splitlines())) <= 80


def test_a_grid_that_is_not_whole_is_in_no_table(make_record: Make) -> None:
    part = corrupted(make_record(0.4, 0.4), 0.3, cells=99)
    assert "mAP of every corruption" not in render([part], "markdown", never)
    assert "kept" not in render([part], "json", never)


def test_json_has_every_metric_of_the_grid(make_record: Make) -> None:
    document = json.loads(render([corrupted(make_record(0.4, 0.4), 0.3)], "json", never))
    ((row,),) = [section["rows"] for section in document["sections"]]
    assert set(row["corruption"]) == {"rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP"}
    found = row["corruption"]["mAP"]
    assert (found["clean"], round(found["mean"], 9), round(found["kept"], 9)) == (0.4, 0.3, 0.75)
    assert set(found["kinds"]) == {"noise", "blur", "weather", "digital"}
