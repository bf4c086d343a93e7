"""Scoring a feature table: distances shared by all trials change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.errors import UsageError
from bench_core.contracts.protocol import ProtocolSpec, Trial
from bench_core.features import FeatureTable
from bench_core.scoring import score_features, score_features_trial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.contracts.dataset import Splits
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


class ToySplits:
    """Splits without content."""

    def digest(self) -> str:
        return "0" * 64


class ToyProtocol:
    """Trial t: every infrared row queries, visible rows in a shuffled order form the gallery."""

    spec = SPEC

    def __init__(self, *, one_model: bool = True) -> None:
        self.one_model = one_model

    def training_split(self, trial: int) -> str:
        return "all" if self.one_model else f"split-{trial}"

    def training_rows(self, images: pd.DataFrame, splits: Splits, split: str) -> NDArray[np.int64]:
        raise NotImplementedError

    def test_rows(self, images: pd.DataFrame, splits: Splits, split: str) -> NDArray[np.int64]:
        raise NotImplementedError

    def trial(
        self,
        images: pd.DataFrame,
        splits: Splits,  # part of the contract
        convention: Convention,
        trial: int,
    ) -> Trial:
        visible = np.flatnonzero(images["modality"] == "visible")
        drawn = np.random.default_rng(trial).permutation(visible)[:8]
        return Trial(query=np.flatnonzero(images["modality"] == "infrared"), gallery=drawn)


@pytest.fixture
def features() -> FeatureTable:
    rng = np.random.default_rng(7)
    identity = np.repeat(np.arange(4), 6)
    camera = np.tile([1, 2, 3, 6, 1, 4], 4)
    table = pd.DataFrame(
        {
            "identity": identity,
            "camera": camera,
            "modality": np.where(np.isin(camera, [3, 6]), "infrared", "visible"),
            "index": np.tile([0, 0, 0, 0, 1, 0], 4),
        }
    )
    return FeatureTable(
        features=rng.standard_normal((24, 2, 5)).astype(np.float32), table=table, metric="cosine"
    )


def test_every_trial_scores_as_it_does_alone(features: FeatureTable) -> None:
    evaluation = score_features(features, ToyProtocol(), ToySplits(), "official")
    assert len(evaluation.trials) == 3
    for number, score in enumerate(evaluation.trials):
        (alone,) = score_features_trial(
            features, ToyProtocol(), ToySplits(), "official", number
        ).trials
        np.testing.assert_array_equal(score.cmc, alone.cmc)
        assert score.mean_average_precision == alone.mean_average_precision
        assert score.num_gallery == alone.num_gallery == 8
        assert score.num_queries == 8


def test_the_order_of_rows_changes_nothing(features: FeatureTable) -> None:
    class Fixed(ToyProtocol):
        def trial(
            self,
            images: pd.DataFrame,
            splits: Splits,
            convention: Convention,
            trial: int,
        ) -> Trial:
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
        score_features(table, Fixed(), ToySplits(), "official").as_document()
        for table in (features, shuffled)
    ]
    assert scores[0] == scores[1]


def test_every_query_is_known_by_its_image(features: FeatureTable) -> None:
    evaluation = score_features(features, ToyProtocol(), ToySplits(), "official")
    infrared = features.table[features.table["modality"] == "infrared"]
    for images in evaluation.query_images:
        assert images.identity.tolist() == infrared["identity"].tolist()
        assert images.camera.tolist() == infrared["camera"].tolist()
        assert images.index.tolist() == infrared["index"].tolist()


def test_perfect_features_score_one(features: FeatureTable) -> None:
    perfect = np.eye(4, dtype=np.float32)[features.table["identity"]][:, np.newaxis]
    table = FeatureTable(features=perfect, table=features.table, metric="euclidean")
    mean = score_features(table, ToyProtocol(), ToySplits(), "official").mean
    assert mean["rank-1"] == mean["mAP"] == mean["mINP"] == 1


def test_one_model_is_not_scored_on_trials_of_other_splits(features: FeatureTable) -> None:
    protocol = ToyProtocol(one_model=False)
    with pytest.raises(UsageError, match="toy-search trains 3 models"):
        score_features(features, protocol, ToySplits(), "official")
    first = score_features_trial(features, protocol, ToySplits(), "official", 0)
    assert [trial.num_queries for trial in first.trials] == [8]
