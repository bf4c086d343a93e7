"""Recomputed activations change memory and time, and nothing else."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

from bench_core.modeling.backbones import build_backbone
from bench_core.modeling.generators import ResidualGenerator
from bench_core.modeling.recomputation import (
    recompute,
    recompute_blocks,
    recomputed,
    running_statistics_kept,
)

Run = Callable[[nn.Module, torch.Tensor], torch.Tensor]

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "small backbone": lambda: build_backbone("small").body,
    "generator": lambda: ResidualGenerator(width=4, num_blocks=2, running_statistics=True).layers,
}


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name]()


def images() -> torch.Tensor:
    return torch.rand(5, 3, 32, 16, generator=torch.Generator().manual_seed(0))


def trained(network: nn.Module, run: Run) -> dict[str, torch.Tensor]:
    """Take two steps and return all that they leave behind."""
    inputs = images().requires_grad_()
    for _ in range(2):
        output = run(network, inputs)
        output.square().mean().backward()  # type: ignore[no-untyped-call]
    assert inputs.grad is not None
    gradients = {f"{name}.grad": p.grad for name, p in network.named_parameters()}
    left = {"output": output, "input.grad": inputs.grad, **network.state_dict(), **gradients}
    return {name: value.detach() for name, value in left.items() if value is not None}


def kept_bytes(network: nn.Module, run: Run) -> int:
    """Count what one forward pass keeps for its backward pass, without the parameters."""
    kept: dict[int, int] = {}
    own = {parameter.data_ptr() for parameter in network.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in own:
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = run(network, images().requires_grad_())
    output.sum().backward()  # type: ignore[no-untyped-call]
    return sum(kept.values())


@pytest.mark.parametrize("run", [recompute, recompute_blocks])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("training", [True, False])
def test_results_gradients_and_statistics_are_the_same_bits(
    name: str, run: Run, training: bool
) -> None:
    network = made(name).train(training)
    plain = trained(copy.deepcopy(network), lambda network, inputs: network(inputs))
    again = trained(network, run)
    assert plain.keys() == again.keys()
    for key, value in plain.items():
        assert torch.equal(again[key], value), key


@pytest.mark.parametrize("name", NETWORKS)
def test_less_is_kept(name: str) -> None:
    network = made(name)
    plain = kept_bytes(network, lambda network, inputs: network(inputs))
    assert kept_bytes(network, recompute) < kept_bytes(network, recompute_blocks) < plain


def test_what_has_layers_and_is_no_sequence_is_one_block() -> None:
    block = BasicBlock(4, 4)
    calls: list[int] = []
    block.conv1.register_forward_hook(lambda *_: calls.append(1))
    maps = torch.ones(2, 4, 8, 8, requires_grad=True)
    recompute_blocks(nn.Sequential(nn.Sequential(block)), maps).sum().backward()  # type: ignore[no-untyped-call]
    assert len(calls) == 2


def test_a_single_layer_runs_once() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    calls: list[int] = []
    network[0].register_forward_hook(lambda *_: calls.append(1))
    recompute_blocks(network, images()).sum().backward()  # type: ignore[no-untyped-call]
    assert len(calls) == 1


def test_draws_are_made_again_and_the_next_ones_are_others() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    results = []
    for run in (lambda network, inputs: network(inputs), recompute):
        torch.manual_seed(0)
        inputs = torch.rand(8, 3).requires_grad_()
        run(network, inputs).sum().backward()
        results.append((inputs.grad, torch.rand(3)))
    for plain, again in zip(*results, strict=True):
        assert torch.equal(plain, again)


def test_lists_that_grow_later_are_taken_as_they_were() -> None:
    maps = [torch.ones(2, 3, requires_grad=True)]
    layer = nn.Linear(3, 3)

    class Sum(nn.Module):
        def forward(self, given: list[torch.Tensor]) -> torch.Tensor:
            return layer(torch.stack(given).sum(0)).square()

    network = Sum()
    output = recomputed(network, network, maps)
    maps.append(output)
    output.sum().backward()
    assert maps[0].grad is not None


@pytest.mark.parametrize("fails", [True, False])
def test_running_statistics_are_kept_in_a_block_and_updated_after_it(fails: bool) -> None:
    network = made("small backbone")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    plain = copy.deepcopy(network)(images())
    with contextlib.suppress(ZeroDivisionError), running_statistics_kept(network):
        assert torch.equal(network(images()), plain)
        if fails:
            raise ZeroDivisionError
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
    network(images())
    changed = {
        name for name, value in network.state_dict().items() if (value != before[name]).any()
    }
    assert {name.rpartition(".")[2] for name in changed} == {
        "running_mean",
        "running_var",
        "num_batches_tracked",
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_a_graph_that_is_kept_serves_several_backward_passes(name: str) -> None:
    """As where two losses of one graph each teach their own networks."""
    results = []
    for run in (lambda network, inputs: network(inputs), recompute):
        network = made(name)
        output = run(network, images())
        for loss in (output.square().mean(), output.abs().mean()):
            loss.backward(retain_graph=True)
        gradients = {n: p.grad for n, p in network.named_parameters()}
        results.append({**network.state_dict(), **gradients})
    for key, value in results[0].items():
        assert torch.equal(value, results[1][key]), key
