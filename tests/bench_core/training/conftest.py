"""A method small enough to watch every number of: one linear layer, one stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bench_core import Modality
from bench_core.methods import (
    AugmentationConfig,
    Batch,
    MethodConfig,
    OptimizerConfig,
    OptimizerPlan,
    SamplingConfig,
    ScheduleConfig,
    Stage,
    StagedMethod,
    TrainingData,
    TrainingRun,
    Updates,
    identity_loss,
)
from bench_core.training.identity import TrainingDescription
from bench_core.training.seeding import seed_global_generators

SIZE = (16, 16)


class LinearMethod(StagedMethod):
    """Classifies the pixels of both modalities with one layer, under dropout."""

    metric = "euclidean"

    def __init__(self, config: MethodConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self.networks = nn.ModuleDict(
            {
                "layer": nn.Conv2d(3, 8, 16),
                "dropout": nn.Dropout(0.5),
                "classifier": nn.Linear(8, num_identities),
            }
        )
        self.num_epochs = 2
        self.poison_at: int | None = None
        self.num_steps = 0

    def stages(self) -> Sequence[Stage]:
        config, schedule = OptimizerConfig(learning_rate=1e-2), ScheduleConfig(milestones=(1,))
        plan = OptimizerPlan.of(config, self.networks, schedule=schedule)
        return [
            Stage(
                name=name,
                epochs=self.num_epochs,
                step=self.step,
                optimizers={"all": plan},
                sampling=SamplingConfig(identities=3, images=2, steps_per_epoch=3),
                augmentation=AugmentationConfig(padding=2),
            )
            for name in ("first", "second")
        ]

    def step(self, batch: Batch, updates: Updates) -> Mapping[str, torch.Tensor]:
        images = torch.cat([batch.visible, batch.infrared])
        features = self.networks["dropout"](self.networks["layer"](images).flatten(1))
        loss = identity_loss(self.networks["classifier"](features), batch.labels.repeat(2))
        if self.num_steps == self.poison_at:
            loss = loss * torch.nan
        self.num_steps += 1
        return updates.minimize({"identity": loss}, "all")

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        features: torch.Tensor = self.networks["layer"](images).flatten(1)
        return features[:, None]


def random_data() -> TrainingData:
    """Random pixels of five identities, four images of each in each modality."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, *SIZE, 3), dtype=np.uint8)
    labels = np.repeat(np.arange(5), 4)
    return TrainingData(
        pixels=pixels,
        rows={"visible": np.arange(20), "infrared": np.arange(20, 40)},
        labels={"visible": labels, "infrared": labels},
        identities=tuple(range(5)),
    )


@pytest.fixture
def data() -> TrainingData:
    return random_data()


def describe() -> TrainingDescription:
    return TrainingDescription(
        method="linear",
        variant="full",
        config={"image_height": 16},
        dataset="random",
        fingerprint="0" * 64,
        split="train",
        images="1" * 64,
        seed=7,
        weights="none",
        precision="float32",
        code="2" * 64,
        num_identities=5,
        threads=1,
    )


@pytest.fixture
def description() -> TrainingDescription:
    return describe()


@pytest.fixture
def make_method() -> Callable[[], LinearMethod]:
    def make(seed: int = 7) -> LinearMethod:
        seed_global_generators((seed,))
        return LinearMethod(
            MethodConfig(image_height=SIZE[0], image_width=SIZE[1]), num_identities=5
        )

    return make


@pytest.fixture
def make_run(tmp_path: Path, description: TrainingDescription) -> Callable[..., TrainingRun]:
    def make(name: str = "run", **changes: object) -> TrainingRun:
        settings = {"device": torch.device("cpu"), "description": description, **changes}
        return TrainingRun(folder=tmp_path / name, **settings)  # type: ignore[arg-type]

    return make
