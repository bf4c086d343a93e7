"""Optimisers and learning-rate schedules as configuration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeAlias

import torch
from pydantic import Field, field_validator, model_validator
from torch import nn

from bench_core.configuration import FrozenModel
from bench_core.contracts.errors import PluginError
from bench_core.training.schedules import Moment

DecayRate: TypeAlias = Annotated[float, Field(ge=0, lt=1)]


class OptimizerConfig(FrozenModel):
    """An optimiser and its constants.

    Attributes:
        kind: "adam" (weight decay added to the gradient), "adamw" (weights shrunk beside the step)
            or "sgd".
        learning_rate: Base learning rate, before the schedule.
        weight_decay: L2 penalty; of AdamW, the share by which weights shrink, times the rate.
        betas: Adam's decay rates.
        momentum: Momentum of SGD.
        nesterov: Whether SGD's momentum is Nesterov's.
    """

    kind: Literal["adam", "adamw", "sgd"] = "adam"
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

        Examples:
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

    def rate(self, moment: Moment) -> float:
        """Return the share of the base learning rate at a step: that of its epoch."""
        return self.factor(moment.epoch)


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


class ClippingConfig(FrozenModel):
    """How far gradients are cut back before an optimiser steps; by default not at all.

    Attributes:
        norm: Longest that the gradient of all parameters of the optimiser together may be.
        value: Largest that each of its numbers may be.
    """

    norm: float | None = Field(default=None, gt=0)
    value: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.norm is not None and self.value is not None:
            raise ValueError("gradients are clipped by norm or by value; set one of them")
        return self

    def clip(self, parameters: Sequence[nn.Parameter]) -> None:
        """Clip the gradients of parameters in place; those without one do not count."""
        if self.norm is not None:
            nn.utils.clip_grad_norm_(parameters, self.norm)
        if self.value is not None:
            nn.utils.clip_grad_value_(parameters, self.value)


NO_CLIPPING = ClippingConfig()
"""Gradients stay as they are."""

Groups: TypeAlias = list[dict[str, Any]]
"""Parameter groups as torch has them: "params", "lr", "base_lr" and "weight_decay" of each."""

ClosureUse: TypeAlias = Literal["alone", "after-gradients"]
"""How an optimiser steps by a closure, which computes the loss and its gradients anew.

"alone" needs nothing but the closure and calls it first, as LBFGS does; "after-gradients" finds
gradients when it begins and calls the closure after it has moved, as SAM is often written.
"""

OptimizerFactory: TypeAlias = Callable[[Groups], torch.optim.Optimizer]
"""Builds an optimiser of parameter groups, such as `lambda groups: torch.optim.RAdam(groups)`."""


def build_optimizer(
    config: OptimizerConfig,
    groups: Sequence[ParameterGroup],
    factory: OptimizerFactory | None = None,
) -> torch.optim.Optimizer:
    """Build an optimiser; each of its groups remembers its base rate as "base_lr".

    Args:
        config: The optimiser and its constants; of another one, rate and weight decay.
        groups: Its parameters.
        factory: Builds another optimiser than those of the configuration.

    Raises:
        PluginError: The factory returns no optimiser, or one of other groups.
    """
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
    if factory is not None:
        return _built(factory, settings)
    if config.kind == "sgd":
        return torch.optim.SGD(settings, momentum=config.momentum, nesterov=config.nesterov)
    kind = torch.optim.Adam if config.kind == "adam" else torch.optim.AdamW
    return kind(settings, betas=config.betas)


def _built(factory: OptimizerFactory, settings: Groups) -> torch.optim.Optimizer:
    """Have a method's own optimiser built, and look whether it can be scheduled."""
    optimizer = factory(settings)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise PluginError(
            f"the factory of an optimiser returned a {type(optimizer).__name__}; it must return a "
            "torch.optim.Optimizer of the groups that it is given"
        )
    if any("base_lr" not in group for group in optimizer.param_groups):
        raise PluginError(
            f"the factory of {type(optimizer).__name__} left out entries of the groups that it is "
            "given; pass each on whole, as torch's own optimisers take them"
        )
    return optimizer


def takes_closure(optimizer: torch.optim.Optimizer) -> bool:
    """Say whether the `step` of an optimiser can be given a closure."""
    try:
        inspect.signature(optimizer.step).bind(lambda: 0.0)
    except TypeError:
        return False
    return True


def needs_closure(optimizer: torch.optim.Optimizer) -> bool:
    """Say whether an optimiser cannot step without a closure, as its `step` says."""
    parameters = inspect.signature(type(optimizer).step).parameters
    closure = parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's rate to its base rate times `factor`."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
