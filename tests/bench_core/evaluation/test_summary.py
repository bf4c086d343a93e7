"""Mean, standard deviation and document of the trials of a protocol."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench_core.evaluation import Evaluation, TrialScore


def trial(first: float, precision: float, *, num_ranks: int = 20, valid: int = 9) -> TrialScore:
    curve = np.linspace(first, 1.0, num_ranks)
    return TrialScore(
        cmc=curve,
        mean_average_precision=precision,
        mean_inverse_negative_penalty=precision / 2,
        num_queries=10,
        num_valid_queries=valid,
        num_gallery=301,
    )


def test_mean_and_population_deviation_are_over_trials() -> None:
    evaluation = Evaluation((trial(0.2, 0.5), trial(0.4, 0.7)))
    assert evaluation.mean["rank-1"] == pytest.approx(0.3)
    assert evaluation.std["rank-1"] == pytest.approx(0.1)
    assert evaluation.mean["rank-20"] == 1
    assert evaluation.mean["mAP"] == pytest.approx(0.6)
    assert evaluation.std["mAP"] == pytest.approx(0.1)
    assert evaluation.mean["mINP"] == pytest.approx(0.3)


def test_rank_k_is_element_k_minus_1_of_the_curve() -> None:
    score = trial(0.05, 0.5)
    mean = Evaluation((score,)).mean
    assert [mean[f"rank-{rank}"] for rank in (1, 5, 10, 20)] == [
        score.cmc[0],
        score.cmc[4],
        score.cmc[9],
        score.cmc[19],
    ]


def test_one_trial_has_no_deviation() -> None:
    assert set(Evaluation((trial(0.2, 0.5),)).std.values()) == {0.0}


def test_the_document_is_what_eval_prints() -> None:
    document = Evaluation((trial(0.2, 0.5), trial(0.4, 0.7, valid=8))).as_document()
    assert json.loads(json.dumps(document)) == document
    assert list(document) == ["queries", "valid_queries", "gallery", "trials", "mean", "std"]
    assert (document["queries"], document["valid_queries"]) == (10, 8)
    assert document["gallery"] == [301, 301]
    assert [list(entry) for entry in document["trials"]] == [["cmc", "mAP", "mINP"]] * 2
    assert len(document["trials"][0]["cmc"]) == 20
    names = ["rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP"]
    assert list(document["mean"]) == list(document["std"]) == names


def test_no_trial_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one trial"):
        Evaluation(())


def test_a_curve_shorter_than_20_ranks_is_refused() -> None:
    with pytest.raises(ValueError, match="reach rank 20"):
        Evaluation((trial(0.2, 0.5, num_ranks=10),))
