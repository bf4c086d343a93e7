"""What of a step several processes cannot divide, and who is told.

That what they can divide is what one process computes, tests/bench_core/training shows.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from bench_core import PluginError
from bench_core.modeling.division import Division, average_gradients, going_backwards
from bench_core.system import process_group


@pytest.fixture(autouse=True)
def first_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes, of which this is one; nothing is exchanged before it is refused."""
    monkeypatch.setattr(process_group._Group, "number", 2)


class Network(nn.Module):
    """A layer, and what a test makes of it."""

    def __init__(self, change: Callable[..., torch.Tensor] = lambda values: values) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.change = change

    def forward(self, values: torch.Tensor, **options: torch.Tensor) -> torch.Tensor:
        return self.change(self.layer(values), *options.values())


BATCH = torch.rand(4, 3)


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (Network(torch.sum), {}, "returns something else than an entry for each of its batch"),
        (Network(lambda values: values[:1]), {}, "returns something else than an entry"),
        (Network(nn.functional.dropout), {}, r"draws random numbers other than by nn\.Dropout"),
        (Network(torch.add), {"other": torch.ones(3)}, "is given a tensor by name"),
    ],
)
def test_a_network_that_cannot_be_divided_is_refused(
    network: nn.Module, options: dict[str, torch.Tensor], message: str
) -> None:
    with Division(network).divided(), pytest.raises(PluginError, match=f"Network {message}"):
        network(BATCH, **options)


@pytest.mark.parametrize(
    "batch", [torch.rand(3, 3), torch.rand(3)], ids=["odd", "a single image's"]
)
def test_what_has_no_even_share_is_computed_whole(batch: torch.Tensor) -> None:
    network = Network(lambda values: values + torch.rand(1))
    with Division(network).divided():
        assert len(network(batch)) == 3


def test_a_loss_without_parameters_is_computed_whole() -> None:
    loss = nn.CrossEntropyLoss()
    with Division(Network()).divided():
        assert torch.equal(
            loss(BATCH, torch.arange(4) % 3),
            nn.functional.cross_entropy(BATCH, torch.arange(4) % 3),
        )


class OwnNormalization(nn.BatchNorm1d):
    """Statistics of its own."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return super().forward(values)


@pytest.mark.parametrize(
    "network", [OwnNormalization(3), nn.InstanceNorm1d(3, track_running_stats=True)]
)
def test_a_normalisation_of_its_own_is_refused(network: nn.Module) -> None:
    with pytest.raises(
        PluginError, match=rf"'inner' \({type(network).__name__}\) keeps statistics"
    ):
        Division(nn.ModuleDict({"inner": network}))


def test_a_recomputation_that_is_not_ours_is_refused() -> None:
    network = Network()
    output = checkpoint(network.layer, BATCH.clone().requires_grad_(), use_reentrant=False)
    with (
        Division(network).divided(),
        going_backwards(),
        pytest.raises(PluginError, match=r"not by bench_core\.methods\.recompute"),
    ):
        output.sum().backward()


def test_afterwards_networks_are_as_they_were() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout())
    with Division(network).divided():
        assert all("forward" in network[place].__dict__ for place in (1, 2))
    assert not any("forward" in module.__dict__ for module in network)
    assert len(network(BATCH)) == 4


def test_outside_of_a_divided_step_gradients_stay_as_they_are() -> None:
    network = Network()
    network(BATCH).sum().backward()
    before = network.layer.weight.grad
    assert before is not None
    kept = before.clone()
    average_gradients(network.parameters())
    assert torch.equal(before, kept)
