"""Scores of features that came from anywhere: of every format that is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.method import Metric
from bench_core.contracts.protocol import (
    GIVEN,
    Convention,
    EvaluationProtocol,
    StatesAssumptions,
)
from bench_core.features.formats import Features, FoundFeatures, read_any
from bench_core.features.given import GivenFeatures
from bench_core.features.reading import ReadingChoices, RowOrder
from bench_core.features.table import FeatureTable
from bench_core.scoring.given import bind_given
from bench_core.scoring.reranking import RerankerChoice
from bench_core.scoring.score import ProtocolScores, score


@dataclass(frozen=True, kw_only=True)
class FeatureSource:
    """Which features are scored, and on what.

    Attributes:
        path: Features of any of `bench_core.features.formats.FORMATS`, or, under a protocol that
            trains several models, a folder with an .npz for each training split, by its name.
        metric: Metric of features that name none.
        trial: The only trial to score, from 0; None for all.
        row_order: Order of rows where the files cannot prove it.
    """

    path: Path
    metric: Metric | None = None
    trial: int | None = None
    row_order: RowOrder | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedFeatures:
    """Features that were read, and the protocol under which they can be scored.

    Attributes:
        features: By the name of the training split of their model.
        protocol: The protocol; for features as given, the one whose only trial they are.
        trials: Numbers of the trials to score, from 0; None for all.
        files: The files that were read, in the order of trials.
    """

    features: Mapping[str, FeatureTable]
    protocol: EvaluationProtocol
    trials: tuple[int, ...] | None
    files: tuple[Path, ...]

    @property
    def metric(self) -> str:
        """The distance of the features; where models differ, all of them."""
        return " and ".join(dict.fromkeys(table.metric for table in self.features.values()))

    @property
    def is_given(self) -> bool:
        """Whether query and gallery are as given."""
        return self.protocol.spec.conventions == (GIVEN,)

    def resolve_convention(self, asked: Convention | None) -> Convention:
        """Return the convention to score under.

        Args:
            asked: That of `--convention`; None for the protocol's first.

        Raises:
            UsageError: The features cannot be scored under it.
        """
        known = self.protocol.spec.conventions
        if asked in (None, *known):
            return asked or known[0]
        name = next(iter(self.features.values())).source
        if self.is_given:
            raise UsageError(
                f"--convention {asked}: {name} does not say which images it is of, so that no "
                f"gallery can be drawn; leave the option out to score it as {GIVEN}"
            )
        raise UsageError(
            f"--convention {asked}: {name} says which images it is of, so that galleries are "
            f"drawn; use {' or '.join(known)}"
        )

    def score(
        self, convention: Convention, reranker: RerankerChoice | None = None
    ) -> ProtocolScores:
        """Score the features.

        Args:
            convention: How galleries are drawn.
            reranker: What re-ranks the distances; None for none.

        Returns:
            The scores; their assumptions hold the notes of the features, too.

        Raises:
            DataError: As `score`.
            UsageError: As `score`.
            PluginError: As `score`.
        """
        scores = score(
            self.features, self.protocol, convention, trials=self.trials, reranker=reranker
        )
        stated = self.protocol.assumptions() if isinstance(self.protocol, StatesAssumptions) else ()
        stated = (*stated, *self._degradation_assumed())
        notes = dict.fromkeys(note for table in self.features.values() for note in table.notes)
        return replace(scores, assumptions=(*stated, *notes, *scores.assumptions))

    def _degradation_assumed(self) -> tuple[str, ...]:
        """Say what features that do not say so are taken for: those of degraded images."""
        degradation = self.protocol.spec.degradation
        if degradation is None or all(table.degradation for table in self.features.values()):
            return ()
        return (f"the features are of images degraded by {degradation.label}: no file says so",)


def open_features(dataset: DatasetSpec, source: FeatureSource) -> Features:
    """Read features of a dataset.

    Args:
        dataset: Its spec; it says which modality each camera has.
        source: Where they are, and what they do not say themselves.

    Raises:
        DataError: The features are unreadable or not what they must be.
        UsageError: An option contradicts them or is missing, or cameras of the dataset do not tell
            the modality, which the format needs.
    """
    return _find(dataset, source).features


def _find(dataset: DatasetSpec, source: FeatureSource) -> FoundFeatures:
    choices = ReadingChoices(
        dataset=dataset.title,
        camera_modalities=dataset.camera_modalities,
        metric=source.metric,
        row_order=source.row_order,
    )
    return read_any(source.path, choices)


def open_source(
    source: FeatureSource, dataset: DatasetSpec, protocol: EvaluationProtocol
) -> OpenedFeatures:
    """Read what a protocol needs of features.

    Raises:
        DataError: Features are missing or unreadable, or, as given, do not fit the protocol.
        UsageError: The metric, the order of rows, the layout or the trial cannot be.
    """
    files = _files(source, protocol)
    found = {split: _find(dataset, replace(source, path=path)) for split, path in files.items()}
    read = {split: one.features for split, one in found.items()}
    sources = tuple(file for one in found.values() for file in one.files)
    tables = {split: found for split, found in read.items() if isinstance(found, FeatureTable)}
    trials = None if source.trial is None else (source.trial,)
    if len(tables) == len(read):
        return OpenedFeatures(features=tables, protocol=protocol, trials=trials, files=sources)
    if len(read) > 1:
        raise UsageError(
            f"--features {source.path}: features as given are scored a trial at a time; name one "
            "file, with --trial N"
        )
    ((split, given),) = read.items()
    assert isinstance(given, GivenFeatures)  # noqa: S101  # the only other kind
    bound = bind_given(given, dataset, protocol, source.trial)
    return OpenedFeatures(
        features={split: bound.features}, protocol=bound.protocol, trials=None, files=sources
    )


def score_path(
    source: FeatureSource,
    dataset: DatasetSpec,
    protocol: EvaluationProtocol,
    convention: Convention,
    reranker: RerankerChoice | None = None,
) -> ProtocolScores:
    """Read features and score them under a protocol.

    Args:
        source: The features.
        dataset: The dataset of the protocol.
        protocol: The protocol.
        convention: How galleries are drawn; "given" for features that do not say which images
            they are of.
        reranker: What re-ranks the distances; None for none.

    Raises:
        DataError: Features are missing or unreadable, do not fit the protocol, or are of a model
            that was trained for another trial; the message names the file.
        UsageError: The metric, the layout, the convention or the trial cannot be.
    """
    return open_source(source, dataset, protocol).score(convention, reranker)


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
