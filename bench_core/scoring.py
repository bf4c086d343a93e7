"""Scores a feature table under a protocol: draws the trials, computes distances once, ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.contracts.errors import UsageError
from bench_core.evaluation.distances import pairwise_distances
from bench_core.evaluation.summary import Evaluation
from bench_core.evaluation.trial import TrialScore, score_trial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.contracts.dataset import Splits
    from bench_core.contracts.protocol import Convention, EvaluationProtocol, ProtocolSpec, Trial
    from bench_core.features import FeatureTable


def score_features(
    features: FeatureTable,
    protocol: EvaluationProtocol,
    splits: Splits,
    convention: Convention,
) -> Evaluation:
    """Score one model's features on all trials of a protocol.

    Distances are computed once, between all images that are a query and all that are a gallery
    image in any trial.

    Args:
        features: Features of the query and gallery images, in any order.
        protocol: Draws the trials from the images of `features`.
        splits: The split files of the protocol's dataset.
        convention: How galleries are drawn.

    Returns:
        The scores of every trial.

    Raises:
        UsageError: The protocol does not define the convention, or its trials are trained on
            different splits, so that one model would be tested on identities it was trained on.
        DataError: Images are missing, or the features cannot be compared.
    """
    _check_one_model(protocol)
    trials = [
        protocol.trial(features.table, splits, convention, number)
        for number in range(protocol.spec.num_trials)
    ]
    query = np.unique(np.concatenate([trial.query for trial in trials]))
    gallery = np.unique(np.concatenate([trial.gallery for trial in trials]))
    distances = pairwise_distances(
        features.features[query], features.features[gallery], features.metric
    )
    return Evaluation(
        tuple(
            _score(
                _slice(distances, query, gallery, trial),
                features,
                trial,
                protocol.spec,
            )
            for trial in trials
        )
    )


def score_features_trial(
    features: FeatureTable,
    protocol: EvaluationProtocol,
    splits: Splits,
    convention: Convention,
    trial: int,
) -> TrialScore:
    """Score one model's features on one trial, where every trial has a model of its own.

    Args:
        features: Features of the query and gallery images, in any order.
        protocol: Draws the trial from the images of `features`.
        splits: The split files of the protocol's dataset.
        convention: How galleries are drawn.
        trial: Number of the trial, from 0.

    Returns:
        The scores of the trial.

    Raises:
        UsageError: The protocol does not define the convention or has no such trial.
        DataError: Images are missing, or the features cannot be compared.
    """
    drawn = protocol.trial(features.table, splits, convention, trial)
    distances = pairwise_distances(
        features.features[drawn.query], features.features[drawn.gallery], features.metric
    )
    return _score(distances, features, drawn, protocol.spec)


def _check_one_model(protocol: EvaluationProtocol) -> None:
    numbers = range(protocol.spec.num_trials)
    num_splits = len({protocol.training_split(number) for number in numbers})
    if num_splits > 1:
        raise UsageError(
            f"{protocol.spec.id} trains {num_splits} models, one for each training split; score "
            "the features of each on the trials of its own split"
        )


def _slice(
    distances: NDArray[np.float64],
    query: NDArray[np.int64],
    gallery: NDArray[np.int64],
    trial: Trial,
) -> NDArray[np.float64]:
    rows = np.searchsorted(query, trial.query)
    columns = np.searchsorted(gallery, trial.gallery)
    return distances[np.ix_(rows, columns)]


def _score(
    distances: NDArray[np.float64], features: FeatureTable, trial: Trial, spec: ProtocolSpec
) -> TrialScore:
    identity = features.table["identity"].to_numpy()
    camera = features.table["camera"].to_numpy()
    return score_trial(
        distances,
        query_identity=identity[trial.query],
        query_camera=camera[trial.query],
        gallery_identity=identity[trial.gallery],
        gallery_camera=camera[trial.gallery],
        excluded_camera_pairs=spec.excluded_camera_pairs,
        cmc=spec.cmc,
    )
