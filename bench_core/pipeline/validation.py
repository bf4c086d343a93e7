"""Validation of a training: on whom a model is scored before it is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.configuration import MethodConfig
from bench_core.contracts.errors import PluginError, UsageError
from bench_core.contracts.method import Selection
from bench_core.features.extraction import ExtractionSettings, extract_features
from bench_core.pipeline.inputs import RunInputs
from bench_core.scoring.score import score_validation
from bench_core.system.files import hash_json
from bench_core.training.identity import TrainingDescription
from bench_core.training.method import Method, StagedMethod


def validation_digest(inputs: RunInputs, selection: Selection) -> str | None:
    """Return a SHA-256 (hex) of the paths and identities of the validation queries and gallery.

    Returns:
        None where the selection needs no validation.
    """
    if selection == "last":
        return None
    trial, images = inputs.validation_trial(), inputs.dataset.images[["path", "identity"]]
    return hash_json([images.iloc[rows].values.tolist() for rows in (trial.query, trial.gallery)])


def build_validation(
    method: Method,
    config: MethodConfig,
    inputs: RunInputs,
    description: TrainingDescription,
    device: torch.device,
) -> Callable[[], float] | None:
    """Build the function that scores a method's networks, as they are, on the validation people.

    Args:
        method: The method that is trained.
        config: Its configuration.
        inputs: Protocol and dataset.
        description: What is trained, on which split, and how its model is selected.
        device: Where to extract features.

    Returns:
        A function that returns mAP in [0, 1] by the method's own metric; None where the last model
        is kept.

    Raises:
        UsageError: The method has a training loop of its own.
        PluginError: The protocol validates on people who are trained or tested on.
    """
    if description.selection == "last":
        return None
    if not isinstance(method, StagedMethod):
        raise UsageError(
            f"--select validation: {description.method} has a training loop of its own, which "
            "keeps its last model; use --select last, or give the method stages"
        )
    dataset = inputs.dataset
    rows = _validation_rows(inputs, description.split)
    store = inputs.images(config.image_size, config.resize_filter)
    settings = ExtractionSettings(
        device=device, batch_size=config.extraction_batch, description="validating"
    )

    def validate() -> float:
        extraction = extract_features(method, dataset.images, rows, store, settings)
        return score_validation(extraction.features, inputs.protocol)

    return validate


def _validation_rows(inputs: RunInputs, split: str) -> NDArray[np.int64]:
    protocol, images = inputs.protocol, inputs.dataset.images
    trial = inputs.validation_trial()
    rows = np.union1d(trial.query, trial.gallery)
    identity = images["identity"].to_numpy()
    others = {
        "trained": protocol.training_rows(images, split),
        "tested": protocol.test_rows(images, split),
    }
    for what, other in others.items():
        shared = np.intersect1d(identity[rows], identity[other])
        if shared.size:
            raise PluginError(
                f"{protocol.spec.id} validates on {len(shared)} people who are {what} on, such as "
                f"identity {shared[0]}; they must be others"
            )
    return rows
