"""Parameter updates, as a stage's step function asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from bench_core.contracts.errors import PluginError, unknown_name
from bench_core.training.log import describe


class Updates:
    """What a step function uses to update parameters."""

    def __init__(self, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        self._optimizers = optimizers

    def minimize(self, loss: torch.Tensor, *optimizers: str, retain_graph: bool = False) -> None:
        """Take one step of the named optimisers on a loss.

        Gradients are computed for the parameters of the named optimisers alone: a generator's
        loss passes through a discriminator and leaves nothing there, nor costs its weights'
        gradients.

        Args:
            loss: A scalar tensor.
            optimizers: Names from `Stage.optimizers`; no other parameter's gradient is touched.
            retain_graph: Whether another loss of this step needs the same graph. What that loss
                is differentiated through must not be what is updated here.

        Raises:
            PluginError: The loss is no scalar tensor that depends on a parameter, or an optimiser
                is not one of the stage.
        """
        self._clear(optimizers)
        self._add_gradients(loss, optimizers, retain_graph=retain_graph)
        self._step(optimizers)

    def minimize_together(self, *parts: tuple[torch.Tensor, tuple[str, ...]]) -> None:
        """Take one step on several losses of one graph, each of which teaches its own optimisers.

        An optimiser steps on the sum of the losses that name it.

        Args:
            parts: A scalar tensor and names from `Stage.optimizers`, each.

        Raises:
            PluginError: As `minimize` does.
        """
        every = list(dict.fromkeys(name for _, optimizers in parts for name in optimizers))
        self._clear(every)
        for place, (loss, optimizers) in enumerate(parts, start=1):
            self._add_gradients(loss, optimizers, retain_graph=place < len(parts))
        self._step(every)

    def _clear(self, optimizers: Iterable[str]) -> None:
        for name in optimizers:
            if name not in self._optimizers:
                raise PluginError(str(unknown_name("optimizer", str(name), self._optimizers)))
            self._optimizers[name].zero_grad(set_to_none=True)

    def _add_gradients(
        self, loss: torch.Tensor, optimizers: Iterable[str], *, retain_graph: bool
    ) -> None:
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
            raise PluginError(
                f"updates.minimize was given {_what(loss)} as loss; it needs a scalar tensor that "
                "depends on what is trained"
            )
        parameters = [
            parameter
            for name in optimizers
            for group in self._optimizers[name].param_groups
            for parameter in group["params"]
        ]
        with torch.autocast(loss.device.type, enabled=False):
            loss.backward(inputs=parameters, retain_graph=retain_graph)  # type: ignore[no-untyped-call]

    def _step(self, optimizers: Iterable[str]) -> None:
        for name in optimizers:
            self._optimizers[name].step()


def _what(loss: object) -> str:
    if isinstance(loss, torch.Tensor) and loss.numel() == 1:
        return "a tensor without a gradient"
    return describe(loss)
