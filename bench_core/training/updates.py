"""Parameter updates, as a stage's step function asks for them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import nn

from bench_core.contracts.errors import PluginError, unknown_name
from bench_core.modeling.exchange import agreed, average_gradients
from bench_core.modeling.recomputation import running_statistics_kept
from bench_core.modeling.sharing import going_backwards, random_state, set_random_state
from bench_core.training.log import describe
from bench_core.training.recipes import ClippingConfig, ClosureUse, takes_closure

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
        closures: How some of them step by a closure.
        networks: What keeps running statistics, of which a step learns once; None for nothing.
    """

    def __init__(
        self,
        optimizers: Mapping[str, torch.optim.Optimizer],
        clippings: Mapping[str, ClippingConfig] | None = None,
        *,
        closures: Mapping[str, ClosureUse] | None = None,
        networks: nn.Module | None = None,
    ) -> None:
        self._optimizers = optimizers
        self._clippings = clippings or {}
        self._closures = closures or {}
        self._all_networks = networks

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
                or an optimiser is not one of the stage, or steps by a closure.
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

    def minimize_by(
        self, compute: Callable[[], Losses], optimizer: str, *, weights: Weights | None = None
    ) -> Losses:
        """Take one step of an optimiser that computes losses more than once, such as SAM.

        Each time the losses are computed with the same random numbers, and gradients are averaged
        over processes and clipped; running statistics are learned from the first time alone.

        Args:
            compute: Runs the networks and returns the losses, scalar tensors by name. It must
                leave nothing behind, as it may be called any number of times.
            optimizer: Name from `Stage.optimizers`.
            weights: As `minimize` has them.

        Returns:
            The losses of the first time, with their total, as `minimize` returns them.

        Raises:
            PluginError: As `minimize` does, or the optimiser takes no closure or never calls it.
        """
        self._check_known([optimizer])
        evaluation = _Evaluation(
            compute=lambda: self._gradients_of(compute, optimizer, weights),
            networks=self._all_networks,
            device=self._parameters([optimizer])[0].device,
        )
        stepping: Any = self._optimizers[optimizer]
        if not takes_closure(stepping):
            raise PluginError(
                f"{type(stepping).__name__}.step takes no closure, which updates.minimize_by "
                "gives it; use updates.minimize"
            )
        if self._closures.get(optimizer) == "after-gradients":
            evaluation()
        stepping.step(evaluation)
        _forget_casts()
        if evaluation.first is None:
            raise PluginError(
                f"{type(stepping).__name__}.step never called its closure, so that it had no "
                'gradients; where it finds them before, say closure="after-gradients" in its plan'
            )
        total, losses = evaluation.first
        return {self._name_of_total([optimizer]): total, **losses}

    def _gradients_of(
        self, compute: Callable[[], Losses], optimizer: str, weights: Weights | None
    ) -> tuple[torch.Tensor, Losses]:
        """Compute losses, and gradients of one optimiser's parameters; return total and losses."""
        losses = compute()
        total = _weighted_sum(losses, weights)
        self._clear([optimizer])
        self._add_gradients(total, [optimizer], retain_graph=False)
        self._finish_gradients([optimizer])
        return total.detach(), {name: loss.detach() for name, loss in losses.items()}

    def _minimize(
        self, parts: Sequence[Part], weights: Weights | None, *, retain_graph: bool
    ) -> Losses:
        every = list(dict.fromkeys(name for _, optimizers in parts for name in optimizers))
        self._check_known(every)
        self._refuse_closures(every)
        self._clear(every)
        totals = [_weighted_sum(losses, weights) for losses, _ in parts]
        for place, (total, (_, optimizers)) in enumerate(zip(totals, parts, strict=True), start=1):
            retained = retain_graph or place < len(parts)
            self._add_gradients(total, optimizers, retain_graph=retained)
        self._finish_gradients(every)
        for name in every:
            self._optimizers[name].step()
        _forget_casts()
        named = {name: loss for losses, _ in parts for name, loss in losses.items()}
        return {self._name_of_total(every): _sum(totals), **named}

    def _name_of_total(self, optimizers: Sequence[str]) -> str:
        others = self._optimizers.keys() - optimizers
        return "-".join([TOTAL, *optimizers] if others else [TOTAL])

    def _finish_gradients(self, optimizers: Sequence[str]) -> None:
        """Average gradients over processes, and then clip those of each optimiser."""
        average_gradients(self._parameters(optimizers))
        for name in optimizers:
            if name in self._clippings:
                self._clippings[name].clip(self._parameters([name]))

    def _check_known(self, optimizers: Iterable[str]) -> None:
        for name in optimizers:
            if name not in self._optimizers:
                raise PluginError(str(unknown_name("optimizer", str(name), self._optimizers)))

    def _refuse_closures(self, optimizers: Iterable[str]) -> None:
        for name in optimizers:
            if name in self._closures:
                raise PluginError(
                    f"the optimiser '{name}' ({type(self._optimizers[name]).__name__}) computes "
                    "losses more than once a step, by a closure; call "
                    f"updates.minimize_by(compute, '{name}') with a function that returns them"
                )

    def _clear(self, optimizers: Iterable[str]) -> None:
        for name in optimizers:
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


class _Evaluation:
    """The closure that an optimiser is given: one function of the weights, whenever it is called.

    Attributes:
        first: Total and losses of the first call; None before it.
    """

    def __init__(
        self,
        compute: Callable[[], tuple[torch.Tensor, Losses]],
        networks: nn.Module | None,
        device: torch.device,
    ) -> None:
        self._compute, self._networks, self._device = compute, networks, device
        self.first: tuple[torch.Tensor, Losses] | None = None
        self._states: list[tuple[torch.Tensor, torch.device]] = []

    def __call__(self) -> torch.Tensor:
        """Compute the gradients, and return the loss, the same for all processes."""
        with torch.enable_grad():
            if self.first is None:
                self._states = [
                    (random_state(device), device)
                    for device in dict.fromkeys((torch.device("cpu"), self._device))
                ]
                self.first = self._compute()
                return agreed(self.first[0])
            for state, device in self._states:
                set_random_state(state, device)
            _forget_casts()
            kept = [] if self._networks is None else [self._networks]
            with running_statistics_kept(*kept):
                return agreed(self._compute()[0])


def _forget_casts() -> None:
    """Let autocast cast weights anew: those that it keeps are of before the optimiser moved."""
    torch.clear_autocast_cache()


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
