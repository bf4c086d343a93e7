"""Mean, standard deviation, interval and document of trials, and the scores of each camera."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bench_core.evaluation.query_table import QueryImages, TrialQueries
from bench_core.evaluation.summary import (
    Evaluation,
    TrialScore,
    average_queries,
    split_by_query_camera,
)

IMAGES = QueryImages(
    identity=np.array([1, 1, 2, 2, 3]), camera=np.full(5, 3), index=np.array([0, 1, 0, 1, 0])
)


def trial(*ranks: int, num_ranks: int = 20) -> TrialScore:
    """Score queries by the rank of their only match; 0 is none."""
    rank = np.array(ranks)
    inverse = np.where(rank, 1 / np.maximum(rank, 1), 0.0)
    scores = TrialQueries(
        num_matches=np.minimum(rank, 1),
        first_match_rank=rank,
        average_precision=inverse,
        inverse_negative_penalty=inverse,
    )
    return average_queries(scores, num_gallery=301, num_ranks=num_ranks)


def evaluate(*trials: TrialScore) -> Evaluation:
    return Evaluation(trials, (IMAGES,) * len(trials))


def test_mean_and_population_deviation_are_over_trials() -> None:
    evaluation = evaluate(trial(1, 2, 2, 2, 2), trial(1, 1, 1, 2, 2))
    assert evaluation.mean["rank-1"] == pytest.approx(0.4)
    assert evaluation.std["rank-1"] == pytest.approx(0.2)
    assert evaluation.mean["rank-20"] == 1
    assert evaluation.mean["mAP"] == pytest.approx(0.7)
    assert evaluation.std["mAP"] == pytest.approx(0.1)
    assert evaluation.mean["mINP"] == pytest.approx(0.7)


def test_rank_k_is_element_k_minus_1_of_the_curve() -> None:
    score = trial(1, 5, 10, 20, 21)
    assert list(evaluate(score).mean.values())[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_one_trial_has_no_deviation() -> None:
    assert set(evaluate(trial(1, 2, 3, 4, 5)).std.values()) == {0.0}


def test_the_interval_is_over_people_not_over_queries() -> None:
    by_person = evaluate(trial(1, 1, 2, 2, 1)).interval["rank-1"]
    assert by_person == (0, 1)
    alike = evaluate(trial(1, 2, 1, 2, 1), trial(2, 1, 2, 1, 2)).interval["rank-1"]
    assert alike == pytest.approx((0.5, 0.5))


def test_the_interval_does_not_depend_on_the_order_of_the_queries() -> None:
    order = np.array([4, 2, 0, 3, 1])
    ranks = np.array([1, 3, 2, 0, 7])
    shuffled = Evaluation((trial(*ranks[order]),), (IMAGES[order],))
    assert shuffled.interval == evaluate(trial(*ranks)).interval


def test_the_document_is_what_eval_prints() -> None:
    document = evaluate(trial(1, 2, 3, 4, 5), trial(1, 2, 3, 4, 0)).as_document()
    assert json.loads(json.dumps(document)) == document
    assert list(document) == [
        "queries", "valid_queries", "gallery", "trials", "mean", "std", "interval",
    ]  # fmt: skip
    assert (document["queries"], document["valid_queries"]) == (5, 4)
    assert document["gallery"] == [301, 301]
    assert [list(entry) for entry in document["trials"]] == [["cmc", "mAP", "mINP"]] * 2
    assert len(document["trials"][0]["cmc"]) == 20
    names = ["rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP"]
    assert list(document["mean"]) == list(document["std"]) == list(document["interval"]) == names
    for name, (low, high) in document["interval"].items():
        assert low <= document["mean"][name] <= high


def test_no_trial_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one trial"):
        Evaluation((), ())


def test_a_curve_shorter_than_20_ranks_is_refused() -> None:
    with pytest.raises(ValueError, match="reach rank 20"):
        evaluate(trial(1, 2, 3, 4, 5, num_ranks=10))


def test_images_that_are_not_the_queries_are_refused() -> None:
    score = trial(1, 2, 3, 4, 5)
    for images in ((), (IMAGES, IMAGES), (IMAGES[np.arange(4)],)):
        with pytest.raises(ValueError, match="images do not fit"):
            Evaluation((score,), images)
    with pytest.raises(ValueError, match="images do not fit"):
        Evaluation((replace(score, num_queries=4),), (IMAGES,))


def by_camera(cameras: list[int], *trials: list[int]) -> Evaluation:
    """Make trials with the same queries; each lists the rank of the match of each query."""
    images = QueryImages(
        identity=np.arange(len(cameras)),
        camera=np.array(cameras),
        index=np.zeros(len(cameras), dtype=np.int64),
    )
    scores = tuple(trial(*ranks) for ranks in trials)
    return Evaluation(scores, (images,) * len(trials))


def test_each_camera_averages_its_own_valid_queries() -> None:
    split = split_by_query_camera(by_camera([3, 6, 3, 6, 3], [1, 2, 4, 1, 0], [1, 1, 1, 1, 0]))
    assert list(split) == [3, 6]
    three, six = split.values()
    assert (three.trials[0].num_queries, three.trials[0].num_valid_queries) == (3, 2)
    assert three.trials[0].num_gallery == 301
    assert [trial.cmc[0] for trial in three.trials] == [0.5, 1]
    assert (three.mean["mAP"], three.std["mAP"]) == ((0.625 + 1) / 2, (1 - 0.625) / 2)
    assert [trial.cmc[0] for trial in six.trials] == [0.5, 1]
    assert three.query_images[0].identity.tolist() == [0, 2, 4]


def test_cameras_weighted_by_valid_queries_give_the_whole() -> None:
    rng = np.random.default_rng(0)
    whole = by_camera(rng.integers(1, 5, 60).tolist(), rng.integers(0, 9, 60).tolist())
    trials = [part.trials[0] for part in split_by_query_camera(whole).values()]
    assert len(trials) == 4
    weighted = sum(trial.mean_average_precision * trial.num_valid_queries for trial in trials)
    (trial,) = whole.trials
    assert weighted / trial.num_valid_queries == pytest.approx(trial.mean_average_precision)


def test_a_camera_without_valid_queries_is_left_out() -> None:
    assert list(split_by_query_camera(by_camera([3, 6], [1, 0], [2, 0]))) == [3]


def test_trials_in_which_a_camera_has_no_valid_query_do_not_count() -> None:
    split = split_by_query_camera(by_camera([3, 6], [1, 0], [2, 4]))
    assert split[6].mean["mAP"] == 0.25
    assert split[3].mean["mAP"] == 0.75


def test_every_curve_must_reach_the_last_rank() -> None:
    with pytest.raises(ValueError, match="must reach rank 20"):
        evaluate(trial(1, 2, 3, 4, 5), trial(1, 2, 3, 4, 5, num_ranks=19))


def test_curves_have_twenty_ranks_unless_asked_for_more() -> None:
    queries = trial(1, 2, 3, 4, 5).queries
    assert len(average_queries(queries, num_gallery=301).cmc) == 20


def test_cameras_ascend_whatever_the_order_of_the_queries() -> None:
    images = replace(IMAGES, camera=np.array([6, 3, 6, 3, 3]))
    parts = split_by_query_camera(Evaluation((trial(1, 2, 3, 4, 5),), (images,)))
    assert {camera: part.trials[0].num_queries for camera, part in parts.items()} == {3: 3, 6: 2}
    assert list(parts) == [3, 6]
