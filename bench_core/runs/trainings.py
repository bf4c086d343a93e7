"""Trainings, cached by their identity: the same one is never run twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from bench_core.configuration import MethodChoice, MethodConfig, validate_config
from bench_core.contracts.errors import BenchError, CheckpointError, PluginError, TrainingError
from bench_core.contracts.method import Precision, Selection
from bench_core.devices import device_name
from bench_core.files import hash_json
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.plugins import Registry, load_object, source_hash
from bench_core.runs.inputs import RunInputs
from bench_core.runs.validation import build_validation, validation_digest
from bench_core.training.checkpoint import (
    TrainingReport,
    load_model,
    load_networks,
    save_model,
)
from bench_core.training.data import TrainingData, training_data
from bench_core.training.identity import TrainingDescription
from bench_core.training.method import Method
from bench_core.training.run import (
    CHECKPOINT_FILE,
    LOG_FILE,
    MODEL_FILE,
    VALIDATION_SCORE,
    EpochObserver,
    TrainingRun,
    ignore_epoch,
)
from bench_core.training.seeding import seed_global_generators

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How to train, apart from what.

    Attributes:
        seed: Seed of every random draw.
        weights: What the backbones start from.
        device: Device to train on.
        precision: Number format of the training steps.
        runs: Folder that holds a folder for each training.
        selection: Which state of the training is kept.
        on_epoch: Told of each finished epoch.
    """

    seed: int
    weights: PretrainedWeights
    device: torch.device
    precision: Precision
    runs: Path
    selection: Selection = "last"
    on_epoch: EpochObserver = ignore_epoch


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A finished training.

    Attributes:
        method: The method with its trained networks.
        config: Its configuration.
        description: What was trained.
        path: The model file.
        report: How long it took, and on which device.
        cached: Whether it had been trained before.
    """

    method: Method
    config: MethodConfig
    description: TrainingDescription
    path: Path
    report: TrainingReport
    cached: bool


def train(
    choice: MethodChoice, inputs: RunInputs, split: str, settings: TrainingSettings
) -> TrainedModel:
    """Train a method on a split, go on where it was interrupted, or return the finished training.

    Args:
        choice: The method.
        inputs: Protocol and dataset.
        split: Name of a training split; one of `inputs.training_splits(settings.selection)`.
        settings: How to train.

    Raises:
        DataError: An image is damaged, or the split cannot be trained on.
        TrainingError: The training cannot go on, or was never validated.
        UsageError: The method cannot be selected by validation.
        BenchError: A file cannot be written, or another process is at the same training.
    """
    images = inputs.dataset.images
    rows = inputs.protocol.training_rows(images, inputs.dataset.splits, split)
    data = training_data(
        images, rows, inputs.images(choice.config.image_size, choice.config.resize_filter)
    )
    description = _describe(choice, inputs, split, settings, rows)
    folder = training_folder(settings.runs, description)
    path = folder / MODEL_FILE
    method = build_method(choice, data.num_identities, seed=settings.seed)
    cached = path.exists()
    if not cached:
        _make_folder(folder)
        with _alone(folder):
            if not path.exists():  # another process may have finished it just now
                validate = build_validation(
                    method, choice.config, inputs, description, settings.device
                )
                _train(method, data, description, folder, settings, validate)
    return _finished(path, method, choice.config, cached=cached)


def _describe(
    choice: MethodChoice,
    inputs: RunInputs,
    split: str,
    settings: TrainingSettings,
    rows: NDArray[np.int64],
) -> TrainingDescription:
    images = inputs.dataset.images
    return TrainingDescription(
        method=choice.spec.id,
        variant=choice.variant.name,
        config=choice.config.model_dump(mode="json"),
        dataset=inputs.dataset.id,
        fingerprint=inputs.fingerprint,
        split=split,
        images=training_images_digest(images, rows),
        seed=settings.seed,
        weights=settings.weights.label,
        precision=settings.precision,
        code=source_hash(choice.spec.method),
        num_identities=images["identity"].iloc[rows].nunique(),
        validation=validation_digest(inputs, settings.selection),
    )


def _train(
    method: Method,
    data: TrainingData,
    description: TrainingDescription,
    folder: Path,
    settings: TrainingSettings,
    validate: Callable[[], float] | None,
) -> None:
    """Train to the end, and write the model in the place of the checkpoint."""
    if not (folder / CHECKPOINT_FILE).exists():
        method.load_pretrained(settings.weights)
    run = TrainingRun(
        folder=folder,
        description=description,
        device=settings.device,
        on_epoch=settings.on_epoch,
        validate=validate,
    )
    with _deterministic(settings.device):
        method.train(data, run)
    report = _report(folder / LOG_FILE, description, settings.device)
    save_model(folder / MODEL_FILE, method.networks, description, report)
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)


def training_images_digest(images: pd.DataFrame, rows: NDArray[np.int64]) -> str:
    """Return a SHA-256 (hex) of the paths and identities of the training images."""
    chosen = images.iloc[rows]
    return hash_json([chosen["path"].tolist(), chosen["identity"].tolist()])


def training_folder(runs: Path, description: TrainingDescription) -> Path:
    """Return the folder of a training: readable, and different for different trainings."""
    name = f"{description.method}-{description.variant}-{description.identity[:12]}"
    return runs / description.dataset / name


def find_model(runs: Path, dataset: str, identity: str) -> Path | None:
    """Return the model file of a finished training, given its identity; None where it is not there.

    Args:
        runs: Folder of trainings.
        dataset: Id of the dataset that it was trained on.
        identity: SHA-256 (hex) of its description.
    """
    found = sorted((runs / dataset).glob(f"*-{identity[:12]}/{MODEL_FILE}"))
    return found[0] if found else None


def build_method(choice: MethodChoice, num_identities: int, *, seed: int = 0) -> Method:
    """Build a method with the random weights of a seed.

    Raises:
        PluginError: The class that the spec names lacks what a method must have.
    """
    seed_global_generators((seed,))
    method: Method = load_object(choice.spec.method)(choice.config, num_identities=num_identities)
    missing = [
        name
        for name in ("metric", "networks", "load_pretrained", "train", "extract")
        if not hasattr(method, name)
    ]
    if missing:
        raise PluginError(f"{choice.spec.method} lacks {', '.join(missing)}; see docs/plugins.md")
    return method


def open_model(registry: Registry, path: Path) -> TrainedModel:
    """Load a finished training from its model file alone.

    Raises:
        CheckpointError: The file is unreadable or does not fit its method.
        UsageError: The method that it names is not installed, or its configuration has changed.
    """
    _, description, _ = load_model(path)
    spec, _ = registry.method(f"{description.method}:{description.variant}")
    config = validate_config(load_object(spec.config), description.config)
    method = load_object(spec.method)(config, num_identities=description.num_identities)
    return _finished(path, method, config, cached=True)


def _finished(path: Path, method: Method, config: MethodConfig, *, cached: bool) -> TrainedModel:
    state, description, report = load_model(path)
    load_networks(method.networks, state, path)
    return TrainedModel(
        method=method,
        config=config,
        description=description,
        path=path,
        report=report,
        cached=cached,
    )


def _report(log: Path, description: TrainingDescription, device: torch.device) -> TrainingReport:
    """Sum up the log of a training; a method with a loop of its own may have none.

    Raises:
        TrainingError: The model was to be selected by validation, and was not.
    """
    epochs = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    seconds = sum(epoch["seconds"] for epoch in epochs)
    waited = sum(epoch["seconds"] * epoch["waiting_for_data"] for epoch in epochs)
    report = TrainingReport(
        seconds=round(seconds, 3),
        waiting_for_data=round(waited / seconds, 6) if seconds else 0.0,
        device=device_name(device),
    )
    if description.selection == "last":
        return report
    validated = [epoch for epoch in epochs if VALIDATION_SCORE in epoch]
    if not validated:
        raise TrainingError(
            f"no epoch of {description.method} was validated: its last stage has none, or its "
            "train does not call run.execute; use --select last"
        )
    best = max(validated, key=itemgetter(VALIDATION_SCORE))
    return replace(report, selected_epoch=best["epoch"], validation_score=best[VALIDATION_SCORE])


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(
            f"cannot create {folder}: {error.strerror}; choose another --runs folder"
        ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / ".lock", blocking=False)
    try:
        lock.acquire()
    except TimeoutError:
        raise CheckpointError(f"another process is training in {folder}; wait for it") from None
    except OSError as error:
        raise BenchError(f"cannot write {folder}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _deterministic(device: torch.device) -> Iterator[None]:
    """On a CPU, choose kernels that give the same bits every time; on CUDA they cost too much."""
    settings: Any = torch.utils.deterministic  # torch's stubs leave out its one attribute
    before = torch.are_deterministic_algorithms_enabled()
    fill_before = settings.fill_uninitialized_memory
    torch.use_deterministic_algorithms(before or device.type == "cpu")
    settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        settings.fill_uninitialized_memory = fill_before
