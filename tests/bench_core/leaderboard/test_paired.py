"""Ranks of stored results come from the paired test on the scores of their queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench_core.evaluation.query_table import QueryTable
from bench_core.leaderboard.paired import PairedTests
from bench_core.leaderboard.render import FORMATS, render
from bench_core.leaderboard.rows import sections
from bench_core.results.remembered import RememberedAnswers
from bench_core.results.store import find_results, query_scores_path

MakeTable = Callable[..., QueryTable]
StoreResult = Callable[..., Path]


def ranks(folder: Path) -> list[tuple[int, str]]:
    found = find_results(folder).records
    (section,) = sections(found.values(), PairedTests(found))
    return [(row.rank, row.record.method.id) for row in section.rows]


@pytest.fixture
def stored(make_table: MakeTable, store_result: StoreResult) -> dict[str, Path]:
    """Two results that are nearly alike, and one that is clearly worse."""
    table = make_table(0.6)
    few = (table.images.identity < 2)[:, np.newaxis]
    better = replace(table, scores=np.where(few, 1.0, table.scores))
    worse = replace(table, scores=table.scores * 0.5)
    return {
        name: store_result(replace(part, scores=np.round(part.scores, 1)), method__id=name)
        for name, part in (("better", better), ("good", table), ("worse", worse))
    }


def test_results_that_cannot_be_told_apart_share_a_rank(
    stored: dict[str, Path], tmp_path: Path
) -> None:
    assert ranks(tmp_path / "results") == [(1, "better"), (1, "good"), (3, "worse")]


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_leaderboard_is_the_same_whatever_the_order_and_the_names_of_the_files(
    stored: dict[str, Path], tmp_path: Path, output_format: str
) -> None:
    found = find_results(tmp_path / "results").records
    expected = render(found.values(), output_format, PairedTests(found))
    for number, path in enumerate(stored.values()):
        renamed = path.with_name(f"{9 - number}.json")
        query_scores_path(path).rename(query_scores_path(renamed))
        path.rename(renamed)
    found = find_results(tmp_path / "results").records
    assert render(found.values(), output_format, PairedTests(found)) == expected


def test_a_result_whose_queries_cannot_be_read_has_no_rank(
    stored: dict[str, Path], tmp_path: Path
) -> None:
    query_scores_path(stored["good"]).unlink()
    assert ranks(tmp_path / "results") == [(1, "better"), (2, "worse")]
    (defect,) = find_results(tmp_path / "results").defects
    assert "queries.npz: No such file or directory; restore it" in str(defect)


def test_a_result_of_other_queries_keeps_its_place_untested(
    stored: dict[str, Path], make_table: MakeTable, store_result: StoreResult, tmp_path: Path
) -> None:
    other = store_result(make_table(0.1, num_identities=39), method__id="other")
    found = find_results(tmp_path / "results").records
    told_apart = PairedTests(found)
    (section,) = sections(found.values(), told_apart)
    assert [row.rank for row in section.rows] == [1, 1, 3, 4]
    (defect,) = told_apart.defects
    assert f"and {other}: the two results were not scored on" in defect
    assert defect.endswith("the rank of other is its place, untested")


def test_a_pair_that_was_tested_is_not_tested_again(
    stored: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered = RememberedAnswers(tmp_path / "answers.bin")
    found = find_results(tmp_path / "results").records
    first = sections(found.values(), PairedTests(found, remembered))
    monkeypatch.setattr("bench_core.evaluation.uncertainty.Rank1Test", None)
    assert sections(found.values(), PairedTests(found, remembered)) == first


def test_a_pair_that_cannot_be_tested_is_not_remembered(
    stored: dict[str, Path], tmp_path: Path
) -> None:
    remembered = RememberedAnswers(tmp_path / "answers.bin")
    found = find_results(tmp_path / "results").records
    query_scores_path(stored["good"]).unlink()
    for _ in range(2):
        told_apart = PairedTests(found, remembered)
        sections(found.values(), told_apart)
        assert "good" in told_apart.defects[0]
