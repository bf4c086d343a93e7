"""Parameter updates, as a stage's step function asks for them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import nn

from bench_core.contracts.errors import PluginError, unknown_name
from bench_core.modeling.exchange import average_gradients
from bench_core.modeling.sharing import going_backwards
from bench_core.training.log import describe
from bench_core.training.recipes import ClippingConfig

Losses: TypeAlias = Mapping[str, torch.Tensor]
"""Scalar tensors by the names that they have in the log."""

Weights: TypeAlias = Mapping[str, float]
Part: TypeAlias = tuple[Losses, Sequence[str]]

TOTAL = "total"


class Updates:
    """What a step function uses to update parameters.

    Args:
        optimizers: The optimisers by name.
        clippings: How the gradients of some of them are clipped before they step.
    """

    def __init__(
        self,
        optimizers: Mapping[str, torch.optim.Optimizer],
        clippings: Mapping[str, ClippingConfig] | None = None,
    ) -> None:
        self._optimizers = optimizers
        self._clippings = clippings or {}

    def minimize(
        self,
        losses: Losses,
        *optimizers: str,
        weights: Weights | None = None,
        retain_graph: bool = False,
    ) -> Losses:
        """Take one step of the named optimisers on the weighted sum of losses.

        Gradients are computed for the parameters of the named optimisers alone: a generator's
        loss passes through a discriminator and leaves nothing there, nor costs its weights'
        gradients.

        Args:
            losses: Scalar tensors by name.
            optimizers: Names from `Stage.optimizers`; no other parameter's gradient is touched.
            weights: What each loss is multiplied by, which may name further losses, so that one
                table serves every variant. Without it each counts once.
            retain_graph: Whether another loss of this step needs the same graph. What that loss
                is differentiated through must not be what is updated here.

        Returns:
            The losses for the log, with their weighted sum: "total" where the stage has no other
            optimisers, else with the names of these, such as "total-generators".

        Raises:
            PluginError: A loss is no scalar tensor or has no weight, none depends on a parameter,
                or an optimiser is not one of the stage.
        """
        return self._minimize([(losses, optimizers)], weights, retain_graph=retain_graph)

    def minimize_together(self, *parts: Part, weights: Weights | None = None) -> Losses:
        """Take one step on several losses of one graph, each of which teaches its own optimisers.

        An optimiser steps on the sum of the losses that come with it.

        Args:
            parts: Scalar tensors by name, and names from `Stage.optimizers`, each.
            weights: As `minimize` has them.

        Returns:
            All losses with one total, as `minimize` does.

        Raises:
            PluginError: As `minimize` does.
        """
        return self._minimize(parts, weights, retain_graph=False)

    def _minimize(
        self, parts: Sequence[Part], weights: Weights | None, *, retain_graph: bool
    ) -> Losses:
        every = list(dict.fromkeys(name for _, optimizers in parts for name in optimizers))
        self._clear(every)
        totals = [_weighted_sum(losses, weights) for losses, _ in parts]
        for place, (total, (_, optimizers)) in enumerate(zip(totals, parts, strict=True), start=1):
            retained = retain_graph or place < len(parts)
            self._add_gradients(total, optimizers, retain_graph=retained)
        average_gradients(self._parameters(every))
        for name in every:
            if name in self._clippings:
                self._clippings[name].clip(self._parameters([name]))
        for name in every:
            self._optimizers[name].step()
        others = self._optimizers.keys() - every
        named = {name: loss for losses, _ in parts for name, loss in losses.items()}
        return {"-".join([TOTAL, *every] if others else [TOTAL]): _sum(totals), **named}

    def _clear(self, optimizers: Iterable[str]) -> None:
        for name in optimizers:
            if name not in self._optimizers:
                raise PluginError(str(unknown_name("optimizer", str(name), self._optimizers)))
            self._optimizers[name].zero_grad(set_to_none=True)

    def _add_gradients(
        self, total: torch.Tensor, optimizers: Iterable[str], *, retain_graph: bool
    ) -> None:
        parameters = self._parameters(optimizers)
        with torch.autocast(total.device.type, enabled=False), going_backwards():
            total.backward(inputs=parameters, retain_graph=retain_graph)  # type: ignore[no-untyped-call]

    def _parameters(self, optimizers: Iterable[str]) -> list[nn.Parameter]:
        return [
            parameter
            for name in optimizers
            for group in self._optimizers[name].param_groups
            for parameter in group["params"]
        ]


def _weighted_sum(losses: Losses, weights: Weights | None) -> torch.Tensor:
    if not isinstance(losses, Mapping) or not losses:
        raise PluginError(
            f"updates.minimize was given {describe(losses)}; it needs losses by name, such as "
            '{"identity": loss}'
        )
    for name, loss in losses.items():
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            raise PluginError(
                f"updates.minimize was given {describe(loss)} as the loss '{name}'; it needs "
                "scalar tensors by name"
            )
        if weights is not None and name not in weights:
            raise PluginError(
                f"updates.minimize was given no weight for the loss '{name}', but for "
                f"{', '.join(weights) or 'none'}; 'weights' must name every loss"
            )
    total = _sum(
        [loss if weights is None else weights[name] * loss for name, loss in losses.items()]
    )
    if not total.requires_grad:
        raise PluginError(
            f"updates.minimize was given losses without a gradient ({', '.join(losses)}); one of "
            "them must depend on what is trained"
        )
    return total


def _sum(terms: Sequence[torch.Tensor]) -> torch.Tensor:
    """Add from the first to the last: another order would give other last bits."""
    return functools.reduce(torch.add, terms)
