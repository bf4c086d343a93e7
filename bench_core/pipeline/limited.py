"""A few steps of a training and a few images of its extraction: what the whole would be."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench_core.configuration import MethodChoice
from bench_core.contracts.images import MODALITIES
from bench_core.contracts.method import Precision
from bench_core.contracts.protocol import Convention
from bench_core.features.extraction import ExtractionSettings, extract_features
from bench_core.pipeline.attribution import attributed
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.loop import run_loop
from bench_core.pipeline.methods import build_method
from bench_core.pipeline.trainings import TrainingSettings, describe
from bench_core.plugins import Registry
from bench_core.profiling.limited_training import LimitedRun, SeenStage
from bench_core.system.devices import device_name, fixed_threads
from bench_core.training.data import training_data
from bench_core.training.method import Method

EXTRACTED = 16
"""Images of each modality that are extracted."""


@dataclass(frozen=True, kw_only=True)
class SeenExtraction:
    """What the extraction of a few images showed.

    Attributes:
        num_images: How many there were.
        all_images: How many a run extracts for each training.
        shape: (V, D): views and dimensions of a feature.
        projected_seconds: How long all of a training take at this speed.
    """

    num_images: int
    all_images: int
    shape: tuple[int, ...]
    projected_seconds: float


@dataclass(frozen=True, kw_only=True)
class LimitedReport:
    """What a few steps of a run showed. Nothing of it is a result.

    Attributes:
        choice: The method.
        split: The training split.
        num_trainings: Trainings of the whole.
        device: Where it ran.
        precision: Number format of the training.
        stages: The stages; none of a method that trains nothing.
        extraction: The extraction; None where only a training was asked for.
    """

    choice: MethodChoice
    split: str
    num_trainings: int
    device: str
    precision: Precision
    stages: tuple[SeenStage, ...]
    extraction: SeenExtraction | None

    @property
    def projected_seconds(self) -> float:
        """How long all trainings and their extractions take at this speed."""
        of_one = sum(stage.projected_seconds for stage in self.stages)
        if self.extraction is not None:
            of_one += self.extraction.projected_seconds
        return of_one * self.num_trainings

    def as_document(self) -> dict[str, Any]:
        """Return what `--limit N --json` prints."""
        return {
            "method": self.choice.name,
            "preset": self.choice.preset.name,
            "overrides": list(self.choice.overridden_keys),
            "split": self.split,
            "trainings": self.num_trainings,
            "device": self.device,
            "precision": self.precision,
            "stages": [
                {**vars(stage), "projected_seconds": stage.projected_seconds}
                for stage in self.stages
            ],
            "extraction": self.extraction and vars(self.extraction),
            "projected_seconds": self.projected_seconds,
        }


def run_limited(
    registry: Registry,
    choice: MethodChoice,
    inputs: RunInputs,
    splits: Sequence[str],
    settings: TrainingSettings,
    *,
    limit: int,
    convention: Convention | None = None,
) -> LimitedReport:
    """Take a few steps of each stage, extract a few images, and keep nothing.

    Args:
        registry: The plugins; its observers are not told.
        choice: The method.
        inputs: Protocol and dataset.
        splits: Training splits of the whole; the first is tried.
        settings: How to train; its folder of trainings is neither read nor written.
        limit: Steps of each stage.
        convention: How galleries are drawn, where images shall be extracted as well; whether each
            trial can be drawn is found out, too.

    Raises:
        BenchError: Anything that the whole would meet up to there.
    """
    images, config = inputs.dataset.images, choice.config
    if convention is not None:
        for trial in range(inputs.protocol.spec.num_trials):
            inputs.protocol.trial(images, convention, trial)
    store = inputs.images(config.image_size, config.resize_filter)
    data = training_data(images, inputs.protocol.training_rows(images, splits[0]), store)
    description = describe(choice, inputs, splits[0], settings)
    method = build_method(choice, data.num_identities, seed=settings.seed)
    extraction = None
    with (
        tempfile.TemporaryDirectory(prefix="bench-limit-") as folder,
        attributed(registry, choice.spec.id),
    ):
        run = LimitedRun(
            folder=Path(folder),
            description=description,
            device=settings.device,
            sharing=settings.sharing,
            limit=limit,
        )
        run_loop(method, data, run, settings)
        if convention is not None:
            extraction = _extract(method, choice, inputs, splits[0], settings)
    return LimitedReport(
        choice=choice,
        split=splits[0],
        num_trainings=len(set(splits)),
        device=device_name(settings.device),
        precision=settings.precision,
        stages=tuple(run.seen),
        extraction=extraction,
    )


def _extract(
    method: Method,
    choice: MethodChoice,
    inputs: RunInputs,
    split: str,
    settings: TrainingSettings,
) -> SeenExtraction:
    """Extract the first images of each modality of those that are scored."""
    config, images = choice.config, inputs.dataset.images
    rows = inputs.protocol.test_rows(images, split)
    modalities = images["modality"].to_numpy()[rows]
    few = np.concatenate([rows[modalities == modality][:EXTRACTED] for modality in MODALITIES])
    with (
        fixed_threads(settings.threads),
        tempfile.TemporaryDirectory(prefix="bench-limit-") as folder,
    ):
        scored = inputs.scored_images(few, config.image_size, config.resize_filter, Path(folder))
        found = extract_features(
            method,
            scored.table,
            scored.rows,
            scored.store,
            ExtractionSettings(
                device=settings.device,
                batch_size=config.extraction_batch,
                description="trying extraction",
            ),
        )
    each = (found.seconds - found.checking_seconds) / len(few)
    return SeenExtraction(
        num_images=len(few),
        all_images=len(rows),
        shape=tuple(found.features.features.shape[1:]),
        projected_seconds=found.checking_seconds + each * len(rows),
    )
