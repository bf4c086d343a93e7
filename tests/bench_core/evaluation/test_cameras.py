"""Scores of each query camera."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core.evaluation.cameras import split_by_query_camera
from bench_core.evaluation.query_table import QueryImages
from bench_core.evaluation.ranking import QueryScores
from bench_core.evaluation.summary import Evaluation
from bench_core.evaluation.trial import average_queries


def queries(first_match_rank: list[int]) -> QueryScores:
    """Make queries with one match at a rank, or none where the rank is 0."""
    rank = np.array(first_match_rank)
    precision = np.where(rank > 0, 1 / np.maximum(rank, 1), 0)
    return QueryScores(
        num_matches=(rank > 0).astype(np.int64),
        first_match_rank=rank,
        average_precision=precision,
        inverse_negative_penalty=precision,
    )


def evaluation(cameras: list[int], *trials: list[int]) -> Evaluation:
    """Make trials with the same queries; each lists the rank of the match of each query."""
    images = QueryImages(
        identity=np.arange(len(cameras)),
        camera=np.array(cameras),
        index=np.zeros(len(cameras), dtype=np.int64),
    )
    scores = tuple(average_queries(queries(ranks), num_gallery=9) for ranks in trials)
    return Evaluation(scores, (images,) * len(trials))


def test_each_camera_averages_its_own_valid_queries() -> None:
    split = split_by_query_camera(evaluation([3, 6, 3, 6, 3], [1, 2, 4, 1, 0], [1, 1, 1, 1, 0]))
    assert list(split) == [3, 6]
    three, six = split.values()
    assert (three.trials[0].num_queries, three.trials[0].num_valid_queries) == (3, 2)
    assert three.trials[0].num_gallery == 9
    assert [trial.cmc[0] for trial in three.trials] == [0.5, 1]
    assert (three.mean["mAP"], three.std["mAP"]) == ((0.625 + 1) / 2, (1 - 0.625) / 2)
    assert [trial.cmc[0] for trial in six.trials] == [0.5, 1]
    assert three.query_images[0].identity.tolist() == [0, 2, 4]


def test_cameras_weighted_by_valid_queries_give_the_whole() -> None:
    rng = np.random.default_rng(0)
    whole = evaluation(rng.integers(1, 5, 60).tolist(), rng.integers(0, 9, 60).tolist())
    trials = [part.trials[0] for part in split_by_query_camera(whole).values()]
    assert len(trials) == 4
    weighted = sum(trial.mean_average_precision * trial.num_valid_queries for trial in trials)
    (trial,) = whole.trials
    assert weighted / trial.num_valid_queries == pytest.approx(trial.mean_average_precision)


def test_a_camera_without_valid_queries_is_left_out() -> None:
    assert list(split_by_query_camera(evaluation([3, 6], [1, 0], [2, 0]))) == [3]


def test_trials_in_which_a_camera_has_no_valid_query_do_not_count() -> None:
    split = split_by_query_camera(evaluation([3, 6], [1, 0], [2, 4]))
    assert split[6].mean["mAP"] == 0.25
    assert split[3].mean["mAP"] == 0.75
