"""K of the alternation: an optimiser that takes every K-th of its steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from bench_core.methods import OptimizerConfig, OptimizerPlan


class EveryNthSGD(torch.optim.SGD):
    """SGD that is told of every batch and moves at the first of each `interval` of them.

    The number of batches is kept with the groups, so that checkpoints hold it.

    Args:
        groups: Parameter groups, as for SGD.
        interval: Batches from one step to the next.
        momentum: As SGD has it; it counts the steps that are taken.
    """

    def __init__(self, groups: Any, *, interval: int, momentum: float) -> None:
        super().__init__(groups, momentum=momentum)
        for group in self.param_groups:
            group |= {"interval": interval, "batches": 0}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Count a batch, and move the parameters if it is their turn."""
        turn = all(group["batches"] % group["interval"] == 0 for group in self.param_groups)
        for group in self.param_groups:
            group["batches"] += 1
        return super().step(closure) if turn else None


def seldom(config: OptimizerConfig, network: nn.Module, *, interval: int) -> OptimizerPlan:
    """Plan an optimiser that moves a network at every `interval`-th batch.

    Args:
        config: Its constants; SGD unless the interval is 1.
        network: What it moves.
        interval: K.
    """
    if interval == 1:
        return OptimizerPlan.of(config, network)
    return OptimizerPlan.of(
        config,
        network,
        factory=lambda groups: EveryNthSGD(groups, interval=interval, momentum=config.momentum),
    )
