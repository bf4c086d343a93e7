"""Scores a feature table under a protocol: draws the trials, computes distances once, ranks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.contracts.errors import DataError, UsageError
from bench_core.evaluation.distances import pairwise_distances
from bench_core.evaluation.engine import FeatureDistances, pool_trials, rank_pool
from bench_core.evaluation.query_table import QueryImages
from bench_core.evaluation.ranking import score_queries
from bench_core.evaluation.reranking.distances import feature_distances
from bench_core.evaluation.reranking.k_reciprocal import rerank_groups
from bench_core.evaluation.summary import Evaluation, average_queries
from bench_core.system.foreign_files import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from bench_core.contracts.dataset import Splits
    from bench_core.contracts.protocol import Convention, EvaluationProtocol, ProtocolSpec, Trial
    from bench_core.features.table import FeatureTable


def score_features(
    features: FeatureTable,
    protocol: EvaluationProtocol,
    splits: Splits,
    convention: Convention,
    *,
    rerank: bool = False,
    device: torch.device | str = "cpu",
) -> Evaluation:
    """Score one model's features on all trials of a protocol.

    Distances are computed once, between all images that are a query and all that are a gallery
    image in any trial.

    Args:
        features: Features of the query and gallery images, in any order.
        protocol: Draws the trials from the images of `features`.
        splits: The split files of the protocol's dataset.
        convention: How galleries are drawn.
        rerank: Whether distances are re-ranked by k-reciprocal neighbours (Zhong et al. 2017).
        device: Where distances are computed, such as "cpu" or "cuda".

    Returns:
        The scores of every trial.

    Raises:
        UsageError: The protocol does not define the convention, or its trials are trained on
            different splits, so that one model would be tested on identities it was trained on.
        DataError: Images are missing, the features cannot be compared, or they are of a model that
            was trained on another split than the protocol's.
    """
    _check_one_model(protocol)
    _check_training_split(features, protocol, 0)
    trials = [
        protocol.trial(features.table, splits, convention, number)
        for number in range(protocol.spec.num_trials)
    ]
    score = _score_reranked if rerank else _score
    return score(features, trials, protocol.spec, device)


def score_features_trial(
    features: FeatureTable,
    protocol: EvaluationProtocol,
    splits: Splits,
    convention: Convention,
    trial: int,
    *,
    rerank: bool = False,
    device: torch.device | str = "cpu",
) -> Evaluation:
    """Score one model's features on one trial, where every trial has a model of its own.

    Args:
        features: Features of the query and gallery images, in any order.
        protocol: Draws the trial from the images of `features`.
        splits: The split files of the protocol's dataset.
        convention: How galleries are drawn.
        trial: Number of the trial, from 0.
        rerank: Whether distances are re-ranked by k-reciprocal neighbours (Zhong et al. 2017).
        device: Where distances are computed, such as "cpu" or "cuda".

    Returns:
        The scores of this one trial; see `bench_core.evaluation.summary.join_evaluations`.

    Raises:
        UsageError: The protocol does not define the convention or has no such trial.
        DataError: Images are missing, the features cannot be compared, or they are of a model that
            was trained on another split than the trial's.
    """
    _check_training_split(features, protocol, trial)
    drawn = protocol.trial(features.table, splits, convention, trial)
    score = _score_reranked if rerank else _score
    return score(features, [drawn], protocol.spec, device)


def score_validation(features: FeatureTable, protocol: EvaluationProtocol, splits: Splits) -> float:
    """Score one model's features on the validation people, to select a model by.

    Args:
        features: Features of the validation queries and gallery, in any order.
        protocol: Defines `validation_trial`.
        splits: The split files of the protocol's dataset.

    Returns:
        mAP in [0, 1]; every query may meet every gallery image.

    Raises:
        DataError: Images are missing, or the features cannot be compared.
    """
    trial = protocol.validation_trial(features.table, splits)
    spec = replace(protocol.spec, excluded_camera_pairs=(), excluded_match_camera_pairs=())
    return _score(features, [trial], spec, "cpu").trials[0].mean_average_precision


def trial_distances(
    features: FeatureTable,
    trial: Trial,
    spec: ProtocolSpec,
    *,
    rerank: bool,
    device: torch.device | str = "cpu",
) -> NDArray[np.floating[Any]]:
    """Compute the distances by which one trial is ranked.

    Args:
        features: Features of the query and gallery images.
        trial: Rows of `features`.
        spec: The protocol; re-ranking leaves out pairs of cameras that may not meet.
        rerank: Whether distances are re-ranked by k-reciprocal neighbours (Zhong et al. 2017).
        device: Where distances that are re-ranked are computed.

    Returns:
        Float (Q, G), smaller is nearer.

    Raises:
        DataError: The features cannot be compared.
    """
    query, gallery = features.features[trial.query], features.features[trial.gallery]
    if not rerank:
        return pairwise_distances(query, gallery, features.metric)
    camera = features.table["camera"].to_numpy()
    return rerank_groups(
        feature_distances(query, gallery, features.metric, device=device),
        query_camera=camera[trial.query],
        gallery_camera=camera[trial.gallery],
        excluded_camera_pairs=spec.excluded_camera_pairs,
    )


def _check_one_model(protocol: EvaluationProtocol) -> None:
    numbers = range(protocol.spec.num_trials)
    num_splits = len({protocol.training_split(number) for number in numbers})
    if num_splits > 1:
        raise UsageError(
            f"{protocol.spec.id} trains {num_splits} models, one for each training split; score "
            "the features of each on the trials of its own split"
        )


def _check_training_split(features: FeatureTable, protocol: EvaluationProtocol, trial: int) -> None:
    """Refuse features of a model that was trained on people whom the trial tests."""
    split, needed = features.training_split, protocol.training_split(trial)
    if split not in (None, needed, protocol.spec.validation_split):
        raise DataError(
            f"the features are of a model trained on {quoted(split)}, but trial {trial + 1} of "
            f"{protocol.spec.id} needs one trained on '{needed}': the model may have been trained "
            "on the very people that this trial tests, which makes its scores far too high"
        )


def _score(
    features: FeatureTable, trials: Sequence[Trial], spec: ProtocolSpec, device: torch.device | str
) -> Evaluation:
    pool = pool_trials(
        features.table["identity"].to_numpy(),
        features.table["camera"].to_numpy(),
        [(trial.query, trial.gallery) for trial in trials],
        spec.excluded_camera_pairs,
        spec.excluded_match_camera_pairs,
    )
    source = FeatureDistances(features.features, pool, features.metric, device)
    scores = tuple(
        average_queries(scores, num_gallery=len(trial.gallery))
        for scores, trial in zip(rank_pool(source, pool, spec.cmc), trials, strict=True)
    )
    return Evaluation(scores, tuple(_query_images(features, trial) for trial in trials))


def _score_reranked(
    features: FeatureTable, trials: Sequence[Trial], spec: ProtocolSpec, device: torch.device | str
) -> Evaluation:
    """Re-rank each trial by itself: its neighbours are its own queries and gallery images."""
    identity, camera = (features.table[name].to_numpy() for name in ("identity", "camera"))
    scores = []
    for trial in trials:
        distances = trial_distances(features, trial, spec, rerank=True, device=device)
        queries = score_queries(
            distances,
            query_identity=identity[trial.query],
            query_camera=camera[trial.query],
            gallery_identity=identity[trial.gallery],
            gallery_camera=camera[trial.gallery],
            excluded_camera_pairs=spec.excluded_camera_pairs,
            excluded_match_camera_pairs=spec.excluded_match_camera_pairs,
            cmc=spec.cmc,
        )
        scores.append(average_queries(queries, num_gallery=len(trial.gallery)))
    return Evaluation(tuple(scores), tuple(_query_images(features, trial) for trial in trials))


def _query_images(features: FeatureTable, trial: Trial) -> QueryImages:
    identity, camera, index = (
        features.table[name].to_numpy(dtype=np.int64)[trial.query]
        for name in ("identity", "camera", "index")
    )
    return QueryImages(identity=identity, camera=camera, index=index)
