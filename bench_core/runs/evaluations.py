"""Scores of features that came from anywhere: a file of ours, or the official MATLAB folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_core.contracts.dataset import DatasetSpec, Splits
from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.method import Metric
from bench_core.contracts.protocol import Convention, EvaluationProtocol
from bench_core.evaluation import Evaluation
from bench_core.evaluation.cameras import split_by_query_camera
from bench_core.evaluation.similarity import intra_class_similarity
from bench_core.features import FeatureTable, read_features
from bench_core.features_matlab import read_official_features
from bench_core.scoring import score_features


@dataclass(frozen=True, eq=False)
class FeatureEvaluation:
    """What features alone tell.

    Attributes:
        scores: The scores of all trials.
        similarity: Intra-class cosine similarity (ICCS), mean over trials, in [-1, 1]; see
            `bench_core.evaluation.similarity`.
        by_query_camera: The scores of the queries of each camera.
    """

    scores: Evaluation
    similarity: float
    by_query_camera: Mapping[int, Evaluation]

    def as_document(self) -> dict[str, Any]:
        """Return the scores as `bench eval --json` prints them."""
        return {
            **self.scores.as_document(),
            "iccs": self.similarity,
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
    if not path.is_dir():
        return read_features(path, metric)
    if not dataset.camera_modalities:
        raise UsageError(
            f"--features {path} is a folder: cameras of {dataset.title} see both modalities, so a "
            "file for each camera does not tell them apart; give an .npz file"
        )
    return read_official_features(path, dataset.camera_modalities, metric)


def evaluate_features(
    features: FeatureTable,
    protocol: EvaluationProtocol,
    splits: Splits,
    convention: Convention,
    *,
    rerank: bool = False,
) -> FeatureEvaluation:
    """Score features under a protocol, as a whole and by query camera.

    Raises:
        UsageError: The protocol does not define the convention, or needs a model for each trial.
        DataError: Images are missing, do not fit the split files, or cannot be compared.
    """
    scores = score_features(features, protocol, splits, convention, rerank=rerank)
    trials = [
        protocol.trial(features.table, splits, convention, number)
        for number in range(protocol.spec.num_trials)
    ]
    similarity = intra_class_similarity(
        features.features,
        features.table["identity"].to_numpy(),
        features.table["camera"].to_numpy(),
        [(trial.query, trial.gallery) for trial in trials],
        protocol.spec.excluded_camera_pairs,
    )
    return FeatureEvaluation(scores, float(similarity.mean()), split_by_query_camera(scores))


def evaluate_path(
    path: Path,
    metric: Metric | None,
    dataset: DatasetSpec,
    protocol: EvaluationProtocol,
    splits: Splits,
    convention: Convention,
    *,
    rerank: bool = False,
) -> FeatureEvaluation:
    """Read features and score them; see `open_features` and `evaluate_features`.

    Raises:
        DataError: The features are unreadable or do not fit the protocol; the message names them.
        UsageError: The metric, the layout or the convention cannot be.
    """
    features = open_features(dataset, path, metric)
    try:
        return evaluate_features(features, protocol, splits, convention, rerank=rerank)
    except DataError as error:
        raise DataError(f"cannot score {path}: {error}") from error


def _camera_document(scores: Evaluation) -> dict[str, Any]:
    return {
        "queries": min(trial.num_queries for trial in scores.trials),
        "valid_queries": min(trial.num_valid_queries for trial in scores.trials),
        "mean": scores.mean,
        "std": scores.std,
    }
