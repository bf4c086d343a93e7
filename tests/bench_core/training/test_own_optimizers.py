"""Optimisers of a method's own, AdamW, and gradients that are cut back before a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from bench_core import CheckpointError, PluginError
from bench_core.methods import ClippingConfig, OptimizerConfig, OptimizerPlan, ParameterGroup
from bench_core.training.checkpoint import (
    Position,
    load_progress,
    restore_optimizer,
    save_progress,
)
from bench_core.training.recipes import build_optimizer
from bench_core.training.updates import Updates


def line(value: float = 0.0) -> nn.Linear:
    made = nn.Linear(1, 1, bias=False)
    nn.init.constant_(made.weight, value)
    return made


def test_adamw_shrinks_weights_beside_the_step() -> None:
    """With a gradient of zero a weight of 2 loses 0.1 x 0.5 of itself; Adam would take a step."""
    made = line(2.0)
    config = OptimizerConfig(kind="adamw", learning_rate=0.1, weight_decay=0.5, betas=(0.5, 0.9))
    optimizer = build_optimizer(config, [ParameterGroup.of(made)])
    assert type(optimizer) is torch.optim.AdamW
    assert optimizer.param_groups[0]["betas"] == (0.5, 0.9)
    made.weight.grad = torch.zeros(1, 1)
    optimizer.step()
    assert made.weight.item() == pytest.approx(2 * (1 - 0.1 * 0.5))


def slope(networks: dict[str, nn.Linear], gradients: dict[str, float]) -> torch.Tensor:
    terms = [gradients[name] * network.weight.sum() for name, network in networks.items()]
    return torch.stack(terms).sum()


def descend(clippings: dict[str, ClippingConfig], gradients: dict[str, float]) -> dict[str, float]:
    """Step once with a rate of 1, an optimiser for each letter of the names of the networks."""
    networks = {name: line() for name in gradients}
    optimizers = {
        letter: torch.optim.SGD(
            [value for name, each in networks.items() if name[0] == letter
             for value in each.parameters()], lr=1.0,
        )
        for letter in {name[0] for name in networks}
    }  # fmt: skip
    Updates(optimizers, clippings).minimize({"s": slope(networks, gradients)}, *optimizers)
    return {name: -network.weight.item() for name, network in networks.items()}


def test_gradients_are_clipped_by_the_norm_over_all_of_an_optimiser() -> None:
    found = descend({"a": ClippingConfig(norm=1.0)}, {"a1": 3.0, "a2": 4.0, "b1": 5.0})
    assert found == pytest.approx({"a1": 0.6, "a2": 0.8, "b1": 5.0}, abs=1e-5)


def test_gradients_are_clipped_by_value() -> None:
    found = descend({"a": ClippingConfig(value=2.0)}, {"a1": 3.0, "a2": -4.0, "a3": 1.0})
    assert found == {"a1": 2.0, "a2": -2.0, "a3": 1.0}


def test_short_gradients_and_no_clipping_leave_them_as_they_are() -> None:
    gradients = {"a1": 3.0, "a2": 4.0}
    assert descend({"a": ClippingConfig(norm=100.0)}, gradients) == gradients
    assert descend({"a": ClippingConfig()}, gradients) == gradients


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"norm": 0}, "greater than 0"),
        ({"value": -1}, "greater than 0"),
        ({"norm": 1, "value": 1}, "by norm or by value"),
    ],
)
def test_a_clipping_that_cannot_be_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ClippingConfig.model_validate(values)


def plan(factory: Callable[[Any], Any], *networks: nn.Module) -> OptimizerPlan:
    first, second = networks
    groups = [ParameterGroup.of(first), ParameterGroup.of(second, learning_rate_scale=0.1)]
    config = OptimizerConfig(learning_rate=1e-2, weight_decay=0.0)
    return OptimizerPlan(config=config, groups=groups, factory=factory)


class Counting(torch.optim.SGD):
    """Keeps the number of steps of a parameter as what it is told to make of it."""

    def __init__(self, groups: Any, kind: Callable[[int], Any] = torch.tensor) -> None:
        super().__init__(groups)
        self._kind, self._steps = kind, 0

    def step(self, closure: Any = None) -> None:
        self._steps += 1
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["count"] = self._kind(self._steps)
        super().step(closure)


def test_an_own_optimiser_has_rates_by_group_and_comes_back_from_a_checkpoint(
    tmp_path: Any,
) -> None:
    networks = nn.ModuleDict({"one": line(), "two": line()})

    def step(optimizer: torch.optim.Optimizer) -> None:
        Updates({"all": optimizer}).minimize(
            {"s": networks["one"].weight.sum() + networks["two"].weight.sum()}, "all"
        )

    made = plan(torch.optim.RAdam, *networks.values())
    optimizer = made.build()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([1e-2, 1e-3])
    for _ in range(3):
        step(optimizer)
    path = tmp_path / "checkpoint.safetensors"
    save_progress(path, networks, {"all": optimizer}, Position(), "id")
    step(optimizer)
    expected = [each.weight.item() for each in networks.values()]
    progress = load_progress(path, networks, "id")
    resumed = made.build()
    restore_optimizer(resumed, progress.optimizers["all"])
    step(resumed)
    assert [each.weight.item() for each in networks.values()] == expected
    with pytest.raises(CheckpointError, match="does not fit the optimisers"):
        restore_optimizer(torch.optim.SGD(networks.parameters()), progress.optimizers["all"])


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (lambda groups: groups, "returned a list; it must return a torch.optim.Optimizer"),
        (
            lambda groups: torch.optim.SGD([{"params": each["params"]} for each in groups]),
            "SGD left out entries of the groups",
        ),
    ],
)
def test_a_factory_that_builds_none_is_the_plugins_error(factory: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        plan(factory, line(), line()).build()


def save(folder: Any, optimizer: torch.optim.Optimizer, network: nn.Module) -> None:
    Updates({"all": optimizer}).minimize({"s": network(torch.ones(1, 1)).sum()}, "all")
    save_progress(folder / "file", network, {"all": optimizer}, Position(), "id")


def test_what_a_checkpoint_cannot_hold_of_an_optimiser_is_the_plugins_error(tmp_path: Any) -> None:
    network = line()
    save(tmp_path, Counting(network.parameters()), network)
    with pytest.raises(PluginError, match="Counting keeps 'count' as a int"):
        save(tmp_path, Counting(network.parameters(), int), network)
    strange = Counting([{"params": [network.weight], "choose": max}])
    with pytest.raises(PluginError, match="Counting has an entry in its groups that is no plain"):
        save(tmp_path, strange, network)
