"""What a step function may do with parameters."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench_core import PluginError
from bench_core.training.updates import Updates


def test_a_step_changes_the_named_optimisers_parameters_alone() -> None:
    networks = {name: nn.Linear(2, 2) for name in ("generator", "critic", "other")}
    optimizers = {
        name: torch.optim.SGD(network.parameters(), lr=0.1) for name, network in networks.items()
    }
    before = {name: network.weight.clone() for name, network in networks.items()}
    loss = torch.stack([network(torch.ones(1, 2)).sum() for network in networks.values()]).sum()
    Updates(optimizers).minimize({"sum": loss}, "generator", "critic")
    changed = {
        name for name, network in networks.items() if not torch.equal(network.weight, before[name])
    }
    assert changed == {"generator", "critic"}


def layer(weight: float) -> nn.Linear:
    made = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        made.weight.fill_(weight)
    return made


def updates_of(**networks: nn.Module) -> Updates:
    return Updates(
        {name: torch.optim.SGD(network.parameters(), lr=0.1) for name, network in networks.items()}
    )


def weight_of(network: nn.Linear) -> float:
    return network.weight.item()


def test_a_step_goes_down_the_gradient() -> None:
    first, second = layer(2.0), layer(3.0)
    loss = second(first(torch.ones(1, 1))).sum()
    updates_of(first=first, second=second).minimize({"sum": loss}, "first", "second")
    assert weight_of(first) == pytest.approx(2 - 0.1 * 3)
    assert weight_of(second) == pytest.approx(3 - 0.1 * 2)


def test_a_loss_passes_through_another_network_and_leaves_nothing_there() -> None:
    generator, discriminator = layer(2.0), layer(3.0)
    updates = updates_of(generator=generator, discriminator=discriminator)
    updates.minimize({"fake": discriminator(generator(torch.ones(1, 1))).sum()}, "generator")
    assert weight_of(generator) == pytest.approx(1.7)
    assert weight_of(discriminator) == 3
    assert discriminator.weight.grad is None


def test_gradients_of_an_earlier_loss_are_gone() -> None:
    network = layer(2.0)
    updates = updates_of(network=network)
    for _ in range(2):
        updates.minimize({"sum": network(torch.ones(1, 1)).sum()}, "network")
    assert weight_of(network) == pytest.approx(2 - 2 * 0.1)


def test_the_gradients_of_other_optimisers_stay_as_they_are() -> None:
    network, other = layer(2.0), layer(3.0)
    other.weight.grad = torch.tensor([[7.0]])
    updates_of(network=network, other=other).minimize(
        {"sum": network(torch.ones(1, 1)).sum()}, "network"
    )
    assert other.weight.grad.item() == 7


def test_a_network_that_a_loss_does_not_reach_stays_as_it_is() -> None:
    network, unused = layer(2.0), layer(3.0)
    updates_of(network=network, unused=unused).minimize(
        {"sum": network(torch.ones(1, 1)).sum()}, "network", "unused"
    )
    assert weight_of(unused) == 3


def test_weight_gradients_of_other_networks_are_not_computed() -> None:
    generator, discriminator = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)
    updates = updates_of(generator=generator, discriminator=discriminator)
    flops = []
    for names in (("generator", "discriminator"), ("generator",), ("discriminator",)):
        loss = discriminator(generator(torch.ones(1, 3, 8, 8))).sum()
        with FlopCounterMode(display=False) as counter:
            updates.minimize({"sum": loss}, *names)
        flops.append(counter.get_total_flops())
    both, of_generator, of_discriminator = flops
    # Both: two weight gradients, and the gradient that passes between the networks.
    assert of_discriminator < of_generator < both


def test_two_losses_may_share_a_graph() -> None:
    shared, first, second = layer(2.0), layer(3.0), layer(5.0)
    updates = updates_of(shared=shared, first=first, second=second)
    hidden = shared(torch.ones(1, 1))
    updates.minimize({"first": first(hidden).sum()}, "first", retain_graph=True)
    updates.minimize({"second": second(hidden).sum()}, "shared", "second")
    assert weight_of(first) == pytest.approx(3 - 0.1 * 2)
    assert weight_of(shared) == pytest.approx(2 - 0.1 * 5)
    assert weight_of(second) == pytest.approx(5 - 0.1 * 2)


def test_several_losses_of_one_graph_each_teach_their_own_optimisers() -> None:
    shared, first, second = layer(2.0), layer(3.0), layer(5.0)
    updates = updates_of(shared=shared, first=first, second=second)
    hidden = shared(torch.ones(1, 1))
    updates.minimize_together(
        ({"near": first(hidden).sum()}, ("shared", "first")),
        ({"far": first(second(hidden)).sum()}, ("first", "second")),
    )
    assert weight_of(shared) == pytest.approx(2 - 0.1 * 3)  # nothing of the second loss
    assert weight_of(first) == pytest.approx(3 - 0.1 * (2 + 2 * 5))  # one step on their sum
    assert weight_of(second) == pytest.approx(5 - 0.1 * (2 * 3))


def test_gradients_of_an_earlier_step_are_gone_before_several_losses() -> None:
    network = layer(2.0)
    updates = updates_of(network=network)
    for _ in range(2):
        hidden = network(torch.ones(1, 1))
        updates.minimize_together(
            ({"once": hidden.sum()}, ("network",)), ({"twice": 2 * hidden.sum()}, ("network",))
        )
    assert weight_of(network) == pytest.approx(2 - 2 * 0.1 * 3)


def test_losses_are_weighted_and_come_back_with_their_total() -> None:
    first, second = layer(2.0), layer(3.0)
    updates = updates_of(first=first, second=second)
    losses = {"first": first(torch.ones(1, 1)).sum(), "second": second(torch.ones(1, 1)).sum()}
    weights = {"first": 4.0, "second": 0.5, "of another variant": 7.0}
    logged = updates.minimize(losses, "first", "second", weights=weights)
    assert weight_of(first) == pytest.approx(2 - 0.1 * 4)
    assert weight_of(second) == pytest.approx(3 - 0.1 * 0.5)
    assert {name: loss.item() for name, loss in logged.items()} == {
        "total": 4 * 2 + 0.5 * 3,
        "first": 2,
        "second": 3,
    }
    assert next(iter(logged)) == "total"  # a narrow progress bar shows the first


def test_without_weights_each_loss_counts_once() -> None:
    network = layer(2.0)
    losses = {name: network(torch.ones(1, 1)).sum() for name in ("identity", "triplet")}
    assert updates_of(network=network).minimize(losses, "network")["total"].item() == 4
    assert weight_of(network) == pytest.approx(2 - 0.1 * 2)


def test_a_loss_of_weight_zero_is_logged_and_teaches_nothing() -> None:
    network = layer(2.0)
    losses = {name: network(torch.ones(1, 1)).sum() for name in ("identity", "gan")}
    weights = {"identity": 1.0, "gan": 0.0}
    logged = updates_of(network=network).minimize(losses, "network", weights=weights)
    assert (logged["gan"].item(), logged["total"].item()) == (2, 2)
    assert weight_of(network) == pytest.approx(2 - 0.1)


def test_totals_of_a_stage_with_several_optimisers_bear_their_names() -> None:
    """So that a step can log the total of each of its updates."""
    generator, critic = layer(2.0), layer(3.0)
    updates = updates_of(generator=generator, critic=critic)

    def loss() -> dict[str, torch.Tensor]:
        return {"score": critic(generator(torch.ones(1, 1))).sum()}

    assert list(updates.minimize(loss(), "critic")) == ["total-critic", "score"]
    assert list(updates.minimize(loss(), "generator")) == ["total-generator", "score"]
    assert list(updates.minimize(loss(), "generator", "critic")) == ["total", "score"]


def test_several_losses_of_one_graph_are_weighted_and_have_one_total() -> None:
    network, other, third = layer(2.0), layer(3.0), layer(5.0)
    updates = updates_of(network=network, other=other, third=third)
    hidden = network(torch.ones(1, 1))
    logged = updates.minimize_together(
        ({"near": hidden.sum()}, ("network",)),
        ({"far": other(hidden).sum()}, ("other",)),
        weights={"near": 2.0, "far": 10.0},
    )
    assert {name: loss.item() for name, loss in logged.items()} == {
        "total-network-other": 2 * 2 + 10 * 6,
        "near": 2,
        "far": 6,
    }
    assert weight_of(network) == pytest.approx(2 - 0.1 * 2)
    assert weight_of(other) == pytest.approx(3 - 0.1 * 10 * 2)


@pytest.mark.parametrize("call", ["minimize", "minimize_together"])
def test_an_optimiser_that_the_stage_has_not_is_named(call: str) -> None:
    network = layer(1.0)
    updates, loss = updates_of(generator=network), network(torch.ones(1, 1)).sum()
    losses = {"sum": loss}
    given = (losses, "generatr") if call == "minimize" else ((losses, ("generatr",)),)
    with pytest.raises(
        PluginError, match=r"unknown optimizer 'generatr'; did you mean 'generator'"
    ):
        getattr(updates, call)(*given)


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ({"gap": 0.5}, "was given a float as the loss 'gap'; it needs scalar tensors by name"),
        (
            {"gap": torch.zeros(3, requires_grad=True)},
            r"was given a tensor of shape \(3,\) as the loss 'gap'",
        ),
        (
            {"gap": torch.zeros(()), "id": torch.zeros(())},
            r"was given losses without a gradient \(gap, id\)",
        ),
        (torch.ones(()), r"was given a tensor of shape \(\); it needs losses by name"),
        ({}, "was given a dict; it needs losses by name"),
    ],
)
def test_losses_that_are_none_are_named(losses: object, message: str) -> None:
    with pytest.raises(PluginError, match=f"updates.minimize {message}"):
        updates_of(all=layer(1.0)).minimize(losses, "all")  # type: ignore[arg-type]


def test_a_loss_without_a_weight_is_named() -> None:
    network = layer(1.0)
    losses = {"tripet": network(torch.ones(1, 1)).sum()}
    with pytest.raises(PluginError, match="the loss 'tripet', but for identity, triplet; "):
        updates_of(all=network).minimize(losses, "all", weights={"identity": 1, "triplet": 0.5})
    assert weight_of(network) == 1


def test_a_step_frees_its_graph_unless_another_loss_needs_it() -> None:
    first, second = layer(2.0), layer(3.0)
    updates = updates_of(first=first, second=second)
    loss = second(first(torch.ones(1, 1))).sum()
    updates.minimize({"sum": loss}, "first")
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()  # type: ignore[no-untyped-call]


def test_several_losses_free_their_graph() -> None:
    first, second = layer(2.0), layer(3.0)
    updates = updates_of(first=first, second=second)
    hidden = first(torch.ones(1, 1))
    one, other = second(hidden).sum(), second(2 * hidden).sum()
    updates.minimize_together(({"one": one}, ("first",)), ({"other": other}, ("second",)))
    with pytest.raises(RuntimeError, match="second time"):
        other.backward()  # type: ignore[no-untyped-call]


def test_a_network_that_only_an_earlier_loss_reached_rests() -> None:
    """A gradient of zeros would let Adam go on along its moments."""
    reached, idle = layer(2.0), layer(3.0)
    both = [*reached.parameters(), *idle.parameters()]
    updates = Updates({"both": torch.optim.Adam(both, lr=0.1)})
    ones = torch.ones(1, 1)
    updates.minimize({"sum": reached(ones).sum() + idle(ones).sum()}, "both")
    before = weight_of(idle)
    updates.minimize({"sum": reached(ones).sum()}, "both")
    assert weight_of(idle) == before
    assert idle.weight.grad is None


def test_gradients_are_computed_outside_autocast() -> None:
    network, seen = layer(2.0), []
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = network(torch.ones(1, 1)).float()
        output.register_hook(lambda _: seen.append(torch.is_autocast_enabled("cpu")))
        updates_of(network=network).minimize({"sum": output.sum()}, "network")
    assert seen == [False]
