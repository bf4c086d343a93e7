"""Scores features under a protocol: draws the trials once, computes distances once, ranks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.contracts.errors import DataError, UsageError
from bench_core.evaluation.distances import pairwise_distances
from bench_core.evaluation.engine import FeatureDistances, pool_trials, rank_pool
from bench_core.evaluation.query_table import QueryImages
from bench_core.evaluation.ranking import score_queries
from bench_core.evaluation.similarity import intra_class_similarity
from bench_core.evaluation.summary import (
    Evaluation,
    TrialScore,
    average_queries,
    split_by_query_camera,
)
from bench_core.features.digest import array_digest
from bench_core.features.numbering import numbering_hint
from bench_core.system.foreign_files import quoted

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from bench_core.contracts.protocol import Convention, EvaluationProtocol, ProtocolSpec, Trial
    from bench_core.features.table import FeatureTable
    from bench_core.scoring.reranking import RerankerChoice


@dataclass(frozen=True, eq=False)
class ProtocolScores:
    """What features score under a protocol.

    Attributes:
        evaluation: The scores of all trials.
        similarity: Intra-class cosine similarity (ICCS), mean over trials, in [-1, 1]; see
            `bench_core.evaluation.similarity`. None where distances alone were given.
        by_query_camera: The scores of the queries of each camera.
        assumptions: What the scores take for granted because nothing at hand tells it.
    """

    evaluation: Evaluation
    similarity: float | None
    by_query_camera: Mapping[int, Evaluation]
    assumptions: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """Return the scores as `bench eval --json` prints them and a result records them."""
        return {
            **self.evaluation.as_document(),
            "iccs": self.similarity,
            "by_query_camera": {
                str(camera): _camera_document(scores)
                for camera, scores in self.by_query_camera.items()
            },
        }


def score(
    features_by_split: Mapping[str, FeatureTable],
    protocol: EvaluationProtocol,
    convention: Convention,
    *,
    trials: Sequence[int] | None = None,
    reranker: RerankerChoice | None = None,
    device: torch.device | str = "cpu",
) -> ProtocolScores:
    """Score the features of one model, or of one for each training split, under a protocol.

    Each trial is scored with the features of the model of its training split; distances are
    computed once for all trials of a model, between all images that are a query and all that are a
    gallery image in any of them.

    Args:
        features_by_split: By the name of the training split (or of the protocol's validation
            split, which takes the place of any other), features of the query and gallery images
            of its trials, in any order.
        protocol: Draws the trials from the images of the features.
        convention: How galleries are drawn.
        trials: Numbers of the trials to score, from 0; None for all.
        reranker: What re-ranks the distances of each trial; None for none.
        device: Where distances are computed, such as "cpu" or "cuda".

    Returns:
        The scores of the trials, in their order.

    Raises:
        UsageError: The protocol does not define the convention, has no such trial, or a trial needs
            a model of a split that there are no features of.
        DataError: Images are missing, the features cannot be compared, they are of a model that was
            trained on another split than a trial's, or two splits have the same.
        PluginError: The re-ranker broke its contract.
    """
    numbers = list(range(protocol.spec.num_trials) if trials is None else trials)
    by_split: dict[str, list[int]] = {}
    for number in numbers:
        by_split.setdefault(split_for(number, features_by_split, protocol), []).append(number)
    scored: dict[int, _ScoredTrial] = {}
    for split, own in by_split.items():
        features = features_by_split[split]
        with _named(features):
            _check_training_split(features, protocol, own[0])
            _check_degradation(features, protocol.spec)
            drawn = [protocol.trial(features.table, convention, number) for number in own]
            parts = _score_model(features, drawn, protocol.spec, device, reranker)
        scored.update(zip(own, parts, strict=True))
    several = len(set(map(protocol.training_split, range(protocol.spec.num_trials)))) > 1
    models = {split: features_by_split[split] for split in by_split}
    assumptions = _tell_models_apart(models) if several else ()
    return _gather([scored[number] for number in numbers], assumptions)


def trials_of(protocol: EvaluationProtocol, split: str) -> list[int]:
    """Return the trials, from 0, that a model of a training split may be scored on."""
    numbers = range(protocol.spec.num_trials)
    held_out = split == protocol.spec.validation_split
    return [number for number in numbers if held_out or protocol.training_split(number) == split]


def score_validation(features: FeatureTable, protocol: EvaluationProtocol) -> float:
    """Score one model's features on the validation people, to select a model by.

    Args:
        features: Features of the validation queries and gallery, in any order.
        protocol: Defines `validation_trial`.

    Returns:
        mAP in [0, 1]; every query may meet every gallery image.

    Raises:
        DataError: Images are missing, or the features cannot be compared.
    """
    trial = protocol.validation_trial(features.table)
    spec = replace(protocol.spec, excluded_camera_pairs=(), excluded_match_camera_pairs=())
    return _rank(features, [trial], spec, "cpu")[0].mean_average_precision


def trial_distances(
    features: FeatureTable, trial: Trial, spec: ProtocolSpec, reranker: RerankerChoice | None = None
) -> NDArray[np.floating[Any]]:
    """Compute the distances by which one trial is ranked.

    Args:
        features: Features of the query and gallery images.
        trial: Rows of `features`.
        spec: The protocol, of which re-ranking respects the cameras that may not meet.
        reranker: What re-ranks the distances; None for none.

    Returns:
        Float (Q, G), smaller is nearer.

    Raises:
        DataError: The features cannot be compared.
        PluginError: The re-ranker broke its contract.
    """
    if reranker is not None:
        return reranker.rerank(features, trial, spec)
    query, gallery = features.features[trial.query], features.features[trial.gallery]
    return pairwise_distances(query, gallery, features.metric)


@dataclass(frozen=True, eq=False)
class _ScoredTrial:
    score: TrialScore
    query_images: QueryImages
    similarity: float


def _gather(trials: Sequence[_ScoredTrial], assumptions: tuple[str, ...]) -> ProtocolScores:
    evaluation = Evaluation(
        tuple(trial.score for trial in trials), tuple(trial.query_images for trial in trials)
    )
    return ProtocolScores(
        evaluation=evaluation,
        similarity=float(np.mean([trial.similarity for trial in trials])),
        by_query_camera=split_by_query_camera(evaluation),
        assumptions=assumptions,
    )


def split_for(
    trial: int, features_by_split: Mapping[str, FeatureTable], protocol: EvaluationProtocol
) -> str:
    """Return the split whose model a trial is scored with.

    Args:
        trial: Number of the trial, from 0.
        features_by_split: As of `score`.
        protocol: The protocol.

    Raises:
        UsageError: There are no features of a model that may be scored on it.
    """
    needed, held_out = protocol.training_split(trial), protocol.spec.validation_split
    if needed in features_by_split:
        return needed
    if held_out is not None and held_out in features_by_split:
        return held_out
    raise UsageError(
        f"trial {trial + 1} of {protocol.spec.id} needs the features of a model that was trained "
        f"on '{needed}'; there are those of {', '.join(map(quoted, features_by_split)) or 'none'}"
    )


@contextmanager
def _named(features: FeatureTable) -> Iterator[None]:
    """Name the file in what is wrong with features that were read from one."""
    try:
        yield
    except DataError as error:
        if features.source is None:
            raise
        hint = numbering_hint(features.table)
        raise DataError(f"cannot score {features.source}: {error}{hint}") from error


def _check_training_split(features: FeatureTable, protocol: EvaluationProtocol, trial: int) -> None:
    """Refuse features of a model that was trained on people whom the trial tests."""
    split, needed = features.training_split, protocol.training_split(trial)
    if split not in (None, needed, protocol.spec.validation_split):
        raise DataError(
            f"the features are of a model trained on {quoted(split)}, but trial {trial + 1} of "
            f"{protocol.spec.id} needs one trained on '{needed}': the model may have been trained "
            "on the very people that this trial tests, which makes its scores far too high"
        )


def _check_degradation(features: FeatureTable, spec: ProtocolSpec) -> None:
    """Refuse features of images that are known to be others than those of the protocol."""
    wanted = spec.degradation.label if spec.degradation else None
    if features.degradation in (None, wanted):
        return
    theirs = f"those of images degraded by {wanted}" if wanted else "those of images as they are"
    raise DataError(
        f"the features are of images degraded by {quoted(features.degradation)}, but {spec.id} "
        f"scores {theirs}; extract them again with --protocol {spec.id}"
    )


def _tell_models_apart(features_by_split: Mapping[str, FeatureTable]) -> tuple[str, ...]:
    """Refuse the same features for two splits; say what features leave to be believed."""
    seen: dict[str, str] = {}
    silent = []
    for split, features in features_by_split.items():
        if features.training_split is not None:  # of few people, two splits may be the same
            continue
        name = str(features.source or f"the features of {split}")
        if (first := seen.setdefault(array_digest(features.features), name)) != name:
            raise DataError(
                f"{first} and {name} hold the same features: each trial needs those of a model "
                "that was trained on its own split; a model of another one has seen people that "
                "the trial tests"
            )
        silent.append(features.source.name if features.source else split)
    return (_unproven(silent),) if silent else ()


def _unproven(names: Sequence[str]) -> str:
    which = f"{names[0]} does" if len(names) == 1 else f"{len(names)} files do"
    return f"each trial's model was trained on its own split: {which} not say on which"


def _score_model(
    features: FeatureTable,
    trials: Sequence[Trial],
    spec: ProtocolSpec,
    device: torch.device | str,
    reranker: RerankerChoice | None,
) -> list[_ScoredTrial]:
    similarity = intra_class_similarity(
        features.features,
        features.table["identity"].to_numpy(),
        features.table["camera"].to_numpy(),
        [(trial.query, trial.gallery) for trial in trials],
        (*spec.excluded_camera_pairs, *spec.excluded_match_camera_pairs),
    )
    if reranker is None:
        scores = _rank(features, trials, spec, device)
    else:
        scores = _rank_again(features, trials, spec, device, reranker)
    return [
        _ScoredTrial(score, _query_images(features, trial), float(alike))
        for score, trial, alike in zip(scores, trials, similarity, strict=True)
    ]


def _rank(
    features: FeatureTable, trials: Sequence[Trial], spec: ProtocolSpec, device: torch.device | str
) -> list[TrialScore]:
    pool = pool_trials(
        features.table["identity"].to_numpy(),
        features.table["camera"].to_numpy(),
        [(trial.query, trial.gallery) for trial in trials],
        spec.excluded_camera_pairs,
        spec.excluded_match_camera_pairs,
    )
    source = FeatureDistances(features.features, pool, features.metric, device)
    return [
        average_queries(queries, num_gallery=len(trial.gallery))
        for queries, trial in zip(rank_pool(source, pool, spec.cmc), trials, strict=True)
    ]


def _rank_again(
    features: FeatureTable,
    trials: Sequence[Trial],
    spec: ProtocolSpec,
    device: torch.device | str,
    reranker: RerankerChoice,
) -> list[TrialScore]:
    """Re-rank each trial by itself: it knows its own queries and gallery images alone."""
    identity, camera = (features.table[name].to_numpy() for name in ("identity", "camera"))
    scores = []
    for trial in trials:
        queries = score_queries(
            reranker.rerank(features, trial, spec, device=device),
            query_identity=identity[trial.query],
            query_camera=camera[trial.query],
            gallery_identity=identity[trial.gallery],
            gallery_camera=camera[trial.gallery],
            excluded_camera_pairs=spec.excluded_camera_pairs,
            excluded_match_camera_pairs=spec.excluded_match_camera_pairs,
            cmc=spec.cmc,
        )
        scores.append(average_queries(queries, num_gallery=len(trial.gallery)))
    return scores


def _query_images(features: FeatureTable, trial: Trial) -> QueryImages:
    identity, camera, index = (
        features.table[name].to_numpy(dtype=np.int64)[trial.query]
        for name in ("identity", "camera", "index")
    )
    return QueryImages(identity=identity, camera=camera, index=index)


def _camera_document(scores: Evaluation) -> dict[str, Any]:
    return {
        "queries": min(trial.num_queries for trial in scores.trials),
        "valid_queries": min(trial.num_valid_queries for trial in scores.trials),
        "mean": scores.mean,
        "std": scores.std,
    }
