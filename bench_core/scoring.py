"""Scores a feature table under a protocol: draws the trials, computes distances once, ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.contracts.errors import UsageError
from bench_core.evaluation.pool import pool_trials
from bench_core.evaluation.products import FeatureDistances
from bench_core.evaluation.query_table import QueryImages
from bench_core.evaluation.ranking import rank_pool
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
    return _score(features, trials, protocol.spec, device)


def score_features_trial(
    features: FeatureTable,
    protocol: EvaluationProtocol,
    splits: Splits,
    convention: Convention,
    trial: int,
    device: torch.device | str = "cpu",
) -> Evaluation:
    """Score one model's features on one trial, where every trial has a model of its own.

    Args:
        features: Features of the query and gallery images, in any order.
        protocol: Draws the trial from the images of `features`.
        splits: The split files of the protocol's dataset.
        convention: How galleries are drawn.
        trial: Number of the trial, from 0.
        device: Where distances are computed, such as "cpu" or "cuda".

    Returns:
        The scores of this one trial; see `bench_core.evaluation.summary.join_evaluations`.

    Raises:
        UsageError: The protocol does not define the convention or has no such trial.
        DataError: Images are missing, or the features cannot be compared.
    """
    drawn = protocol.trial(features.table, splits, convention, trial)
    return _score(features, [drawn], protocol.spec, device)


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


def _query_images(features: FeatureTable, trial: Trial) -> QueryImages:
    identity, camera, index = (
        features.table[name].to_numpy(dtype=np.int64)[trial.query]
        for name in ("identity", "camera", "index")
    )
    return QueryImages(identity=identity, camera=camera, index=index)
