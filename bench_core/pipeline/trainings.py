"""Trainings, cached by their identity: the same one is never run twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.configuration import MethodChoice, MethodConfig, validate_config
from bench_core.contracts.errors import (
    BenchError,
    CheckpointError,
    UsageError,
)
from bench_core.contracts.method import Precision, Selection
from bench_core.loading import load_method, load_object
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.modeling.sharing import WHOLE_BATCH, Sharing
from bench_core.pipeline.estimates import warn_of_length
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.loop import run_loop
from bench_core.pipeline.methods import build_method, networks_digest
from bench_core.pipeline.training_reports import report_of
from bench_core.pipeline.validation import build_validation, validation_digest
from bench_core.plugins import Registry
from bench_core.released.declaration import redeclare
from bench_core.system.devices import default_threads, fixed_threads
from bench_core.system.files import hash_json, remove_abandoned
from bench_core.system.process_group import agreed, is_first, num_processes, wait_for_all
from bench_core.system.processes import locked
from bench_core.training.checkpoint import (
    CHECKPOINT_FILE,
    TrainingReport,
    load_model,
    load_networks,
    save_model,
)
from bench_core.training.code import training_code_hash
from bench_core.training.data import TrainingData, training_data
from bench_core.training.identity import TrainingDescription
from bench_core.training.log import LOG_FILE, EpochObserver, ignore_epoch
from bench_core.training.method import Method
from bench_core.training.run import MODEL_FILE, TrainingRun

if TYPE_CHECKING:
    import pandas as pd


FOREIGN_MODEL = "give the model.safetensors of a training of this version of bench"
"""What to do where a model file of the user's own cannot be read."""


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
        threads: Processor threads of trainings and extractions on a CPU.
        sharing: How each batch is shared.
    """

    seed: int
    weights: PretrainedWeights
    device: torch.device
    precision: Precision
    runs: Path
    selection: Selection = "last"
    on_epoch: EpochObserver = ignore_epoch
    threads: int = field(default_factory=default_threads)
    sharing: Sharing = WHOLE_BATCH


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

    @property
    def weights_file(self) -> str | None:
        """SHA-256 (hex) of the weights file that the model is, untrained since; else None."""
        kind, _, digest = self.description.weights.partition(":")
        return digest if self.report.untouched and kind == "sha256" else None


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
        UsageError: The method cannot be selected by validation, loads no weights of the kind that
            was asked for, or is one model from elsewhere for several training splits.
        PluginError: The method breaks its contract.
        BenchError: A file cannot be written, or another process is at the same training.
    """
    images = inputs.dataset.images
    rows = inputs.protocol.training_rows(images, split)
    data = training_data(
        images, rows, inputs.images(choice.config.image_size, choice.config.resize_filter)
    )
    description = describe(choice, inputs, split, settings)
    folder = training_folder(settings.runs, description)
    path = folder / MODEL_FILE
    method = build_method(choice, data.num_identities, seed=settings.seed)
    cached = agreed(path.exists())
    if not cached:
        _make_folder(folder)
        lock = locked(path, wait=False, way_out="choose another --runs folder")
        with lock if is_first() else nullcontext():
            if not agreed(path.exists()):  # another run may have finished it just now
                validate = build_validation(
                    method, choice.config, inputs, description, settings.device
                )
                if choice.preset.name != "quick" and settings.device.type == "cpu" and is_first():
                    _warn(choice, data, settings)
                _train(method, data, description, folder, settings, validate)
    if is_first():
        _remove_leftovers(folder)
    model = _finished(path, method, choice.config, cached=cached)
    _refuse_one_file_for_all(model, inputs, settings)
    return model


def describe(
    choice: MethodChoice,
    inputs: RunInputs,
    split: str,
    settings: TrainingSettings,
    code: str | None = None,
) -> TrainingDescription:
    """Describe a training by all that decides what it learns.

    Args:
        choice: The method.
        inputs: Protocol and dataset.
        split: Name of a training split.
        settings: How to train.
        code: The `training_code_hash` of the method, where it is at hand.

    Raises:
        UsageError: The weights lack a file for the split.
        CheckpointError: They cannot be read.
    """
    images, on_processor = inputs.dataset.images, settings.device.type == "cpu"
    rows = inputs.protocol.training_rows(images, split)
    return TrainingDescription(
        method=choice.spec.id,
        variant=choice.variant.name,
        config=choice.config.model_dump(mode="json"),
        dataset=inputs.dataset.id,
        fingerprint=inputs.fingerprint,
        split=split,
        images=training_images_digest(images, rows),
        seed=settings.seed,
        weights=settings.weights.of_split(split).label,
        precision=settings.precision,
        threads=settings.threads if on_processor else None,
        processes=_several(num_processes()) if on_processor else None,
        parts=_several(settings.sharing.parts) if on_processor else None,
        normalized_shares=settings.sharing.normalized_shares,
        code=code or training_code_hash(choice.spec.method),
        num_identities=images["identity"].iloc[rows].nunique(),
        validation=validation_digest(inputs, settings.selection),
        after_training=tuple(sorted(choice.config.after_training)),
    )


