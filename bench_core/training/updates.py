"""Parameter updates, as a stage's step function asks for them."""

from __future__ import annotations

from collections.abc import Mapping

import torch


class Updates:
    """What a step function uses to update parameters."""

    def __init__(self, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        self._optimizers = optimizers

    def minimize(self, loss: torch.Tensor, *optimizers: str) -> None:
        """Take one step of the named optimisers on a loss.

        Args:
            loss: A scalar tensor.
            optimizers: Names from `Stage.optimizers`; gradients of no other are touched after it.
        """
        chosen = [self._optimizers[name] for name in optimizers]
        for optimizer in chosen:
            optimizer.zero_grad(set_to_none=True)
        with torch.autocast(loss.device.type, enabled=False):
            loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in chosen:
            optimizer.step()
