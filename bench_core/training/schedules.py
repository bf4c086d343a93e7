"""Learning rates by step: what a schedule is asked, and curves for those who want no steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import Field

from bench_core.configuration import FrozenModel


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where in its stage a step is.

    Attributes:
        epoch: Number of the epoch, from 0.
        step: Number of the step within the epoch, from 0.
        steps: Steps of an epoch.
        epochs: Epochs of the stage.
    """

    epoch: int
    step: int
    steps: int
    epochs: int

    @property
    def elapsed(self) -> float:
        """Epochs that have passed before the step, with the part of its own."""
        return self.epoch + self.step / self.steps


class Schedule(Protocol):
    """What an optimiser's learning rate follows; a frozen configuration or any object."""

    def rate(self, moment: Moment) -> float:
        """Return the share of the base learning rate at a step; the same for the same moment."""
        ...


class CurveConfig(FrozenModel):
    """A learning-rate schedule along a curve: linear warm-up, then down to the end of the stage.

    Attributes:
        shape: "cosine" (half a period) or "polynomial".
        power: Of the polynomial: 1 is a straight line.
        warmup_epochs: After so many epochs the rate has risen linearly to its base value; parts of
            an epoch count.
        warmup_factor: Share of the base value at the first step.
        last_factor: Share of the base value when the stage ends.
        by: Whether the rate changes from "step" to step or from "epoch" to epoch; then the first
            epoch is trained at `warmup_factor`, and no epoch quite at `last_factor`.
    """

    shape: Literal["cosine", "polynomial"] = "cosine"
    power: float = Field(default=1.0, gt=0)
    warmup_epochs: float = Field(default=0.0, ge=0)
    warmup_factor: float = Field(default=0.01, gt=0, le=1)
    last_factor: float = Field(default=0.0, ge=0, le=1)
    by: Literal["step", "epoch"] = "step"

    def rate(self, moment: Moment) -> float:
        """Return the share of the base learning rate at a step.

        Examples:
            >>> curve = CurveConfig(warmup_epochs=2, warmup_factor=0.1)
            >>> [
            ...     round(curve.rate(Moment(epoch=epoch, step=step, steps=2, epochs=4)), 3)
            ...     for epoch in range(4)
            ...     for step in range(2)
            ... ]
            [0.1, 0.325, 0.55, 0.775, 1.0, 0.854, 0.5, 0.146]
        """
        elapsed = moment.elapsed if self.by == "step" else float(moment.epoch)
        if elapsed < self.warmup_epochs:
            risen = elapsed / self.warmup_epochs
            return self.warmup_factor * (1 - risen) + risen
        length = moment.epochs - self.warmup_epochs
        passed = min((elapsed - self.warmup_epochs) / length, 1.0) if length > 0 else 1.0
        return self.last_factor + (1 - self.last_factor) * self._left(passed)

    def _left(self, passed: float) -> float:
        """Return what of the way down is left when a part of it, in [0, 1], has passed."""
        if self.shape == "cosine":
            return (1 + math.cos(math.pi * passed)) / 2
        left: float = (1 - passed) ** self.power
        return left
