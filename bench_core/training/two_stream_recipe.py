"""The recipe of AGW's public code, which most two-stream methods since then follow."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field
from torch import nn

from bench_core.contracts.images import ResizeFilter
from bench_core.data.augmentation import AugmentationConfig
from bench_core.training.recipes import OptimizerConfig, ParameterGroup, ScheduleConfig
from bench_core.training.reid import ReIDConfig
from bench_core.training.replacement_samplers import ImageDraws
from bench_core.training.samplers import SamplingConfig
from bench_core.training.stages import OptimizerPlan


class TwoStreamRecipe(ReIDConfig):
    """Settings that descendants of AGW share; defaults are AGW's on SYSU-MM01.

    A subclass says again, with its marks, what it changes.

    Attributes:
        optimizer: Nesterov's SGD; its rate is that of the head, the layers that start at random.
        body_rate_scale: Rate of all other layers over that of the head.
        schedule: Ten epochs of warm-up at 1/10, 2/10, ... 1; a tenth after 20 and after 50 epochs.
        image_draws: How the images of an identity are drawn.
    """

    image_height: int = Field(default=288, ge=16)
    image_width: int = Field(default=144, ge=16)
    resize_filter: ResizeFilter = "lanczos"
    epochs: int = Field(default=81, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=8, images=4)
    optimizer: OptimizerConfig = OptimizerConfig(
        kind="sgd", learning_rate=0.1, weight_decay=5e-4, momentum=0.9, nesterov=True
    )
    body_rate_scale: float = Field(default=0.1, gt=0)
    schedule: ScheduleConfig = ScheduleConfig(
        warmup_epochs=10, warmup_factor=0.0, milestones=(21, 51), told="start"
    )
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=10)
    image_draws: ImageDraws = "with-replacement"

    def plan(self, *, head: Sequence[nn.Module], body: Sequence[nn.Module]) -> OptimizerPlan:
        """Plan the optimiser of a network.

        Args:
            head: What learns at the full rate.
            body: What learns at `body_rate_scale` times the rate.
        """
        return OptimizerPlan(
            config=self.optimizer,
            groups=[
                ParameterGroup.of(*body, learning_rate_scale=self.body_rate_scale),
                ParameterGroup.of(*head),
            ],
            schedule=self.schedule,
        )
