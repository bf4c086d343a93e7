"""The dynamic part of DDAG: how much the graph's loss counts, from epoch to epoch."""

from __future__ import annotations

from collections.abc import MutableMapping

import torch

WEIGHT, SUM, STEPS = "weight", "loss-sum", "steps"


class DynamicWeight:
    """The w of an epoch: 1 / (1 + mean of a loss over the epoch before it), and 0 in the first.

    The smaller that loss has become, the more the other one counts.

    Attributes:
        memory: All that it knows, for `Stage.memory`: an interrupted training goes on with it.
    """

    def __init__(self) -> None:
        self.memory: MutableMapping[str, torch.Tensor] = {
            name: torch.zeros(()) for name in (WEIGHT, SUM, STEPS)
        }

    @property
    def weight(self) -> torch.Tensor:
        """The w of the present epoch, a scalar."""
        return self.memory[WEIGHT]

    def note(self, loss: torch.Tensor) -> None:
        """Note the loss of a step, a scalar."""
        self.memory[SUM] = self.memory[SUM] + loss.detach()
        self.memory[STEPS] = self.memory[STEPS] + 1

    def end_epoch(self) -> None:
        """Set w for the next epoch by the losses that were noted in this one, at least one."""
        mean = self.memory[SUM] / self.memory[STEPS]
        self.memory[WEIGHT] = 1 / (1 + mean)
        for name in (SUM, STEPS):
            self.memory[name] = torch.zeros_like(mean)
