"""The features of a trained model on the images it may be scored on, kept beside the model."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench_core.contracts.errors import CheckpointError, DataError
from bench_core.contracts.method import Precision
from bench_core.devices import device_name
from bench_core.extraction import ExtractionSettings, extract_features
from bench_core.features import FEATURE_COLUMNS, FeatureTable, read_features, write_features
from bench_core.files import write_json
from bench_core.runs.inputs import RunInputs
from bench_core.runs.trainings import TrainedModel, training_images_digest
from bench_core.runs.validation import validation_digest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FEATURES_FILE = "features.npz"
EXTRACTION_FILE = "extraction.json"


@dataclass(frozen=True, kw_only=True)
class ExtractionReport:
    """How features were extracted.

    Attributes:
        num_images: Number of images.
        seconds: Wall time, from decoded images to features.
        device: Name of the device.
        precision: Number format of convolutions and matrix products.
        note: Why the fast path was not taken, on one line; empty where it was.
    """

    num_images: int
    seconds: float
    device: str
    precision: Precision = "float32"
    note: str = ""

    @property
    def images_per_second(self) -> float:
        """Throughput of the extraction."""
        return self.num_images / self.seconds


def features_of(
    model: TrainedModel, inputs: RunInputs, device: torch.device
) -> tuple[FeatureTable, ExtractionReport]:
    """Return the features of every image that the model may be scored on.

    They are kept beside the model: all protocols of a dataset and both conventions share them.

    Raises:
        CheckpointError: The model was trained on other data.
        DataError: The features are not finite.
    """
    check_training(model, inputs)
    features_path = model.path.with_name(FEATURES_FILE)
    report_path = model.path.with_name(EXTRACTION_FILE)
    kept = _read_kept(features_path, report_path)
    images = inputs.dataset.images.iloc[tested_rows(model, inputs)]
    if kept is not None and _are_of(kept[0], images):
        return kept
    features, report = extract(model, inputs, device)
    write_features(features_path, features)
    write_json(report_path, asdict(report))
    return features, report


def _read_kept(
    features_path: Path, report_path: Path
) -> tuple[FeatureTable, ExtractionReport] | None:
    """Read the kept features; None where there are none, or a damaged file that is made again."""
    if not (features_path.exists() and report_path.exists()):
        return None
    try:
        return read_features(features_path), ExtractionReport(**json.loads(report_path.read_text()))
    except (DataError, ValueError, TypeError):
        return None


def _are_of(features: FeatureTable, images: pd.DataFrame) -> bool:
    """Whether features are of these images: test lists change without another training."""
    return all(np.array_equal(features.table[name], images[name]) for name in FEATURE_COLUMNS)


def tested_rows(model: TrainedModel, inputs: RunInputs) -> NDArray[np.int64]:
    """Return the rows of the images that a model may be scored on: those of its features."""
    dataset = inputs.dataset
    return inputs.protocol.test_rows(dataset.images, dataset.splits, model.description.split)


def extract(
    model: TrainedModel,
    inputs: RunInputs,
    device: torch.device,
    precision: Precision = "float32",
) -> tuple[FeatureTable, ExtractionReport]:
    """Extract the features of every image that the model may be scored on.

    Where the fast path cannot be taken, a line on standard error says why.

    Args:
        model: The trained model.
        inputs: Protocol and dataset.
        device: Where to compute.
        precision: Number format of convolutions and matrix products.

    Raises:
        CheckpointError: The model was trained on other data.
        DataError: The features are not finite.
    """
    check_training(model, inputs)
    rows = tested_rows(model, inputs)
    extraction = extract_features(
        model.method,
        inputs.dataset.images,
        rows,
        inputs.images(model.config.image_size, model.config.resize_filter),
        ExtractionSettings(
            device=device, batch_size=model.config.extraction_batch, precision=precision
        ),
    )
    if extraction.note:
        sys.stderr.write(f"Note: features are extracted the slow way: {extraction.note}\n")
    report = ExtractionReport(
        num_images=len(rows),
        seconds=round(extraction.seconds, 3),
        device=device_name(device),
        precision=extraction.precision,
        note=extraction.note,
    )
    return replace(extraction.features, training_split=model.description.split), report


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
    splits = set(inputs.training_splits(description.selection))
    if description.split not in splits:
        raise CheckpointError(
            f"{model.path} was trained on the split '{description.split}'; {spec.id} needs "
            f"{', '.join(sorted(splits))}: it may have seen the identities it would be tested on"
        )
    images, split_files = inputs.dataset.images, inputs.dataset.splits
    rows = inputs.protocol.training_rows(images, split_files, description.split)
    if (
        training_images_digest(images, rows) != description.images
        or validation_digest(inputs, description.selection) != description.validation
    ):
        raise CheckpointError(
            f"{model.path} was trained on other identities than {inputs.dataset.root} lists now: "
            "it may have seen those it would be tested on; train it again"
        )
