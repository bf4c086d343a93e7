"""Scores of features that came from anywhere: a file of ours, or the official MATLAB folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.method import Metric
from bench_core.contracts.protocol import Convention, EvaluationProtocol, StatesAssumptions
from bench_core.features.matlab import read_official_features
from bench_core.features.table import FeatureTable, read_features
from bench_core.scoring.score import ProtocolScores, score


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


def score_path(
    source: FeatureSource,
    dataset: DatasetSpec,
    protocol: EvaluationProtocol,
    convention: Convention,
    *,
    rerank: bool = False,
) -> ProtocolScores:
    """Read features and score them under a protocol.

    Raises:
        DataError: Features are missing or unreadable, do not fit the protocol, or are of a model
            that was trained for another trial; the message names the file.
        UsageError: The metric, the layout, the convention or the trial cannot be.
    """
    features = {
        split: open_features(dataset, path, source.metric)
        for split, path in _files(source, protocol).items()
    }
    trials = None if source.trial is None else [source.trial]
    scores = score(features, protocol, convention, trials=trials, rerank=rerank)
    assumed = protocol.assumptions() if isinstance(protocol, StatesAssumptions) else ()
    return replace(scores, assumptions=(*assumed, *scores.assumptions))


def _files(source: FeatureSource, protocol: EvaluationProtocol) -> dict[str, Path]:
    """Return the file, or the folder of one file a camera, of each training split."""
    spec, path, trial = protocol.spec, source.path, source.trial
    if trial is not None and not 0 <= trial < spec.num_trials:
        raise UsageError(f"--trial {trial + 1}: {spec.id} has trials 1 to {spec.num_trials}")
    trained_on = [protocol.training_split(number) for number in range(spec.num_trials)]
    is_folder = os.path.isdir(path)  # noqa: PTH112  # as above
    if len(set(trained_on)) == 1 or (trial is not None and not is_folder):
        return {trained_on[trial or 0]: path}
    if not is_folder:
        raise UsageError(
            f"--features {path}: {spec.id} trains a model for each training split; give a folder "
            f"with {trained_on[0]}.npz to {trained_on[-1]}.npz, or with --trial N the one .npz of "
            "that trial's model"
        )
    wanted = trained_on if trial is None else [trained_on[trial]]
    files = {split: path / f"{split}.npz" for split in wanted}
    try:
        missing = [file for file in files.values() if not file.exists()]
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
    if missing:
        raise DataError(
            f"{missing[0]} is missing ({len(missing)} of {len(files)} files are): the folder must "
            f"hold {trained_on[0]}.npz to {trained_on[-1]}.npz, each with the features of the "
            "model that was trained on this split"
        )
    return files
