"""The table of queries keeps all that a summary needs, whatever the order of the queries."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.contracts.errors import DataError
from bench_core.contracts.metrics import METRICS
from bench_core.evaluation.query_table import (
    QueryImages,
    QueryTable,
    TrialQueries,
    mean_table,
    tabulate_queries,
)
from bench_core.evaluation.summary import Evaluation, average_queries
from bench_core.evaluation.uncertainty import IdentitySums

Trial = tuple[QueryImages, TrialQueries]


def make_trial(seed: int, num_queries: int = 12, *, same_queries: bool = True) -> Trial:
    """Invent a trial: four people, some of whose queries have no match."""
    labels = np.random.default_rng(0 if same_queries else seed)
    rng = np.random.default_rng(seed)
    images = QueryImages(
        identity=labels.integers(0, 4, num_queries),
        camera=labels.integers(3, 7, num_queries),
        index=np.arange(num_queries),
    )
    matches = np.minimum(labels.integers(0, 4, num_queries), 1 + labels.integers(0, 2))
    matches[0] = 1
    rank = np.where(matches, rng.integers(1, 25, num_queries), 0)
    precision = np.where(matches, rng.random(num_queries), 0.0)
    return images, TrialQueries(
        num_matches=matches,
        first_match_rank=rank,
        average_precision=precision,
        inverse_negative_penalty=precision / 2,
    )


def averages(table: QueryTable) -> dict[str, float]:
    sums = IdentitySums.of(table)
    means = sums.averages(np.ones((1, len(sums.valid))))[0]
    return dict(zip(METRICS, means.tolist(), strict=True))


@settings(max_examples=50)
@given(seeds=st.lists(st.integers(0, 5), min_size=1, max_size=5), same=st.booleans())
def test_its_averages_are_those_of_the_evaluation(seeds: list[int], same: bool) -> None:
    trials = [make_trial(seed, same_queries=same) for seed in seeds]
    evaluation = Evaluation(
        tuple(average_queries(scores, num_gallery=30) for _, scores in trials),
        tuple(images for images, _ in trials),
    )
    assert averages(tabulate_queries(trials)) == pytest.approx(evaluation.mean, abs=1e-12)


def test_trials_with_the_same_queries_are_one_group() -> None:
    table = tabulate_queries([make_trial(seed) for seed in range(3)])
    assert table.group_trials.tolist() == [3]
    assert len(table.images) == 12


def test_trials_with_other_queries_are_groups_of_their_own() -> None:
    table = tabulate_queries([make_trial(seed, same_queries=False) for seed in (1, 2, 1)])
    assert table.group_trials.tolist() == [2, 1]
    assert len(table.images) == 24


def test_trials_whose_queries_differ_in_validity_are_not_averaged_together() -> None:
    images, scores = make_trial(0)
    invalid = np.zeros_like(scores.num_matches)
    other = TrialQueries(
        num_matches=np.where(np.arange(12) == 0, 1, invalid),
        first_match_rank=scores.first_match_rank,
        average_precision=scores.average_precision,
        inverse_negative_penalty=scores.inverse_negative_penalty,
    )
    assert tabulate_queries([(images, scores), (images, other)]).group_trials.tolist() == [1, 1]


def test_the_order_of_the_queries_of_a_trial_changes_nothing() -> None:
    images, scores = make_trial(3)
    order = np.random.default_rng(1).permutation(len(images))
    shuffled = TrialQueries(
        num_matches=scores.num_matches[order],
        first_match_rank=scores.first_match_rank[order],
        average_precision=scores.average_precision[order],
        inverse_negative_penalty=scores.inverse_negative_penalty[order],
    )
    first = tabulate_queries([(images, scores)])
    second = tabulate_queries([(images[order], shuffled)])
    assert first.same_queries(second)
    np.testing.assert_array_equal(first.scores, second.scores)


def test_a_match_at_rank_k_counts_from_rank_k_on() -> None:
    ranks = np.array([1, 5, 6, 20, 21])
    ones = np.ones(5)
    scores = TrialQueries(
        num_matches=np.ones(5, dtype=np.int64),
        first_match_rank=ranks,
        average_precision=ones / ranks,
        inverse_negative_penalty=ones / ranks,
    )
    images = QueryImages(identity=ranks, camera=np.full(5, 3), index=np.zeros(5, dtype=np.int64))
    table = tabulate_queries([(images, scores)])
    assert table.scores[:, :4].tolist() == [
        [1, 1, 1, 1],
        [0, 1, 1, 1],
        [0, 0, 1, 1],
        [0, 0, 0, 1],
        [0, 0, 0, 0],
    ]


@pytest.mark.parametrize("label", ["identity", "camera", "index"])
def test_tables_of_other_images_have_not_the_same_queries(label: str) -> None:
    images, scores = make_trial(0)
    labels = {name: getattr(images, name) for name in ("identity", "camera", "index")}
    other = QueryImages(**labels | {label: labels[label] + 1})
    first, second = tabulate_queries([(images, scores)]), tabulate_queries([(other, scores)])
    assert first.same_queries(first)
    assert not first.same_queries(second)
    assert tabulate_queries([(images, scores), (other, scores)]).group_trials.tolist() == [1, 1]


def test_tables_of_more_trials_have_not_the_same_queries() -> None:
    once, twice = (tabulate_queries([make_trial(0)] * number) for number in (1, 2))
    assert not once.same_queries(twice)


def test_images_are_sorted_by_camera_then_identity_then_index() -> None:
    images = QueryImages(
        identity=np.array([2, 1, 1, 1]), camera=np.array([3, 6, 3, 3]), index=np.array([0, 0, 1, 0])
    )
    assert images.sorting().tolist() == [3, 2, 0, 1]


def test_chosen_queries_keep_all_their_scores() -> None:
    _, scores = make_trial(4)
    rows = np.array([5, 0, 7])
    for name in (
        "num_matches",
        "first_match_rank",
        "average_precision",
        "inverse_negative_penalty",
    ):
        chosen = getattr(scores[rows], name)
        assert chosen.tolist() == getattr(scores, name)[[5, 0, 7]].tolist()


def test_the_groups_of_a_table_follow_one_another() -> None:
    trials = [make_trial(seed, same_queries=False) for seed in (1, 2)]
    table = tabulate_queries(trials)
    for number, (images, scores) in enumerate(trials):
        rows = np.flatnonzero(table.group == number)
        assert table.images[rows].same(images[images.sorting()])
        assert table.valid[rows].tolist() == scores.valid[images.sorting()].tolist()


def test_the_mean_of_tables_is_that_of_each_query(make_table: Callable[..., QueryTable]) -> None:
    tables = [make_table(0.3, seed=seed) for seed in range(3)]
    mean = mean_table(tables)
    assert mean.same_queries(tables[1])
    np.testing.assert_allclose(mean.scores, sum(table.scores for table in tables) / 3)


def test_tables_of_other_queries_have_no_mean(make_table: Callable[..., QueryTable]) -> None:
    with pytest.raises(DataError, match="not scored on the same queries"):
        mean_table([make_table(), make_table(num_identities=39)])
