"""HCML's optimisation: accelerated proximal gradient steps on M, gradient steps on V and T."""

from __future__ import annotations

import math
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Final

import torch

from bench_core import TrainingError
from bench_hcml.config import HCMLConfig
from bench_hcml.objective import Objective, Transforms

FIRST_LIPSCHITZ: Final = 2.0**-8
GROWTH: Final = 2.0
"""What the step size of M starts from (one over it), and is divided by until a step is safe."""
MOST_HALVINGS: Final = 100
ROUNDING: Final = 1e-12
"""Relative error of a sum in double precision; more is no reason for a smaller step."""


@dataclass(frozen=True)
class Progress:
    """Where the optimisation is.

    Attributes:
        at: V, T and M.
        previous: M of one step before.
        momentum: t of the acceleration, by which the third step is the first from ahead; 0 at the
            start.
        lipschitz: One over the step size of M.
        step: Steps that are done.
        cross: The term across modalities behind the last step of M, before that of V and T.
        converged: Whether it has changed by less than the tolerance.
    """

    at: Transforms
    previous: torch.Tensor
    momentum: float = 0.0
    lipschitz: float = FIRST_LIPSCHITZ
    step: int = 0
    cross: float = math.inf
    converged: bool = False

    @classmethod
    def start(cls, dimensions: int, device: torch.device) -> Progress:
        """Return V = T = M = I."""
        at = Transforms.identity(dimensions, torch.empty(0, dtype=torch.float64, device=device))
        return cls(at, at.metric)

    def keep(self, memory: MutableMapping[str, torch.Tensor]) -> None:
        """Write all of it into tensors by name."""
        numbers = [self.momentum, self.lipschitz, self.step, self.cross, self.converged]
        memory["visible"], memory["infrared"] = self.at.visible, self.at.infrared
        memory["metric"], memory["previous"] = self.at.metric, self.previous
        memory["numbers"] = torch.tensor(numbers, dtype=torch.float64)

    @classmethod
    def kept(cls, memory: Mapping[str, torch.Tensor]) -> Progress:
        """Read what `keep` wrote."""
        momentum, lipschitz, step, cross, converged = memory["numbers"].tolist()
        at = Transforms(memory["visible"], memory["infrared"], memory["metric"])
        return cls(
            at, memory["previous"], momentum, lipschitz, int(step), cross, converged=bool(converged)
        )


def advance(progress: Progress, objective: Objective, config: HCMLConfig) -> Progress:
    """Take one step of M, and then one of V and T.

    The k-th step of V and T, counted from 1, has the rate `transform_rate` x `transform_decay`^k.

    Raises:
        TrainingError: No step of M is short enough, as where features are not finite.
    """
    momentum = (1 + math.sqrt(1 + 4 * progress.momentum**2)) / 2
    ahead = progress.at.metric - progress.previous
    searched = progress.at.metric + (progress.momentum - 1) / momentum * ahead
    metric, lipschitz, cross = _metric_step(
        replace(progress.at, metric=searched), progress.lipschitz, objective
    )
    at = replace(progress.at, metric=metric)
    rate = config.transform_rate * config.transform_decay ** (progress.step + 1)
    by_visible, by_infrared = objective.transform_gradients(at)
    change = abs(cross - progress.cross) / max(abs(progress.cross), ROUNDING)
    return Progress(
        at=replace(
            at, visible=at.visible - rate * by_visible, infrared=at.infrared - rate * by_infrared
        ),
        previous=progress.at.metric,
        momentum=momentum,
        lipschitz=lipschitz,
        step=progress.step + 1,
        cross=cross,
        converged=progress.step > 0 and change < config.metric_tolerance,
    )


def _metric_step(
    at: Transforms, lipschitz: float, objective: Objective
) -> tuple[torch.Tensor, float, float]:
    """Step from a searched M downhill and back to the cone of metrics, not farther than is safe.

    Returns:
        M, one over the step size, and the term across modalities at M.
    """
    value, gradient = float(objective.cross(at)), objective.metric_gradient(at)
    for _ in range(MOST_HALVINGS):
        metric = project(at.metric - gradient / lipschitz)
        moved = metric - at.metric
        reached = float(objective.cross(replace(at, metric=metric)))
        bound = value + float((moved * gradient).sum() + lipschitz / 2 * moved.square().sum())
        if reached <= bound + ROUNDING * abs(bound):
            return metric, lipschitz, reached
        lipschitz *= GROWTH
    raise TrainingError(
        f"the metric learning finds no step, however short, from a loss of {value}: features must "
        "be finite; lower the learning rate"
    )


def project(matrix: torch.Tensor) -> torch.Tensor:
    """Return the nearest positive semidefinite matrix (D, D) of a symmetric one."""
    root = square_root(matrix)
    return root @ root.T


def square_root(matrix: torch.Tensor) -> torch.Tensor:
    """Return P (D, D) with P P^T = M; of a symmetric M negative eigenvalues count as zero."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    root: torch.Tensor = vectors * values.clamp(min=0).sqrt()
    return root
