"""Features of a released model from another interpreter, with a record of what made them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.features.digest import features_digest
from bench_core.features.table import FEATURE_COLUMNS, FeatureTable
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.modeling.weights_files import open_weights_file
from bench_core.pipeline.inputs import RunInputs, ScoredImages
from bench_core.pipeline.outside_report import OutsideReport
from bench_core.released.declaration import Declaration
from bench_core.released.outside import Interpreter, extract_outside
from bench_core.system.files import hash_file


def features_from_outside(
    declaration: Declaration,
    weights: PretrainedWeights | None,
    interpreter: Interpreter,
    inputs: RunInputs,
    split: str,
    device: str,
) -> tuple[FeatureTable, OutsideReport]:
    """Let another interpreter extract the features of all images that a model may be scored on.

    Args:
        declaration: The model.
        weights: Its file, or a folder with one for each split; None where the script has its own.
        interpreter: What runs which script.
        inputs: Protocol and dataset.
        split: The training split whose test images are extracted.
        device: Where to compute, as torch names it.

    Raises:
        CheckpointError: The weights cannot be read.
        BenchError: The script fails.
        DataError: What it hands back are no features of these images.
    """
    config = declaration.config
    degradation, images = inputs.protocol.spec.degradation, inputs.dataset.images
    rows = inputs.protocol.test_rows(images, split)
    chosen = images.iloc[rows]
    file = _tensors(weights, split, config.checkpoint_key)
    scored = inputs.scored_images(rows, config.image_size, config.resize_filter)
    started = time.perf_counter()
    found = extract_outside(
        interpreter,
        {**_images(inputs, rows, scored), **_model(declaration), "device": device},
        file,
    )
    features = FeatureTable(
        features=found.features,
        table=chosen[list(FEATURE_COLUMNS)].reset_index(drop=True),
        metric=config.metric,
        degradation=degradation.label if degradation else None,
    )
    report = OutsideReport(
        method=declaration.spec.id,
        config=config.model_dump(mode="json"),
        weights=None if weights is None else weights.of_split(split).label,
        script=hash_file(interpreter.script),
        versions=found.versions,
        dataset=inputs.dataset.id,
        fingerprint=inputs.fingerprint,
        split=split,
        num_images=len(rows),
        features=features_digest(features),
        seconds=round(time.perf_counter() - started, 3),
    )
    return features, report


def _images(inputs: RunInputs, rows: NDArray[np.int64], scored: ScoredImages) -> dict[str, Any]:
    """Say where the script finds the images, decoded and as files; degraded ones are no files."""
    pixels = scored.store.pixels
    if not isinstance(pixels, np.memmap) or pixels.filename is None:
        raise BenchError("the decoded images lie in no file")  # pragma: no cover
    chosen = inputs.dataset.images.iloc[rows]
    return {
        "pixels": str(Path(pixels.filename).absolute()),
        "shape": list(pixels.shape),
        "rows": scored.rows.tolist(),
        "modalities": chosen["modality"].tolist(),
        "paths": []
        if inputs.protocol.spec.degradation
        else [str(inputs.dataset.root.absolute() / path) for path in chosen["path"]],
    }


def _model(declaration: Declaration) -> dict[str, Any]:
    """Say which model the script runs."""
    return {
        "declaration": declaration.config.model_dump(mode="json"),
        "code": str(declaration.code),
        "batch": declaration.config.extraction_batch,
    }


def split_of_trial(inputs: RunInputs, trial: int | None) -> str:
    """Return the training split of a trial, from 1, or that of all trials.

    Raises:
        UsageError: There is no such trial, or each trial has a model of its own and none is named.
    """
    splits = inputs.training_splits("last")
    if trial is None and len(set(splits)) > 1:
        raise UsageError(
            f"{inputs.protocol.spec.id} has a model for each of its {len(splits)} trials; name "
            "the one of this model with --trial N"
        )
    if trial is not None and trial > len(splits):
        raise UsageError(f"--trial {trial}: the protocol has trials 1 to {len(splits)}")
    return splits[(trial or 1) - 1]


def _tensors(
    weights: PretrainedWeights | None, split: str, wrapper: str | None
) -> Mapping[str, torch.Tensor] | None:
    path = None if weights is None else weights.of_split(split).path
    return None if path is None else open_weights_file(path, "--weights", wrapper).tensors