def _several(number: int) -> int | None:
    return number if number > 1 else None


def _train(
    method: Method,
    data: TrainingData,
    description: TrainingDescription,
    folder: Path,
    settings: TrainingSettings,
    validate: Callable[[], float] | None,
) -> None:
    """Train to the end, and write the model in the place of the checkpoint.

    Raises:
        UsageError: A batch was to be shared by a method with a loop of its own.
    """
    run = TrainingRun(
        folder=folder,
        description=description,
        device=settings.device,
        on_epoch=settings.on_epoch,
        sharing=settings.sharing,
        validate=validate,
    )
    before = run_loop(method, data, run, settings)
    if is_first():
        _keep(method, description, folder, settings, before)
    wait_for_all()  # until the model is there


def _keep(
    method: Method,
    description: TrainingDescription,
    folder: Path,
    settings: TrainingSettings,
    before: str,
) -> None:
    """Write the model in the place of the checkpoint; `before` is what the networks were."""
    report = replace(
        report_of(folder / LOG_FILE, description, settings.device),
        processes=num_processes(),
        parts=settings.sharing.parts,
        untouched=networks_digest(method.networks) == before,
    )
    save_model(folder / MODEL_FILE, method.networks, description, report)
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)


def _warn(choice: MethodChoice, data: TrainingData, settings: TrainingSettings) -> None:
    """Tell how long it takes, by a copy of the method: a measured one has other random states."""
    with fixed_threads(settings.threads), torch.random.fork_rng(devices=[]):
        copy = build_method(choice, data.num_identities, seed=settings.seed)
        warn_of_length(choice, copy, data, settings.sharing)


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left beside a finished model."""
    remove_abandoned(folder)
    checkpoint = folder / CHECKPOINT_FILE
    if checkpoint.exists() and os.access(folder, os.W_OK):
        checkpoint.unlink(missing_ok=True)


def _refuse_one_file_for_all(
    model: TrainedModel, inputs: RunInputs, settings: TrainingSettings
) -> None:
    """Refuse one model from elsewhere where each training split needs a model of its own.

    Raises:
        UsageError: It has seen people that it would be scored on in other trials.
    """
    trained_on = dict.fromkeys(inputs.training_splits(settings.selection))
    path = settings.weights.path
    if model.weights_file is None or path is None or path.is_dir() or len(trained_on) == 1:
        return
    raise UsageError(
        f"--weights {path}: {model.description.method} trains nothing, so one model would be "
        f"scored on all {len(trained_on)} training splits of {inputs.protocol.spec.id}, of which "
        f"it may have seen the people; give --weights FOLDER with {next(iter(trained_on))}.pth and "
        "so on, a model for each split"
    )


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


def open_model(
    registry: Registry, path: Path, scored_with: Mapping[str, Any] | None = None
) -> TrainedModel:
    """Load a finished training from its model file.

    Args:
        registry: The plugins.
        path: The model file.
        scored_with: The configuration of a result, whose keys that only matter after the training
            may have other values than those that the model was trained with; of others, nothing
            is taken.

    Raises:
        CheckpointError: The file is unreadable or does not fit its method.
        UsageError: The method that it names is not installed, or its configuration has changed.
    """
    _, description, _ = load_model(path, FOREIGN_MODEL)
    redeclare(registry, description.method, description.config)
    spec, _ = registry.method(f"{description.method}:{description.variant}")
    after = {k: v for k, v in (scored_with or {}).items() if k in description.after_training}
    config = validate_config(load_object(spec.config), {**description.config, **after})
    try:
        method = load_method(spec, config, description.num_identities)
    except (RuntimeError, MemoryError) as error:  # such as a classifier of 10^12 people
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{path}: its method cannot be built ({reason}); {FOREIGN_MODEL}"
        ) from None
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


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(
            f"cannot create {folder}: {error.strerror}; choose another --runs folder"
        ) from error
