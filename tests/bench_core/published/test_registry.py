"""What was printed for a method: its own paper first, and nothing that is most likely wrong."""

from __future__ import annotations

import pytest

from bench_core.published.registry import Published


def test_rows_of_a_protocol_are_sorted_by_method(published: Published) -> None:
    rows = published.rows_of("sysu-all-single")
    assert {row.protocol for row in rows} == {"sysu-all-single"}
    assert [row.method for row in rows] == sorted(row.method for row in rows)


@pytest.mark.parametrize(
    ("method", "reranker", "printed"),
    [
        ("xiv", None, "49.92"),
        ("xiv:baseline", None, "38.39"),
        ("ts-gan", None, "49.8"),
        ("ts-gan", "k-reciprocal", "58.3"),
        ("agw", None, "47.50"),
    ],
)
def test_the_own_row_is_that_of_the_paper_that_introduces_the_method(
    published: Published, method: str, reranker: str | None, printed: str
) -> None:
    row = published.own_row(method, "sysu-all-single", reranker=reranker, metric="rank-1")
    assert row is not None
    assert row.values["rank-1"] == printed


def test_a_number_of_another_re_ranker_is_no_own_row(published: Published) -> None:
    row = published.own_row("ts-gan", "sysu-all-single", reranker="aim", metric="rank-1")
    assert row is None


def test_what_others_say_or_nobody_checked_is_no_own_row(published: Published) -> None:
    for method in ("cmgan", "mpanet", "nobody"):
        own = published.own_row(method, "sysu-all-single", reranker=None, metric="rank-1")
        assert own is None


def test_a_suspect_number_has_its_conflict(published: Published) -> None:
    suspect = {
        (row.source, row.method, metric)
        for row in published.rows_of("regdb-visible-to-thermal")
        for metric in row.values
        if published.suspicion(row, metric)
    }
    assert {source for source, method, _ in suspect if method == "zero-padding"} == {
        "aligngan",
        "jsia",
    }
    assert ("aligngan", "zero-padding", "rank-1") not in suspect


def test_citations_name_source_and_table(published: Published) -> None:
    row = published.own_row("xiv:baseline", "sysu-all-single", reranker=None, metric="mAP")
    assert row is not None
    assert published.citation(row) == "XIV, Table 4"
    unchecked = next(row for row in published.rows if row.source == "mpanet-paper")
    assert published.citation(unchecked) == "MPANet (unchecked)"
