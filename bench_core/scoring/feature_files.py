"""Scores of features that came from anywhere: a file of ours, or the official MATLAB folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.contracts.dataset import DatasetSpec, Splits
from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.method import Metric
from bench_core.contracts.protocol import Convention, EvaluationProtocol, StatesAssumptions
from bench_core.evaluation.similarity import intra_class_similarity
from bench_core.evaluation.summary import Evaluation, join_evaluations, split_by_query_camera
from bench_core.features.matlab import read_official_features
from bench_core.features.table import FeatureTable, read_features
from bench_core.scoring.score import score_features, score_features_trial

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class FeatureSource:
    """Which features are scored, and on what.

    Attributes:
        path: An .npz file as `bench extract` writes it, or a folder: of NAME_camC.mat, or, under a
            protocol that trains several models, of an .npz for each training split, by its name.
        metric: Metric of features that name none.
        trial: The only trial to score, from 0; None for all.
    """

    path: Path
    metric: Metric | None = None
    trial: int | None = None


@dataclass(frozen=True, eq=False)
class FeatureEvaluation:
    """What features alone tell.

    Attributes:
        scores: The scores of all trials.
        similarity: Intra-class cosine similarity (ICCS), mean over trials, in [-1, 1]; see
            `bench_core.evaluation.similarity`.
        by_query_camera: The scores of the queries of each camera.
        assumptions: What the scores take for granted because nothing at hand tells it.
    """

    scores: Evaluation
    similarity: float
    by_query_camera: Mapping[int, Evaluation]
    assumptions: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """Return the scores as `bench eval --json` prints them."""
        return {
            **self.scores.as_document(),
            "iccs": self.similarity,
            "assumptions": list(self.assumptions),
            "by_query_camera": {
                str(camera): _camera_document(scores)
                for camera, scores in self.by_query_camera.items()
            },
        }


def open_features(dataset: DatasetSpec, path: Path, metric: Metric | None) -> FeatureTable:
    """Read features of a dataset.

    Args:
        dataset: Its spec; it says which modality each camera has.
        path: An .npz file as `bench extract` writes it, or a folder of NAME_camC.mat.
        metric: Metric of features that name none.

    Raises:
        DataError: The features are unreadable or not what they must be.
        UsageError: The file names another metric, or the dataset has no official folder layout.
    """
    if not os.path.isdir(path):  # noqa: PTH112  # false for any name, where is_dir() may raise
        return read_features(path, metric)
    if not dataset.camera_modalities:
        raise UsageError(
            f"--features {path} is a folder: cameras of {dataset.title} see both modalities, so a "
            "file for each camera does not tell them apart; give an .npz file"
        )
    return read_official_features(path, dataset.camera_modalities, metric)


def evaluate_path(
    source: FeatureSource,
    dataset: DatasetSpec,
    protocol: EvaluationProtocol,
    splits: Splits,
    convention: Convention,
    *,
    rerank: bool = False,
) -> FeatureEvaluation:
    """Read features and score them under a protocol, as a whole and by query camera.

    Raises:
        DataError: Features are missing or unreadable, do not fit the protocol, or are of a model
            that was trained for another trial; the message names the file.
        UsageError: The metric, the layout, the convention or the trial cannot be.
    """
    scores, similarities = [], []
    models = _Models()
    for path, trial in _files(source, protocol):
        features = open_features(dataset, path, source.metric)
        try:
            scores.append(_score(features, protocol, splits, convention, trial, rerank=rerank))
            similarities.append(_similarity(features, protocol, splits, convention, trial))
        except DataError as error:
            raise DataError(f"cannot score {path}: {error}") from error
        if trial is not None:
            models.add(path, features)
    joined = join_evaluations(scores)
    similarity = float(np.concatenate(similarities).mean())
    assumed = protocol.assumptions(splits) if isinstance(protocol, StatesAssumptions) else ()
    return FeatureEvaluation(
        joined, similarity, split_by_query_camera(joined), (*assumed, *models.assumptions())
    )


class _Models:
    """The models of trials that have one each, as far as their features tell them apart."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}
        self._silent: list[str] = []

    def add(self, path: Path, features: FeatureTable) -> None:
        """Note the features of a trial.

        Raises:
            DataError: They are those of another trial.
        """
        if features.training_split is not None:  # with few people, two trials may share a split
            return
        digest = hashlib.sha256(np.ascontiguousarray(features.features).tobytes()).hexdigest()
        first = self._paths.setdefault(digest, path)
        if first != path:
            raise DataError(
                f"{first} and {path} hold the same features: each trial needs those of a model "
                "that was trained on its own split; a model of another one has seen people that "
                "the trial tests"
            )
        self._silent.append(path.name)

    def assumptions(self) -> tuple[str, ...]:
        """Return what the files leave to be believed."""
        if not self._silent:
            return ()
        names = self._silent[0] if len(self._silent) == 1 else f"{len(self._silent)} files"
        return (f"each trial's model was trained on its own split: {names} do not say on which",)


