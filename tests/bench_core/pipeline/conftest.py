"""A training that takes a second, on the small synthetic SYSU-MM01."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
import torch

from bench_core.configuration import MethodChoice, choose_method
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.pipeline import trainings
from bench_core.pipeline.inputs import RunInputs, open_inputs
from bench_core.pipeline.trainings import TrainedModel, TrainingSettings
from bench_core.plugins import Registry

SMALL = (
    "epochs=3",
    "image_height=32",
    "image_width=16",
    "sampling.identities=4",
    "sampling.images=2",
    "sampling.steps_per_epoch=1",
)
Train: TypeAlias = Callable[..., TrainedModel]


@pytest.fixture
def choice(registry: Registry) -> MethodChoice:
    return choose_method(*registry.method("xiv"), "quick", SMALL)


@pytest.fixture
def inputs(registry: Registry, sysu_root: Path, cache: Path) -> RunInputs:
    return open_inputs(registry, registry.protocol("sysu-all-single"), sysu_root, cache)


@pytest.fixture
def settings(tmp_path: Path) -> TrainingSettings:
    return TrainingSettings(
        seed=0,
        weights=PretrainedWeights("none"),
        device=torch.device("cpu"),
        precision="float32",
        runs=tmp_path / "runs",
    )


@pytest.fixture
def train(choice: MethodChoice, inputs: RunInputs, settings: TrainingSettings) -> Train:
    """Train with some settings changed."""

    def run(**changes: object) -> TrainedModel:
        changed = replace(settings, **changes)  # type: ignore[arg-type]
        (split,) = set(inputs.training_splits(changed.selection))
        return trainings.train(choice, inputs, split, changed)

    return run
