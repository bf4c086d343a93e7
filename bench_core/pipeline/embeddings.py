"""The features of a trained model on the images it may be scored on, kept beside the model."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic import TypeAdapter

from bench_core.configuration import MethodConfig
from bench_core.contracts.errors import CheckpointError, DataError
from bench_core.contracts.method import Precision
from bench_core.features.digest import features_digest
from bench_core.features.extraction import Extraction, ExtractionSettings, extract_features
from bench_core.features.table import FEATURE_COLUMNS, FeatureTable, read_features, write_features
from bench_core.pipeline.inputs import RunInputs, ScoredImages
from bench_core.pipeline.run_folder import EXTRACTION_FILE, FEATURES_FILE
from bench_core.pipeline.trainings import TrainedModel, training_images_digest
from bench_core.pipeline.validation import validation_digest
from bench_core.system.devices import default_threads, device_name, fixed_threads
from bench_core.system.files import hash_file, hash_json, write_json
from bench_core.system.process_group import agreed, is_first

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class ExtractionReport:
    """How features were extracted.

    Attributes:
        num_images: Number of images.
        seconds: Wall time, from decoded images to features.
        device: Name of the device.
        precision: Number format of convolutions and matrix products.
        note: Why the fast path was not taken, on one line; empty where it was.
        features: Digest of the features, from `bench_core.features.digest.features_digest`.
        model: SHA-256 (hex) of the model file.
        config: The values of the configuration's keys that only matter after the training.
        degradation: What decides how the images were degraded; empty where they were not.
    """

    num_images: int
    seconds: float
    device: str
    precision: Precision
    note: str
    features: str
    model: str
    config: dict[str, Any]
    degradation: str = ""

    @property
    def images_per_second(self) -> float:
        """Throughput of the extraction."""
        return self.num_images / self.seconds


_REPORT = TypeAdapter(ExtractionReport)


def features_of(
    model: TrainedModel, inputs: RunInputs, device: torch.device, threads: int | None = None
) -> tuple[FeatureTable, ExtractionReport]:
    """Return the features of every image that the model may be scored on.

    They are kept beside the model: all protocols of a dataset and both conventions share them.
    Those of another model file, those that were changed, and those that were extracted with other
    values of keys that only matter then, are made again.

    Args:
        model: The trained model.
        inputs: Protocol and dataset.
        device: Where to compute.
        threads: Processor threads; None for `default_threads`.

    Raises:
        CheckpointError: The model was trained on other data.
        DataError: The features are not finite.
        PluginError: The method breaks its contract.
    """
    check_training(model, inputs)
    features_path, report_path = _kept_paths(model, inputs)
    kept = _read_kept(features_path, report_path) if is_first() else None
    images = inputs.dataset.images.iloc[tested_rows(model, inputs)]
    same_model = kept is not None and kept[1].model == hash_file(model.path)
    same = same_model and _are_of(*kept, images, model.config) if kept is not None else False
    if kept is not None and not (same and kept[1].degradation == _label(inputs)):
        kept = None
    if (found := agreed(kept)) is not None:
        return found
    features, report = extract(model, inputs, device, threads=threads)
    if is_first():
        write_features(features_path, features)
        write_json(report_path, asdict(report))
    return features, report


def _kept_paths(model: TrainedModel, inputs: RunInputs) -> tuple[Path, Path]:
    """Return where features and their report are kept; those of degraded images have their own."""
    paths = (model.path.with_name(name) for name in (FEATURES_FILE, EXTRACTION_FILE))
    label = _label(inputs)
    added = f"-{hash_json(label)[:8]}" if label else ""
    features, report = (path.with_stem(path.stem + added) for path in paths)
    return features, report


def _label(inputs: RunInputs) -> str:
    degradation = inputs.protocol.spec.degradation
    return degradation.label if degradation else ""


def _read_kept(
    features_path: Path, report_path: Path
) -> tuple[FeatureTable, ExtractionReport] | None:
    """Read the kept features; None where there are none, or a damaged file that is made again."""
    if not (features_path.exists() and report_path.exists()):
        return None
    try:
        report = _REPORT.validate_json(report_path.read_bytes(), strict=True)
        features = read_features(features_path)
    except (DataError, OSError, ValueError):  # ValidationError is a ValueError
        return None
    whole = math.isfinite(report.seconds) and report.seconds > 0
    whole = whole and report.num_images == len(features.features)
    return (features, report) if whole and features_digest(features) == report.features else None


def _are_of(
    features: FeatureTable, report: ExtractionReport, images: pd.DataFrame, config: MethodConfig
) -> bool:
    """Whether features are of these images and settings: both change without another training."""
    return report.config == config.after_training and all(
        np.array_equal(features.table[name], images[name]) for name in FEATURE_COLUMNS
    )


def tested_rows(model: TrainedModel, inputs: RunInputs) -> NDArray[np.int64]:
    """Return the rows of the images that a model may be scored on: those of its features."""
    return inputs.protocol.test_rows(inputs.dataset.images, model.description.split)


def extract(
    model: TrainedModel,
    inputs: RunInputs,
    device: torch.device,
    precision: Precision = "float32",
    threads: int | None = None,
) -> tuple[FeatureTable, ExtractionReport]:
    """Extract the features of every image that the model may be scored on.

    Where the fast path cannot be taken, a line on standard error says why.

    Args:
        model: The trained model.
        inputs: Protocol and dataset.
        device: Where to compute.
        precision: Number format of convolutions and matrix products.
        threads: Processor threads; None for `default_threads`.

    Raises:
        CheckpointError: The model was trained on other data.
        DataError: The features are not finite.
        PluginError: The method breaks its contract.
    """
    check_training(model, inputs)
    rows = tested_rows(model, inputs)
    scored = inputs.scored_images(rows, model.config.image_size, model.config.resize_filter)
    extraction, computed_on = extract_scored(model, scored, device, precision, threads)
    if extraction.note:
        sys.stderr.write(f"Note: features are extracted the slow way: {extraction.note}\n")
    label = _label(inputs)
    features = replace(
        extraction.features,
        training_split=model.description.split,
        degradation=label or None,
    )
    report = ExtractionReport(
        num_images=len(rows),
        seconds=max(round(extraction.seconds, 3), 0.001),
        device=computed_on,
        precision=extraction.precision,
        note=extraction.note,
        features=features_digest(features),
        model=hash_file(model.path),
        config=model.config.after_training,
        degradation=label,
    )
    return features, report


def extract_scored(
    model: TrainedModel,
    scored: ScoredImages,
    device: torch.device,
    precision: Precision = "float32",
    threads: int | None = None,
) -> tuple[Extraction, str]:
    """Extract the features of images that are at hand.

    Args:
        model: The trained model.
        scored: The images.
        device: Where to compute.
        precision: Number format of convolutions and matrix products.
        threads: Processor threads; None for `default_threads`.

    Returns:
        The features, and the name of the device.

    Raises:
        DataError: The features are not finite.
        PluginError: The method breaks its contract.
    """
    settings = ExtractionSettings(
        device=device, batch_size=model.config.extraction_batch, precision=precision
    )
    with fixed_threads(threads or default_threads()):
        extraction = extract_features(
            model.method, scored.table, scored.rows, scored.store, settings
        )
        return extraction, device_name(device)


def check_training(model: TrainedModel, inputs: RunInputs) -> None:
    """Refuse a model that was trained on other data: it may have seen the test identities.

    Raises:
        CheckpointError: The dataset, its content or the training split differ.
    """
    description, spec = model.description, inputs.protocol.spec
    if (description.dataset, description.fingerprint) != (inputs.dataset.id, inputs.fingerprint):
        raise CheckpointError(
            f"{model.path} was trained on {description.dataset} "
            f"(fingerprint {description.fingerprint[:12]}), but {inputs.dataset.root} is "
            f"{inputs.dataset.id} (fingerprint {inputs.fingerprint[:12]}); give the --data that it "
            "was trained on"
        )
    trained_on = set(inputs.training_splits(description.selection))
    if description.split not in trained_on:
        raise CheckpointError(
            f"{model.path} was trained on the split '{description.split}'; {spec.id} needs "
            f"{', '.join(sorted(trained_on))}: it may have seen identities it would be tested on"
        )
    images = inputs.dataset.images
    rows = inputs.protocol.training_rows(images, description.split)
    if (
        training_images_digest(images, rows) != description.images
        or validation_digest(inputs, description.selection) != description.validation
    ):
        raise CheckpointError(
            f"{model.path} was trained on other identities than {inputs.dataset.root} lists now: "
            "it may have seen those it would be tested on; train it again"
        )