def _files(source: FeatureSource, protocol: EvaluationProtocol) -> list[tuple[Path, int | None]]:
    """Return the files to score, each with its only trial (from 0), or None for all trials."""
    spec, path, trial = protocol.spec, source.path, source.trial
    if trial is not None and not 0 <= trial < spec.num_trials:
        raise UsageError(f"--trial {trial + 1}: {spec.id} has trials 1 to {spec.num_trials}")
    names = [f"{protocol.training_split(number)}.npz" for number in range(spec.num_trials)]
    is_folder = os.path.isdir(path)  # noqa: PTH112  # as above
    if len(set(names)) == 1 or (trial is not None and not is_folder):
        return [(path, trial)]
    if not is_folder:
        raise UsageError(
            f"--features {path}: {spec.id} trains a model for each training split; give a folder "
            f"with {names[0]} to {names[-1]}, or with --trial N the one .npz of that trial's model"
        )
    trials = range(spec.num_trials) if trial is None else [trial]
    files = [path / names[number] for number in trials]
    try:
        missing = [file for file in files if not file.exists()]
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
    if missing:
        raise DataError(
            f"{missing[0]} is missing ({len(missing)} of {len(files)} files are): the folder must "
            f"hold {names[0]} to {names[-1]}, each with the features of the model that was trained "
            "on this split"
        )
    return list(zip(files, trials, strict=True))


def _score(
    features: FeatureTable,
    protocol: EvaluationProtocol,
    splits: Splits,
    convention: Convention,
    trial: int | None,
    *,
    rerank: bool,
) -> Evaluation:
    if trial is None:
        return score_features(features, protocol, splits, convention, rerank=rerank)
    return score_features_trial(features, protocol, splits, convention, trial, rerank=rerank)


def _similarity(
    features: FeatureTable,
    protocol: EvaluationProtocol,
    splits: Splits,
    convention: Convention,
    trial: int | None,
) -> NDArray[np.float64]:
    """Return the intra-class similarity of each trial."""
    numbers = range(protocol.spec.num_trials) if trial is None else [trial]
    trials = [protocol.trial(features.table, splits, convention, number) for number in numbers]
    return intra_class_similarity(
        features.features,
        features.table["identity"].to_numpy(),
        features.table["camera"].to_numpy(),
        [(trial.query, trial.gallery) for trial in trials],
        (*protocol.spec.excluded_camera_pairs, *protocol.spec.excluded_match_camera_pairs),
    )


def _camera_document(scores: Evaluation) -> dict[str, Any]:
    return {
        "queries": min(trial.num_queries for trial in scores.trials),
        "valid_queries": min(trial.num_valid_queries for trial in scores.trials),
        "mean": scores.mean,
        "std": scores.std,
    }
