"""Stages: what a trainable method tells the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeAlias

from pydantic import Field
from torch import nn

from bench_core.configuration import FrozenModel
from bench_core.data.augmentation import AugmentationConfig
from bench_core.training.batches import Batch
from bench_core.training.recipes import (
    CONSTANT_RATE,
    OptimizerConfig,
    ParameterGroup,
    ScheduleConfig,
)
from bench_core.training.updates import Losses, Updates


class SamplingConfig(FrozenModel):
    """How a batch is drawn.

    Attributes:
        identities: P, identities in a batch.
        images: K, images of each identity and modality.
        steps_per_epoch: Batches in an epoch; by default as many as the larger modality needs.
    """

    identities: int = Field(default=8, ge=2)
    images: int = Field(default=4, ge=1)
    steps_per_epoch: int | None = Field(default=None, ge=1)


@dataclass(frozen=True, kw_only=True)
class OptimizerPlan:
    """An optimiser, its parameters and its schedule.

    Attributes:
        config: The optimiser and its constants.
        groups: Its parameters.
        schedule: Of its learning rate, by epoch of the stage.
        continued: Whether it is the optimiser of this name of an earlier stage, whose momentum and
            moments it keeps for the parameters that both have; otherwise it starts anew.
    """

    config: OptimizerConfig
    groups: Sequence[ParameterGroup]
    schedule: ScheduleConfig = CONSTANT_RATE
    continued: bool = False

    @classmethod
    def of(
        cls,
        config: OptimizerConfig,
        *networks: nn.Module,
        schedule: ScheduleConfig = CONSTANT_RATE,
        continued: bool = False,
    ) -> Self:
        """Plan an optimiser that treats all parameters of some networks alike."""
        groups = [ParameterGroup.of(*networks)]
        return cls(config=config, groups=groups, schedule=schedule, continued=continued)


Step: TypeAlias = Callable[[Batch, Updates], Losses]
"""Learns from a batch and returns its losses for the log."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a training.

    Attributes:
        name: Such as "warm-up" or "joint"; appears in logs, progress and errors.
        epochs: Number of epochs.
        step: Called for each batch, under autocast where the precision asks for it. It updates
            parameters through the second argument and returns its losses by name, for the log.
        optimizers: Named optimisers of this stage.
        sampling: How batches are drawn.
        augmentation: Applied to each batch.
        frozen: Networks that stay in evaluation mode.
        check: Called with the first batch of each epoch; raises TrainingError when the training
            cannot succeed any more.
    """

    name: str
    epochs: int
    step: Step
    optimizers: Mapping[str, OptimizerPlan]
    sampling: SamplingConfig
    augmentation: AugmentationConfig
    frozen: Sequence[nn.Module] = field(default_factory=tuple)
    check: Callable[[Batch], None] | None = None
