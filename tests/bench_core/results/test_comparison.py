"""What a comparison says in words is what its numbers say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench_core.contracts.errors import UsageError
from bench_core.evaluation.query_table import QueryTable
from bench_core.results.comparison import (
    compare_by_camera,
    compare_results,
    most_changed,
    show_p_value,
)
from bench_core.results.store import read_result

MakeTable = Callable[..., QueryTable]
StoreResult = Callable[..., Path]


@pytest.fixture
def pair(make_table: MakeTable, store_result: StoreResult) -> tuple[Path, Path]:
    """A baseline, and a method whose rank-1 is better for everyone and whose mAP is the same."""
    table = make_table(0.4)
    scores = np.column_stack([np.round(0.3 + 0.7 * table.scores[:, :4], 1), table.scores[:, 4:]])
    better = replace(table, scores=scores)
    return store_result(table, method__variant="baseline"), store_result(better)


def test_the_better_one_comes_first_in_the_sentence(pair: tuple[Path, Path]) -> None:
    there, back = compare_results(*pair), compare_results(*reversed(pair))
    for comparison in (there, back):
        assert re.match(
            r"xiv is better than xiv:baseline by \d+\.\d\d points of rank-1 "
            r"\(95 % interval \d+\.\d\d to \d+\.\d\d, p = 0\.0001\); ",
            comparison.sentence,
        )
    assert there.differences["rank-1"].value == -back.differences["rank-1"].value > 0


def test_a_verdict_of_both_metrics_is_said_once(
    make_table: MakeTable, store_result: StoreResult
) -> None:
    paths = store_result(make_table(0.8)), store_result(make_table(0.2), method__id="jsia")
    assert re.fullmatch(
        r"xiv is better than jsia by [^;]* points of rank-1 \([^;]*\) and by [^;]* points of mAP "
        r"\([^;]*\)\.",
        compare_results(*paths).sentence,
    )


def test_what_cannot_be_told_apart_is_said_to_be_so(pair: tuple[Path, Path]) -> None:
    assert compare_results(*pair).sentence.endswith(
        "; xiv and xiv:baseline cannot be told apart by mAP (difference +0.00 points, "
        "95 % interval +0.00 to +0.00, p = 1.000)."
    )


def test_a_result_cannot_be_told_apart_from_itself(pair: tuple[Path, Path]) -> None:
    comparison = compare_results(pair[0], pair[0])
    assert {difference.value for difference in comparison.differences.values()} == {0.0}
    assert {difference.p_value for difference in comparison.differences.values()} == {1.0}
    assert re.fullmatch(
        r"xiv:baseline and xiv:baseline cannot be told apart by rank-1 \(.*\) or by mAP \(.*\)\.",
        comparison.sentence,
    )


def test_differences_are_those_of_the_records(pair: tuple[Path, Path]) -> None:
    first, second = (read_result(path).scores.mean.by_name() for path in pair)
    for metric, difference in compare_results(*pair).differences.items():
        assert difference.value == pytest.approx(second[metric] - first[metric], abs=1e-7)


def test_queries_and_people_are_counted(pair: tuple[Path, Path]) -> None:
    comparison = compare_results(*pair)
    assert (comparison.num_queries, comparison.num_identities) == (200, 40)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"method__id": "jsia"}, ("xiv", "jsia")),
        ({"method__seed": 3}, ("xiv (paper, seed 0)", "xiv (paper, seed 3)")),
        ({"method__preset": "quick"}, ("xiv (paper, seed 0)", "xiv (quick, seed 0)")),
    ],
)
def test_results_are_named_by_what_differs(
    make_table: MakeTable,
    store_result: StoreResult,
    changes: dict[str, object],
    names: tuple[str, str],
) -> None:
    paths = store_result(make_table()), store_result(make_table(), **changes)
    assert compare_results(*paths).names == names


def test_results_that_differ_in_their_configuration_only_are_named_by_their_files(
    make_table: MakeTable, store_result: StoreResult
) -> None:
    paths = store_result(make_table()), store_result(make_table(), method__config={"epochs": 1})
    assert compare_results(*paths).names == (paths[0].stem, paths[1].stem)


def test_selection_is_never_compared_silently(
    make_table: MakeTable, store_result: StoreResult
) -> None:
    selected = store_result(
        make_table(0.6), provenance__selection="validation", method__config={"epochs": 1}
    )
    comparison = compare_results(store_result(make_table()), selected)
    assert comparison.names == ("xiv", "xiv + validation selection")
    sides = [comparison.as_document()[side]["selection"] for side in ("first", "second")]
    assert sides == ["last", "validation"]


def test_re_ranking_is_never_compared_silently(
    make_table: MakeTable, store_result: StoreResult
) -> None:
    paths = store_result(make_table()), store_result(make_table(0.6), protocol__rerank=True)
    sentence = compare_results(*paths).sentence
    assert "xiv + re-ranking" in sentence
    assert sentence.endswith(
        "Only xiv + re-ranking is re-ranked, so the difference is that of re-ranking, too."
    )
    assert "re-ranking, too" not in compare_results(paths[1], paths[1]).sentence
    other = store_result(
        make_table(0.6),
        protocol__rerank=True,
        protocol__reranker={"id": "aim", "config": {"k1": 4}},
    )
    comparison = compare_results(paths[1], other)
    assert comparison.sentence.endswith(
        " The two are re-ranked differently, so the difference is that of re-ranking, too."
    )
    sides = [comparison.as_document()[side]["reranker"] for side in ("first", "second")]
    assert [side["id"] for side in sides] == ["k-reciprocal", "aim"]
    assert "re-ranking, too" not in compare_results(other, other).sentence


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"protocol__id": "sysu-indoor-single"},
            r"their protocol differs \(sysu-all-single and sysu-indoor-single\)",
        ),
        ({"protocol__convention": "agw"}, r"their gallery convention differs \(official and agw"),
        ({"dataset__id": "other"}, r"their dataset differs \(sysu-mm01 and other\)"),
        ({"dataset__fingerprint": "0" * 64}, r"dataset fingerprint differs \(a{12} and 0{12}\)"),
        ({"protocol__splits": "0" * 64}, r"hash of the split files differs \(b{12} and 0{12}\)"),
    ],
)
def test_results_under_other_conditions_are_refused(
    make_table: MakeTable, store_result: StoreResult, changes: dict[str, object], message: str
) -> None:
    paths = store_result(make_table()), store_result(make_table(), **changes)
    with pytest.raises(UsageError, match=message) as caught:
        compare_results(*paths)
    assert all(str(path) in str(caught.value) for path in paths)
    assert "choose results of one protocol" in str(caught.value)


@pytest.mark.parametrize(
    ("p_value", "shown"), [(1.0, "1.000"), (0.0314, "0.031"), (0.001, "0.001"), (1e-4, "0.0001")]
)
def test_p_values_are_shown_with_the_digits_that_matter(p_value: float, shown: str) -> None:
    assert show_p_value(p_value) == shown


def on_cameras(table: QueryTable, *cameras: int) -> QueryTable:
    """Spread the queries of a table over cameras, by turns."""
    camera = np.resize(np.array(cameras), len(table.group))
    return replace(table, images=replace(table.images, camera=camera))


def test_each_camera_is_compared_on_its_own_queries(
    make_table: MakeTable, store_result: StoreResult
) -> None:
    first, second = (on_cameras(make_table(success), 3, 6) for success in (0.3, 0.6))
    better = np.where(first.images.camera == 3, 1, 0)[:, np.newaxis] == 1
    second = replace(second, scores=np.where(better, second.scores, first.scores))
    comparison = compare_results(
        store_result(first, method__variant="baseline"), store_result(second)
    )
    three, six = compare_by_camera(comparison)
    assert (three.camera, six.camera, three.num_queries, six.num_queries) == (3, 6, 100, 100)
    assert three.differences["mAP"].value == pytest.approx(
        three.means[1]["mAP"] - three.means[0]["mAP"], abs=1e-9
    )
    assert three.differences["mAP"].told_apart
    assert six.differences["mAP"].value == 0
    halves = (three.differences["mAP"].value + six.differences["mAP"].value) / 2
    assert comparison.differences["mAP"].value == pytest.approx(halves)


def test_the_queries_that_changed_most_are_of_different_people(
    make_table: MakeTable, store_result: StoreResult
) -> None:
    table = make_table(0.5, num_identities=4)
    scores = table.scores.copy()
    scores[:, 4] = 0.5
    before, after = scores.copy(), scores.copy()
    after[[2, 3, 7], 4] = 0.8, 0.9, 0.6  # two of person 0, one of person 1
    after[[10, 15], 4] = 0.1, 0.4  # of persons 2 and 3
    paths = [
        store_result(replace(table, scores=values), method__seed=seed)
        for seed, values in enumerate((before, after))
    ]
    comparison = compare_results(paths[0], paths[1])
    gained = most_changed(comparison, 9, gained=True)
    assert [(one.identity, one.index) for one in gained] == [(0, 3), (1, 2)]
    assert (gained[0].first, gained[0].second) == pytest.approx((0.5, 0.9))
    lost = most_changed(comparison, 9, gained=False)
    assert [(one.identity, one.camera, one.index) for one in lost] == [(2, 3, 0), (3, 3, 0)]
    assert most_changed(comparison, 1, gained=False) == lost[:1]
