"""The cost of a training step, on small methods whose figures can be worked out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import nn

from bench_core.configuration import MethodChoice
from bench_core.methods import (
    AugmentationConfig,
    Batch,
    MethodConfig,
    OptimizerConfig,
    OptimizerPlan,
    SamplingConfig,
    Stage,
    StagedMethod,
    Updates,
)
from bench_core.pipeline.methods import build_method
from bench_core.profiling.counting import simulated
from bench_core.profiling.steps import StageCost, stage_costs

Choose = Callable[..., MethodChoice]

CPU = torch.device("cpu")
SIZE = (4, 2)
INPUTS, OUTPUTS = 3 * 4 * 2, 5


class Linear(StagedMethod):
    """A layer that learns from visible images, and one that only looks on, in two stages."""

    metric = "cosine"

    def __init__(self, config: MethodConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self.networks = nn.ModuleDict(
            {"learner": nn.Linear(INPUTS, OUTPUTS), "fixed": nn.Linear(INPUTS, OUTPUTS)}
        )
        self.labels: list[list[int]] = []
        self.modes: list[bool] = []

    def stages(self) -> list[Stage]:
        plan = OptimizerPlan.of(OptimizerConfig(), self.networks["learner"])
        sizes = {"small": SamplingConfig(identities=2, images=1), "large": SamplingConfig()}
        return [
            Stage(
                name=name,
                epochs=1,
                step=self.step,
                optimizers={"learner": plan},
                sampling=sampling,
                augmentation=AugmentationConfig(),
                frozen=[self.networks["fixed"]],
            )
            for name, sampling in sizes.items()
        ]

    def step(self, batch: Batch, updates: Updates) -> Mapping[str, torch.Tensor]:
        self.labels.append(batch.labels.tolist())
        self.modes.append(self.networks["fixed"].training)
        images = batch.visible.flatten(1)
        loss = (self.networks["learner"](images) - self.networks["fixed"](images)).sum()
        return updates.minimize({"loss": loss}, "learner")

    def extract(self, images: torch.Tensor, modality: object) -> torch.Tensor:
        return self.networks["learner"](images.flatten(1))[:, None]


@pytest.fixture
def method() -> Linear:
    return Linear(MethodConfig(), num_identities=3)


def test_forward_and_backward_of_each_stage_are_counted(method: Linear) -> None:
    layer = INPUTS * OUTPUTS
    # For each visible image both layers forward, and the learner's gradient of its weight.
    assert stage_costs(method, SIZE, CPU) == (
        StageCost(name="small", num_images=4, step_macs=2 * 3 * layer),
        StageCost(name="large", num_images=64, step_macs=32 * 3 * layer),
    )


def test_the_cost_of_an_image_is_that_of_the_batch_shared_out() -> None:
    assert StageCost(name="joint", num_images=4, step_macs=42).macs == 10


def test_a_batch_is_that_of_the_stage_and_its_labels_exist(method: Linear) -> None:
    stage_costs(method, SIZE, CPU)
    small, large = method.labels
    assert small == [0, 1]
    assert len(large) == 32
    assert set(large) == {0, 1, 2}


def test_frozen_networks_are_in_evaluation_mode(method: Linear) -> None:
    stage_costs(method, SIZE, CPU)
    assert method.modes == [False, False]


@pytest.mark.parametrize("name", ["xiv", "ts-gan"])
def test_steps_without_data_cost_what_real_ones_do(choose: Choose, name: str) -> None:
    small = ("image_height=64", "image_width=32", "sampling.identities=3", "sampling.images=2")
    choice = choose(name, "quick", *small)
    size = choice.config.image_size
    real = stage_costs(build_method(choice, 5), size, CPU)  # type: ignore[arg-type]
    with simulated():
        assert stage_costs(build_method(choice, 5), size, CPU) == real  # type: ignore[arg-type]


def test_a_step_of_xiv_is_forward_and_backward_on_three_modalities(choose: Choose) -> None:
    choice = choose("xiv", "paper")
    with simulated():
        method = build_method(choice, 395)
        (stage,) = stage_costs(method, choice.config.image_size, CPU)  # type: ignore[arg-type]
    assert (stage.name, stage.num_images) == ("joint", 96)
    # V, X and I pass f for two images of a batch; the backward pass costs about twice as much.
    assert stage.macs / (1.5 * 4_053_270_528) == pytest.approx(3, rel=2e-3)
