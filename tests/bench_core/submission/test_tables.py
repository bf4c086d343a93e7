"""Which rows of which tables change is told with their ranks before and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.evaluation.query_table import QueryTable
from bench_core.results.store import read_result
from bench_core.submission.tables import table_changes


@pytest.fixture
def stored(
    make_table: Callable[..., QueryTable], store_result: Callable[..., Path]
) -> dict[str, tuple[Path, ResultRecord]]:
    """Three results of one table, far from each other, by the name of their method."""
    found = {}
    for name, success in (("best", 0.9), ("middle", 0.5), ("last", 0.1)):
        path = store_result(make_table(success), method__id=name)
        found[name] = (path, read_result(path))
    return found


def test_the_ranks_before_and_after_are_told(
    stored: dict[str, tuple[Path, ResultRecord]],
) -> None:
    before = dict(stored[name] for name in ("middle", "last"))
    after = dict(stored[name] for name in ("best", "middle"))
    (table,) = table_changes(before, after).tables
    assert "sysu-all-single, official galleries" in table.heading
    assert not table.is_new
    rows = {row.label: (row.kind, row.before, row.after) for row in table.rows}
    assert rows == {
        "best": ("new", None, "1"),
        "middle": ("moved", "1", "2"),
        "last": ("removed", "2", None),
    }


def test_where_nothing_changes_there_is_no_table(
    stored: dict[str, tuple[Path, ResultRecord]],
) -> None:
    everything = dict(stored.values())
    assert table_changes(everything, everything).tables == ()
    (table,) = table_changes({}, everything).tables
    assert table.is_new
    assert [row.after for row in table.rows] == ["1", "2", "3"]


def test_a_result_with_other_scores_is_replaced(
    stored: dict[str, tuple[Path, ResultRecord]],
    make_table: Callable[..., QueryTable],
    store_result: Callable[..., Path],
) -> None:
    before = dict([stored["middle"]])
    record = stored["middle"][1]
    content = make_table(0.6)
    path = store_result(content, method__id="middle")
    (table,) = table_changes(before, {path: read_result(path)}).tables
    (row,) = table.rows
    assert (row.kind, row.before, row.after) == ("replaced", "1", "1")
    assert row.rank_1 > record.scores.mean.rank_1
