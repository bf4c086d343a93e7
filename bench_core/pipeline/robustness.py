"""The grid of a corrupted result: every image with one corruption of one severity, cell by cell."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.contracts.degradation import DegradationSpec
from bench_core.contracts.degraded import CorruptionCell
from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.protocol import ProtocolSpec
from bench_core.contracts.result import ResultRecord
from bench_core.contracts.scores import Metrics
from bench_core.corrupted_twins import CORRUPTION_ID, cell_settings
from bench_core.features.table import FeatureTable
from bench_core.loading import load_protocol
from bench_core.pipeline.attribution import attributed
from bench_core.pipeline.embeddings import extract_scored, features_of, tested_rows
from bench_core.pipeline.inputs import RunInputs, open_inputs
from bench_core.pipeline.trainings import TrainedModel, find_model, open_model
from bench_core.plugins import Registry
from bench_core.results.corruption_grid import with_cell
from bench_core.results.store import read_result, update_result
from bench_core.scoring.reranking import RerankerChoice, reopen_reranker
from bench_core.scoring.score import score, trials_of
from bench_core.system.progress import progress


@dataclass(frozen=True, kw_only=True)
class GridSettings:
    """With what a grid is scored.

    Attributes:
        root: Root of the dataset; None for synthetic people.
        runs: Folder of trainings, in which the models of the result are looked for.
        cache: Folder for what can be made again.
        device: Where to compute.
        threads: Processor threads; None for the usual number.
    """

    root: Path | None
    runs: Path
    cache: Path
    device: torch.device
    threads: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scored:
    """A model with its features of clean images, of which a cell replaces those it corrupts."""

    model: TrainedModel
    features: FeatureTable
    rows: NDArray[np.int64]
    """In the dataset, of the images that are corrupted: those that a trial draws."""
    places: NDArray[np.int64]
    """Of these in `features`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Grid:
    inputs: RunInputs
    scored: Mapping[str, _Scored]
    convention: str
    reranker: RerankerChoice | None
    settings: GridSettings

    @property
    def degradation(self) -> DegradationSpec:
        degradation = self.inputs.protocol.spec.degradation
        assert degradation is not None  # noqa: S101  # `check_record` refused the others
        return degradation


def check_record(path: Path, record: ResultRecord) -> None:
    """Refuse a result that has no grid.

    Raises:
        UsageError: It is not of a corrupted protocol, or of no model that was run here.
    """
    degradation = record.protocol.degradation
    if degradation is None or degradation.id != CORRUPTION_ID:
        raise UsageError(
            f"{path} is of {record.protocol.id}, which corrupts nothing; run the method under its "
            f"corrupted twin, such as {record.protocol.id}-corrupted, first"
        )
    if not record.provenance.training_identities:
        raise UsageError(
            f"{path}: its model was not trained here, and is not kept; the grid needs it"
        )


def score_cells(
    registry: Registry, path: Path, cells: Sequence[tuple[str, int]], settings: GridSettings
) -> ResultRecord:
    """Score the models of a result under corruptions and severities, and keep each in its record.

    A cell is in the record as soon as it is scored: whoever is interrupted goes on where it was.

    Args:
        registry: The plugins.
        path: A record of a corrupted protocol.
        cells: (corruption, severity) of each cell.
        settings: With what.

    Returns:
        The record with its grid, as it is stored.

    Raises:
        UsageError: The result has no grid, or its models are not at hand.
        BenchError: Anything else that a user may meet; the cells so far are kept.
    """
    record = read_result(path)
    check_record(path, record)
    with attributed(registry, record.method.id):
        grid = _open_grid(registry, path, record, settings)
        known = record.corruption_grid
        clean = known.clean if known else _clean_scores(grid)
        with progress(total=len(cells), description="corruptions", unit="cell") as bar:
            for name, severity in cells:
                bar.set_description_str(f"{name} {severity}")
                cell = CorruptionCell(
                    corruption=name, severity=severity, mean=_cell_scores(grid, name, severity)
                )
                grown = with_cell(record.corruption_grid, clean, cell)
                record = update_result(path, record.model_copy(update={"corruption_grid": grown}))
                bar.update()
    return record


