"""Scoring a feature table: distances shared by all trials change nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.protocol import ProtocolSpec, Trial
from bench_core.evaluation.ranking import score_queries
from bench_core.features.table import FeatureTable
from bench_core.scoring.reranking import RerankerChoice
from bench_core.scoring.score import (
    score,
    score_validation,
    trial_distances,
    trials_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.contracts.protocol import Convention

SPEC = ProtocolSpec(
    id="toy-search",
    dataset="toy",
    title="Toy",
    query_modality="infrared",
    gallery_modality="visible",
    cmc="identity",
    excluded_camera_pairs=((3, 2),),
    num_trials=3,
    conventions=("official",),
    definition="toy:Toy",
)


class ToyProtocol:
    """Trial t: every infrared row queries, visible rows in a shuffled order form the gallery."""

    spec = SPEC

    def __init__(self, *, one_model: bool = True) -> None:
        self.one_model = one_model

    def training_split(self, trial: int) -> str:
        return "all" if self.one_model else f"split-{trial}"

    def training_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        raise NotImplementedError

    def test_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        raise NotImplementedError

    def trial(self, images: pd.DataFrame, convention: Convention, trial: int) -> Trial:
        visible = np.flatnonzero(images["modality"] == "visible")
        drawn = np.random.default_rng(trial).permutation(visible)[:8]
        return Trial(query=np.flatnonzero(images["modality"] == "infrared"), gallery=drawn)


def test_every_trial_scores_as_it_does_alone(features: FeatureTable) -> None:
    evaluation = score({"all": features}, ToyProtocol(), "official").evaluation
    assert len(evaluation.trials) == 3
    for number, trial in enumerate(evaluation.trials):
        part = score({"all": features}, ToyProtocol(), "official", trials=[number])
        (alone,) = part.evaluation.trials
        np.testing.assert_array_equal(trial.cmc, alone.cmc)
        assert trial.mean_average_precision == alone.mean_average_precision
        assert trial.num_gallery == alone.num_gallery == 8
        assert trial.num_queries == 8


def test_the_order_of_rows_changes_nothing(features: FeatureTable) -> None:
    class Fixed(ToyProtocol):
        def trial(self, images: pd.DataFrame, convention: Convention, trial: int) -> Trial:
            keys = images.reset_index().sort_values(["identity", "camera", "index"])
            rows = keys.index.to_numpy()
            infrared = keys["modality"].to_numpy() == "infrared"
            return Trial(query=rows[infrared], gallery=rows[~infrared][trial::2])

    order = np.random.default_rng(1).permutation(24)
    shuffled = FeatureTable(
        features=features.features[order],
        table=features.table.iloc[order].reset_index(drop=True),
        metric=features.metric,
    )
    scores = [
        score({"all": table}, Fixed(), "official").as_document() for table in (features, shuffled)
    ]
    assert scores[0] == scores[1]


def test_every_query_is_known_by_its_image(features: FeatureTable) -> None:
    evaluation = score({"all": features}, ToyProtocol(), "official").evaluation
    infrared = features.table[features.table["modality"] == "infrared"]
    for images in evaluation.query_images:
        assert images.identity.tolist() == infrared["identity"].tolist()
        assert images.camera.tolist() == infrared["camera"].tolist()
        assert images.index.tolist() == infrared["index"].tolist()


def test_perfect_features_score_one(features: FeatureTable) -> None:
    perfect = np.eye(4, dtype=np.float32)[features.table["identity"]][:, np.newaxis]
    table = FeatureTable(features=perfect, table=features.table, metric="euclidean")
    scores = score({"all": table}, ToyProtocol(), "official")
    mean = scores.evaluation.mean
    assert mean["rank-1"] == mean["mAP"] == mean["mINP"] == scores.similarity == 1


@pytest.mark.parametrize("rerank", [False, True])
def test_the_distances_of_a_trial_are_those_that_it_is_scored_by(
    features: FeatureTable, rerank: bool, k_reciprocal: RerankerChoice
) -> None:
    trial = ToyProtocol().trial(features.table, "official", 1)
    reranker = k_reciprocal if rerank else None
    distances = trial_distances(features, trial, SPEC, reranker)
    identity, camera = (features.table[name].to_numpy() for name in ("identity", "camera"))
    alone = score_queries(
        distances,
        query_identity=identity[trial.query],
        query_camera=camera[trial.query],
        gallery_identity=identity[trial.gallery],
        gallery_camera=camera[trial.gallery],
        excluded_camera_pairs=SPEC.excluded_camera_pairs,
        cmc=SPEC.cmc,
    )
    scored = score({"all": features}, ToyProtocol(), "official", trials=[1], reranker=reranker)
    np.testing.assert_array_equal(
        alone.average_precision, scored.evaluation.trials[0].queries.average_precision
    )


def test_re_ranking_changes_the_distances_and_with_them_the_scores(
    features: FeatureTable, k_reciprocal: RerankerChoice
) -> None:
    trial = ToyProtocol().trial(features.table, "official", 1)
    plain, again = (
        trial_distances(features, trial, SPEC, reranker) for reranker in (None, k_reciprocal)
    )
    assert plain.shape == again.shape == (8, 8)
    assert (plain.argsort(axis=1) != again.argsort(axis=1)).any()
    means = [
        score({"all": features}, ToyProtocol(), "official", reranker=reranker).evaluation.mean[
            "mAP"
        ]
        for reranker in (None, k_reciprocal)
    ]
    assert means[0] != means[1]


def test_re_ranking_leaves_out_the_same_matches(
    features: FeatureTable, k_reciprocal: RerankerChoice
) -> None:
    class Partial(ToyProtocol):
        spec = replace(SPEC, excluded_match_camera_pairs=((6, 1),))

    whole, plain, again = (
        score({"all": features}, protocol, "official", trials=[1], reranker=reranker)
        for protocol, reranker in (
            (ToyProtocol(), None),
            (Partial(), None),
            (Partial(), k_reciprocal),
        )
    )
    matches = [
        part.evaluation.trials[0].queries.num_matches.tolist() for part in (whole, plain, again)
    ]
    assert matches[0] != matches[1] == matches[2]


def test_each_trial_is_scored_with_the_model_of_its_split(features: FeatureTable) -> None:
    protocol = ToyProtocol(one_model=False)
    models = {
        f"split-{number}": replace(features, features=np.roll(features.features, number, axis=0))
        for number in (2, 0, 1)
    }
    together = score(models, protocol, "official")
    apart = [
        score({f"split-{number}": models[f"split-{number}"]}, protocol, "official", trials=[number])
        for number in range(3)
    ]
    for number, alone in enumerate(apart):
        (expected,) = alone.evaluation.trials
        np.testing.assert_array_equal(together.evaluation.trials[number].cmc, expected.cmc)
        (assumption,) = alone.assumptions
        assert f"split-{number} does not say on which" in assumption
    assert together.similarity == pytest.approx(np.mean([alone.similarity for alone in apart]))
    assert len(together.assumptions) == 1
    assert "3 files do not say on which" in together.assumptions[0]


def test_a_trial_without_a_model_of_its_split_is_refused(features: FeatureTable) -> None:
    protocol = ToyProtocol(one_model=False)
    with pytest.raises(
        UsageError, match=r"trial 2 of toy-search .* trained on 'split-1'; there are .* 'split-0'"
    ):
        score({"split-0": features}, protocol, "official")
    first = score({"split-0": features}, protocol, "official", trials=[0])
    assert [trial.num_queries for trial in first.evaluation.trials] == [8]


def test_the_trials_of_a_model_are_those_of_its_split() -> None:
    assert trials_of(ToyProtocol(), "all") == [0, 1, 2]
    assert trials_of(ToyProtocol(one_model=False), "split-1") == [1]
    assert trials_of(ToyProtocol(), "another") == []


def test_two_splits_do_not_have_one_model(features: FeatureTable) -> None:
    protocol = ToyProtocol(one_model=False)
    models = {"split-0": features, "split-1": replace(features, source=Path("b.npz"))}
    with pytest.raises(DataError, match=r"the features of split-0 and b\.npz hold the same"):
        score(models, protocol, "official", trials=[0, 1])


def test_what_is_wrong_with_features_names_their_file(features: FeatureTable) -> None:
    wrong = replace(features, source=Path("a.npz"), training_split="b")
    with pytest.raises(DataError, match=r"^cannot score a\.npz: the features are of a model"):
        score({"all": wrong}, ToyProtocol(), "official")


def test_features_are_not_scored_where_their_model_may_have_trained(features: FeatureTable) -> None:
    several, one = ToyProtocol(one_model=False), ToyProtocol()
    split_1 = replace(features, training_split="split-1")
    assert score({"split-1": split_1}, several, "official", trials=[1]).evaluation.trials
    with pytest.raises(DataError, match=r"trained on 'split-1', but trial 3 of .* 'split-2'"):
        score({"split-2": split_1}, several, "official", trials=[2])
    with pytest.raises(DataError, match=r"trained on 'split-1', but trial 1 of .* 'all'"):
        score({"all": split_1}, one, "official")


def test_a_model_that_held_validation_people_out_is_scored(features: FeatureTable) -> None:
    class Validated(ToyProtocol):
        spec = replace(SPEC, validation_split="part")

    part = replace(features, training_split="part")
    assert len(score({"part": part}, Validated(), "official").evaluation.trials) == 3
    assert trials_of(Validated(), "part") == [0, 1, 2]


def test_scores_are_those_of_each_query_camera_too(features: FeatureTable) -> None:
    scores = score({"all": features}, ToyProtocol(), "official")
    assert list(scores.by_query_camera) == [3, 6]
    document = scores.as_document()
    assert document["by_query_camera"]["3"]["queries"] == 4
    weights = [part.trials[0].num_valid_queries for part in scores.by_query_camera.values()]
    precisions = [part.trials[0].mean_average_precision for part in scores.by_query_camera.values()]
    whole = scores.evaluation.trials[0].mean_average_precision
    assert np.average(precisions, weights=weights) == pytest.approx(whole)


def test_validation_is_map_with_no_camera_excluded(features: FeatureTable) -> None:
    class Validated(ToyProtocol):
        def validation_trial(self, images: pd.DataFrame) -> Trial:
            return Trial(
                query=np.flatnonzero(images["camera"] == 3),
                gallery=np.flatnonzero(images["camera"] == 2),
            )

    assert (3, 2) in SPEC.excluded_camera_pairs
    units = features.features / np.linalg.norm(features.features, axis=-1, keepdims=True)
    similarity = np.einsum("qvd,gvd->qg", units[2::6], units[1::6])
    ranks = 1 + (similarity > np.diag(similarity)[:, None]).sum(axis=1)
    mean = score_validation(features, Validated())
    assert mean == pytest.approx(np.mean(1 / ranks))
