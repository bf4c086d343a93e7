"""The first batch of each stage of a training, as its networks would see it, beside its images."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bench_core.configuration import MethodChoice
from bench_core.contracts.errors import UsageError
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.pipeline.attribution import attributed
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.methods import build_method
from bench_core.pipeline.trainings import TrainingSettings, describe
from bench_core.plugins import Registry
from bench_core.training.batches import Batch, BatchLoader
from bench_core.training.data import TrainingData, training_data
from bench_core.training.own_loop import LoopPlan, OwnLoop
from bench_core.training.run import TrainingRun
from bench_core.training.stage_images import StageImages
from bench_core.training.stage_runner import StageRunner, enter_stages
from bench_core.training.stages import Stage


@dataclass(frozen=True, kw_only=True, eq=False)
class StagePreview:
    """Images of the first batch of a stage.

    Attributes:
        stage: Name of the stage.
        rows: By name, uint8 (C, H, W, 3): of each modality the images as they were decoded, and
            below them each view of these. Values beyond [0, 1] are cut off.
        identities: By modality, the dataset's numbers of the people, int64 (C,); nothing in a stage
            without labels.
        outside: By name, the share of a view's values that were cut off.
    """

    stage: str
    rows: Mapping[str, NDArray[np.uint8]]
    identities: Mapping[Modality, NDArray[np.int64]]
    outside: Mapping[str, float]


def preview(
    registry: Registry,
    choice: MethodChoice,
    inputs: RunInputs,
    split: str,
    settings: TrainingSettings,
    num_images: int,
) -> list[StagePreview]:
    """Draw the first batch of each stage, without a step of any.

    Args:
        registry: The plugins.
        choice: The method.
        inputs: Protocol and dataset.
        split: A training split.
        settings: How the training would be; seed and device decide the batch.
        num_images: Most images of a modality that are kept.

    Raises:
        UsageError: The method has no stages.
        BenchError: Anything that the training would meet up to there.
    """
    images, config = inputs.dataset.images, choice.config
    store = inputs.images(config.image_size, config.resize_filter)
    data = training_data(images, inputs.protocol.training_rows(images, split), store)
    description = describe(choice, inputs, split, settings)
    method = build_method(choice, data.num_identities, seed=settings.seed)
    with (
        tempfile.TemporaryDirectory(prefix="bench-preview-") as folder,
        attributed(registry, choice.spec.id),
    ):
        run = _PreviewRun(
            folder=Path(folder),
            description=description,
            device=settings.device,
            num_images=num_images,
        )
        method.train(data, run)
    if not run.seen:
        raise UsageError(f"{choice.name} trains nothing, so that it sees no batch")
    return run.seen


@dataclass(frozen=True, kw_only=True)
class _PreviewRun(TrainingRun):
    """A training that ends each stage before its first step, and keeps what it would see."""

    num_images: int
    seen: list[StagePreview] = field(default_factory=list)

    def execute(self, networks: nn.ModuleDict, stages: Sequence[Stage], data: TrainingData) -> None:
        networks.to(self.device)
        what = self.description
        runners = enter_stages(networks, stages, precision=what.precision, seed=what.seed)
        for runner in runners:
            self.seen.append(self._look(runner, data))

    def loop(self, plan: LoopPlan) -> OwnLoop:
        """Return no epoch of a loop that follows stages, which have shown their batches.

        Raises:
            UsageError: The method has no stages.
        """
        if not self.seen:
            raise UsageError(
                f"{self.description.method} has a training loop of its own; batches are drawn of "
                "the methods that have stages"
            )
        return OwnLoop(self, replace(plan, epochs=0))

    def _look(self, runner: StageRunner, data: TrainingData) -> StagePreview:
        stage = runner.stage
        for name, value in stage.memory.items():
            stage.memory[name] = value.to(self.device)
        images = StageImages(data, stage)
        runner.look(0, images, self.device, ends=False)
        loader = BatchLoader(data.pixels, self.device, stage.views, note=images.notes)
        (batch,) = runner.batches(images.begin(), loader, epoch=0, stop=1)
        return _preview_of(stage, batch, images, data, self.num_images)


def _preview_of(
    stage: Stage, batch: Batch, images: StageImages, data: TrainingData, number: int
) -> StagePreview:
    """Keep the first images of a batch."""
    rows: dict[str, NDArray[np.uint8]] = {}
    outside: dict[str, float] = {}
    people = np.asarray(data.identities)
    for modality in MODALITIES:
        places = batch.rows[modality][:number].cpu().numpy()
        rows[f"{modality}, decoded"] = images.pixels_of(modality, places)
        for name in sorted(_views_of(stage, modality), key=lambda name: (name != modality, name)):
            values = batch.views[name][:number].detach().float().cpu()
            beyond = (values < -_ROUNDING) | (values > 1 + _ROUNDING)
            outside[name] = float(beyond.float().mean())
            rows[name] = _as_pixels(values)
    known = {
        modality: people[labels[:number].cpu().numpy()]
        for modality, labels in batch.labels_of.items()
        if stage.labelled
    }
    return StagePreview(stage=stage.name, rows=rows, identities=known, outside=outside)


_ROUNDING = 1e-4


def _views_of(stage: Stage, modality: Modality) -> set[str]:
    """Return the names of the views of a modality; the loop's own has the modality's name."""
    own = {name for name, view in stage.views.items() if view.modality == modality}
    return own if modality in stage.views else own | {modality}


def _as_pixels(images: torch.Tensor) -> NDArray[np.uint8]:
    pixels = (images.clamp(0, 1) * 255).round().to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).contiguous().numpy()
