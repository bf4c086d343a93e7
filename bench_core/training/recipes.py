"""Optimisers and learning-rate schedules as configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self, TypeAlias

import torch
from pydantic import Field, field_validator, model_validator
from torch import nn

from bench_core.configuration import FrozenModel

DecayRate: TypeAlias = Annotated[float, Field(ge=0, lt=1)]


class OptimizerConfig(FrozenModel):
    """An optimiser and its constants.

    Attributes:
        kind: "adam" (weight decay added to the gradient) or "sgd".
        learning_rate: Base learning rate, before the schedule.
        weight_decay: L2 penalty.
        betas: Adam's decay rates.
        momentum: Momentum of SGD.
        nesterov: Whether SGD's momentum is Nesterov's.
    """

    kind: Literal["adam", "sgd"] = "adam"
    learning_rate: float = Field(default=3.5e-4, gt=0)
    weight_decay: float = Field(default=5e-4, ge=0)
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = False

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0")
        return self


class ScheduleConfig(FrozenModel):
    """A learning-rate schedule by epoch: linear warm-up, then steps.

    A schedule counts the epochs that it has been told of, n. Most programs tell it of an epoch
    when it ends, so that the first epoch is trained at n = 0; the bag-of-tricks baseline (Luo et
    al. 2019) and what builds on it tell it of an epoch when it starts, so that the first epoch is
    trained at n = 1. `told` says which, and with it what the other numbers mean.

    Attributes:
        warmup_epochs: At this n the rate has risen linearly to its base value.
        warmup_factor: Share of the base value at n = 0. Told at the end, that is the first epoch,
            and 0 would waste it. Told at the start, the first epoch is one step above it already:
            0 gives 1/E, 2/E, ... 1 over E epochs.
        milestones: The values of n from which on the rate is multiplied by `decay`, once for
            each. Told at the end, 40 is the number of epochs at the higher rate. Told at the
            start, the 40th epoch is the first at the lower rate.
        decay: The multiplier.
        told: Whether n counts an epoch from its "start" or from its "end".
    """

    warmup_epochs: int = Field(default=0, ge=0)
    warmup_factor: float = Field(default=0.01, ge=0, le=1)
    milestones: tuple[int, ...] = ()
    decay: float = Field(default=0.1, gt=0, le=1)
    told: Literal["start", "end"] = "end"

    @field_validator("milestones")
    @classmethod
    def _rising(cls, milestones: tuple[int, ...]) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in pairwise(milestones)):
            raise ValueError("milestones must rise")
        return milestones

    @model_validator(mode="after")
    def _every_epoch_learns(self) -> Self:
        if self.warmup_epochs and self.warmup_factor == 0 and self.told == "end":
            raise ValueError(
                "warmup_factor=0 would waste the first epoch; set it above 0, or told=start"
            )
        return self

    def factor(self, epoch: int) -> float:
        """Return the share of the base learning rate in an epoch, counted from 0.

        Example:
            >>> schedule = ScheduleConfig(warmup_epochs=10, milestones=(40, 70))
            >>> [round(schedule.factor(epoch), 3) for epoch in (0, 1, 9, 10, 39, 40, 70)]
            [0.01, 0.109, 0.901, 1.0, 1.0, 0.1, 0.01]
            >>> schedule = ScheduleConfig(warmup_epochs=10, milestones=(40, 70), told="start")
            >>> [round(schedule.factor(epoch), 3) for epoch in (0, 1, 9, 38, 39, 69)]
            [0.109, 0.208, 1.0, 1.0, 0.1, 0.01]
        """
        count = epoch + (self.told == "start")
        steps: float = self.decay ** sum(count >= milestone for milestone in self.milestones)
        if count < self.warmup_epochs:
            progress = count / self.warmup_epochs
            return (self.warmup_factor * (1 - progress) + progress) * steps
        return steps


CONSTANT_RATE = ScheduleConfig()
"""The learning rate stays as it is."""


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Parameters that an optimiser treats alike.

    Attributes:
        parameters: Those of them that require a gradient are optimised.
        learning_rate_scale: Multiplies the optimiser's learning rate.
        weight_decay: Replaces the optimiser's weight decay, where given.
    """

    parameters: Sequence[nn.Parameter]
    learning_rate_scale: float = 1.0
    weight_decay: float | None = None

    @classmethod
    def of(
        cls,
        *networks: nn.Module,
        learning_rate_scale: float = 1.0,
        weight_decay: float | None = None,
    ) -> Self:
        """Group the parameters of networks, each once."""
        return cls(
            parameters=list(nn.ModuleList(networks).parameters()),
            learning_rate_scale=learning_rate_scale,
            weight_decay=weight_decay,
        )


def build_optimizer(
    config: OptimizerConfig, groups: Sequence[ParameterGroup]
) -> torch.optim.Optimizer:
    """Build an optimiser; each of its groups remembers its base rate as "base_lr"."""
    settings = [
        {
            "params": [p for p in group.parameters if p.requires_grad],
            "lr": config.learning_rate * group.learning_rate_scale,
            "base_lr": config.learning_rate * group.learning_rate_scale,
            "weight_decay": (
                config.weight_decay if group.weight_decay is None else group.weight_decay
            ),
        }
        for group in groups
    ]
    if config.kind == "adam":
        return torch.optim.Adam(settings, betas=config.betas)
    return torch.optim.SGD(settings, momentum=config.momentum, nesterov=config.nesterov)


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's rate to its base rate times `factor`."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