def _open_grid(
    registry: Registry, path: Path, record: ResultRecord, settings: GridSettings
) -> _Grid:
    """Find the models and the dataset of a record.

    Raises:
        UsageError: A model is not there, or the dataset is needed.
        DataError: The dataset is another.
    """
    if settings.root is None and not record.dataset.synthetic:
        raise UsageError(f"{path}: the images are needed; name the dataset with --data ROOT")
    spec = registry.protocol(record.protocol.id)
    used = record.protocol.reranker
    reranker = reopen_reranker(registry, used, spec.id) if used else None
    models = _models(registry, path, record, settings.runs)
    inputs = open_inputs(registry, spec, settings.root, settings.cache)
    if inputs.fingerprint != record.dataset.fingerprint:
        raise DataError(
            f"{inputs.dataset.root} is not what {path} is of: its fingerprint is "
            f"{inputs.fingerprint[:12]}, that of the result {record.dataset.fingerprint[:12]}; "
            "name its dataset with --data ROOT"
        )
    convention = record.protocol.convention
    scored = {
        model.description.split: _scored(model, inputs, convention, settings) for model in models
    }
    return _Grid(
        inputs=inputs,
        scored=scored,
        convention=convention,
        reranker=reranker,
        settings=settings,
    )


def _models(registry: Registry, path: Path, record: ResultRecord, runs: Path) -> list[TrainedModel]:
    models = []
    for identity in dict.fromkeys(record.provenance.training_identities):
        found = find_model(runs, record.dataset.id, identity)
        if found is None:
            raise UsageError(
                f"{path}: its model (training {identity[:12]}) is not below {runs}; name its "
                "folder with --runs, or run the method again"
            )
        models.append(open_model(registry, found, record.method.config))
    return models


def _with_degradation(inputs: RunInputs, degradation: DegradationSpec | None) -> RunInputs:
    """Return inputs whose protocol degrades images in another way, or leaves them as they are."""
    spec: ProtocolSpec = replace(inputs.protocol.spec, degradation=degradation)
    return replace(inputs, protocol=load_protocol(spec, inputs.dataset.splits))


def _scored(
    model: TrainedModel, inputs: RunInputs, convention: str, settings: GridSettings
) -> _Scored:
    clean = _with_degradation(inputs, None)
    features, _ = features_of(model, clean, settings.device, settings.threads)
    images, protocol = inputs.dataset.images, inputs.protocol
    drawn = [
        protocol.trial(images, convention, trial)
        for trial in trials_of(protocol, model.description.split)
    ]
    used = np.unique(np.concatenate([np.r_[trial.query, trial.gallery] for trial in drawn]))
    degradation = protocol.spec.degradation
    corrupted = images["modality"].to_numpy()[used] == (degradation and degradation.modality)
    tested = tested_rows(model, inputs)
    order = np.argsort(tested)
    rows = used[corrupted]
    places = order[np.searchsorted(tested, rows, sorter=order)]
    return _Scored(model=model, features=features, rows=rows, places=places)


def _clean_scores(grid: _Grid) -> Metrics:
    features = {split: scored.features for split, scored in grid.scored.items()}
    return _mean(grid, features, _with_degradation(grid.inputs, None))


def _cell_scores(grid: _Grid, name: str, severity: int) -> Metrics:
    """Score the models with every image under one corruption; nothing of its pixels is kept."""
    degradation = replace(grid.degradation, settings=cell_settings(name, severity))
    inputs = _with_degradation(grid.inputs, degradation)
    features = {}
    for split, scored in grid.scored.items():
        config = scored.model.config
        with tempfile.TemporaryDirectory(prefix="bench-corruption-") as folder:
            images = inputs.scored_images(
                scored.rows, config.image_size, config.resize_filter, Path(folder)
            )
            extraction, _ = extract_scored(
                scored.model, images, grid.settings.device, threads=grid.settings.threads
            )
        values = np.array(scored.features.features)
        values[scored.places] = extraction.features.features
        features[split] = replace(scored.features, features=values, degradation=degradation.label)
        scored.model.method.networks.cpu()  # a device need not hold the models of all trials
    return _mean(grid, features, inputs)


def _mean(grid: _Grid, features: Mapping[str, FeatureTable], inputs: RunInputs) -> Metrics:
    scores = score(features, inputs.protocol, grid.convention, reranker=grid.reranker)
    return Metrics.model_validate(dict(scores.evaluation.mean))
