"""Corrupted results stand apart, and those with a whole grid have a table of robustness."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.corruption import GRID_COLUMNS
from bench_core.leaderboard.page.data import page_data
from bench_core.leaderboard.render import render
from bench_core.leaderboard.rows import sections

Make = Callable[..., ResultRecord]


def never(first: ResultRecord, second: ResultRecord) -> bool:
    return False


def test_clean_and_corrupted_results_share_no_table(make_record: Make, corrupted: Make) -> None:
    clean = make_record(0.4, 0.4)
    text = render([clean, corrupted(clean, 0.2)], "table", never)
    assert text.count("GMAC") >= 2
    assert "images are degraded after resizing" in " ".join(text.split())


def test_the_table_of_robustness_is_ordered_by_its_mean(make_record: Make, corrupted: Make) -> None:
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


def test_a_grid_that_is_not_whole_is_in_no_table(make_record: Make, corrupted: Make) -> None:
    part = corrupted(make_record(0.4, 0.4), 0.3, cells=99)
    assert "mAP of every corruption" not in render([part], "markdown", never)
    assert "kept" not in render([part], "json", never)


def test_json_has_every_metric_of_the_grid(make_record: Make, corrupted: Make) -> None:
    document = json.loads(render([corrupted(make_record(0.4, 0.4), 0.3)], "json", never))
    ((row,),) = [section["rows"] for section in document["sections"]]
    assert set(row["corruption"]) == {"rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP"}
    found = row["corruption"]["mAP"]
    assert (found["clean"], round(found["mean"], 9), round(found["kept"], 9)) == (0.4, 0.3, 0.75)
    assert set(found["kinds"]) == {"noise", "blur", "weather", "digital"}


def test_a_flat_table_has_the_figures_of_the_grid(make_record: Make, corrupted: Make) -> None:
    records = [corrupted(make_record(0.4, 0.4), 0.3), make_record(0.5, 0.5)]
    clean, grid = csv.DictReader(io.StringIO(render(records, "csv", never)))
    found = {name: float(grid[name]) for name in GRID_COLUMNS}
    assert found == pytest.approx(
        {
            name: 0.3 if name.startswith("mAP") and not name.endswith("clean") else 0.4
            for name in GRID_COLUMNS
        }
    )
    assert {clean[name] for name in GRID_COLUMNS} == {""}


def test_a_paper_has_a_table_of_robustness_behind_that_of_the_protocol(
    make_record: Make, corrupted: Make
) -> None:
    records = [corrupted(make_record(0.4, 0.4), 0.3), make_record(0.5, 0.5)]
    clean, measured, robust = render(records, "latex", never).split(r"\begin{table}")[1:]
    assert r"\label{tab:robustness-2}" in robust
    assert r"{}xiv & 40.00 & 30.00 & 75.00 & 30.00 & 30.00 & 30.00 & 30.00 \\" in robust
    assert "robustness" not in clean + measured


def test_the_page_has_the_grid_of_each_row(make_record: Make, corrupted: Make) -> None:
    whole = corrupted(make_record(0.4, 0.4), 0.3)
    part = corrupted(make_record(0.3, 0.3, method__id="agw"), 0.2, cells=99)
    data = page_data(sections([whole, part], never))
    ((section,),) = (tab["sections"] for tab in data["tabs"])
    assert section["robustness"]["rows"] == [
        [0, "40.00", "30.00", "75.00", "30.00", "30.00", "30.00", "30.00"]
    ]
    grids = [data["pool"][row["parts"]["grid"]] for row in section["rows"]]
    assert grids == [[[0.3] * 5] * 20, []]


def test_a_page_without_grids_has_no_table_of_robustness(make_record: Make) -> None:
    ((section,),) = (tab["sections"] for tab in page_data(sections([make_record()], never))["tabs"])
    assert section["robustness"] is None
