"""Scores a feature table under a protocol: draws the trials, computes distances once, ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.contracts.errors import UsageError
from bench_core.evaluation.pool import pool_trials
from bench_core.evaluation.products import FeatureDistances
from bench_core.evaluation.query_table import QueryImages
from bench_core.evaluation.ranking import rank_pool, score_queries
from bench_core.evaluation.reranking import rerank_groups
from bench_core.evaluation.reranking_distances import feature_distances
from bench_core.evaluation.summary import Evaluation
from bench_core.evaluation.trial import average_queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from bench_core.contracts.dataset import Splits
    from bench_core.contracts.protocol import Convention, EvaluationProtocol, ProtocolSpec, Trial
    from bench_core.features import FeatureTable


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
        DataError: Images are missing, or the features cannot be compared.
    """
    _check_one_model(protocol)
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
        DataError: Images are missing, or the features cannot be compared.
    """
    drawn = protocol.trial(features.table, splits, convention, trial)
    score = _score_reranked if rerank else _score
    return score(features, [drawn], protocol.spec, device)


def _check_one_model(protocol: EvaluationProtocol) -> None:
    numbers = range(protocol.spec.num_trials)
    num_splits = len({protocol.training_split(number) for number in numbers})
    if num_splits > 1:
        raise UsageError(
            f"{protocol.spec.id} trains {num_splits} models, one for each training split; score "
            "the features of each on the trials of its own split"
        )


def _score(
    features: FeatureTable, trials: Sequence[Trial], spec: ProtocolSpec, device: torch.device | str
) -> Evaluation:
    pool = pool_trials(
        features.table["identity"].to_numpy(),
        features.table["camera"].to_numpy(),
        [(trial.query, trial.gallery) for trial in trials],
        spec.excluded_camera_pairs,
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
        source = feature_distances(
            features.features[trial.query],
            features.features[trial.gallery],
            features.metric,
            device=device,
        )
        distances = rerank_groups(
            source,
            query_camera=camera[trial.query],
            gallery_camera=camera[trial.gallery],
            excluded_camera_pairs=spec.excluded_camera_pairs,
        )
        queries = score_queries(
            distances,
            query_identity=identity[trial.query],
            query_camera=camera[trial.query],
            gallery_identity=identity[trial.gallery],
            gallery_camera=camera[trial.gallery],
            excluded_camera_pairs=spec.excluded_camera_pairs,
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
