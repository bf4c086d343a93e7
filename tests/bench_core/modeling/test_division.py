"""What of a step cannot be divided, and who is told; and what parts of a batch leave behind.

That what several processes and parts compute is what one computes at once, the tests of
bench_core.training show for every method.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torchvision.models.densenet import _DenseBlock
from torchvision.models.resnet import BasicBlock

from bench_core import PluginError
from bench_core.modeling.division import Division
from bench_core.modeling.sharing import Sharing, going_backwards
from bench_core.profiling.memory import peak_memory
from bench_core.system import process_group


@pytest.fixture
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


@pytest.mark.usefixtures("first_of_two")
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


@pytest.mark.usefixtures("first_of_two")
@pytest.mark.parametrize(
    "batch", [torch.rand(3, 3), torch.rand(3)], ids=["odd", "a single image's"]
)
def test_what_has_no_even_share_is_computed_whole(batch: torch.Tensor) -> None:
    network = Network(lambda values: values + torch.rand(1))
    with Division(network).divided():
        assert len(network(batch)) == 3


@pytest.mark.usefixtures("first_of_two")
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


@pytest.mark.usefixtures("first_of_two")
@pytest.mark.parametrize(
    "network", [OwnNormalization(3), nn.InstanceNorm1d(3, track_running_stats=True)]
)
def test_a_normalisation_of_its_own_is_refused(network: nn.Module) -> None:
    with pytest.raises(
        PluginError, match=rf"'inner' \({type(network).__name__}\) keeps statistics"
    ):
        Division(nn.ModuleDict({"inner": network}))


@pytest.mark.usefixtures("first_of_two")
def test_a_recomputation_that_is_not_ours_is_refused() -> None:
    network = Network()
    output = checkpoint(network.layer, BATCH.clone().requires_grad_(), use_reentrant=False)
    with (
        Division(network).divided(),
        going_backwards(),
        pytest.raises(PluginError, match=r"not by bench_core\.methods\.recompute"),
    ):
        output.sum().backward()


@pytest.mark.usefixtures("first_of_two")
def test_afterwards_networks_are_as_they_were() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout())
    with Division(network).divided():
        assert all("forward" in network[place].__dict__ for place in (1, 2))
    assert not any("forward" in module.__dict__ for module in network)
    assert len(network(BATCH)) == 4


class Counted(nn.Module):
    """Layers whose images are independent, with draws; counts how often it runs, on how many."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.3)
        )
        self.sizes: list[int] = []

    def forward(self, images: torch.Tensor, *_: str) -> dict[str, torch.Tensor]:
        self.sizes.append(len(images))
        return {"maps": self.layers(images.mul_(2))}


def images() -> torch.Tensor:
    return torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()


def trained(network: nn.Module, sharing: Sharing) -> list[torch.Tensor]:
    """Take a step; return what it leaves behind, the random state among it."""
    torch.manual_seed(1)
    inputs = images()
    with Division(network, sharing).divided():
        maps = network(inputs.clone(), "a name")["maps"]
        with going_backwards():
            maps.square().mean().backward()
    assert inputs.grad is not None
    gradients = [each.grad for each in network.parameters() if each.grad is not None]
    return [maps, inputs.grad, *gradients, torch.get_rng_state()]


def test_parts_draw_what_the_whole_draws_and_each_is_computed_again() -> None:
    torch.manual_seed(0)
    network = Counted()
    whole = trained(network, Sharing())
    network.zero_grad()
    parts = trained(network, Sharing(parts=3))
    for one, other in zip(whole, parts, strict=True):
        assert torch.allclose(one.double(), other.double(), atol=1e-6)
    assert network.sizes == [6] + 6 * [2]


def test_without_gradients_parts_run_once() -> None:
    network = Counted()
    with Division(network, Sharing(parts=4)).divided(), torch.no_grad():
        network(images().detach())
    assert network.sizes == [2, 2, 2]  # the most parts up to four that are even


def test_what_a_batch_has_in_common_is_computed_again_by_blocks() -> None:
    torch.manual_seed(0)
    dense = _DenseBlock(2, 4, bn_size=2, growth_rate=2, drop_rate=0.0)
    plain = copy.deepcopy(dense)
    inputs = torch.rand(4, 4, 8, 8)
    calls: list[int] = []
    for layer in dense.children():
        layer.register_forward_hook(lambda _, given, __: calls.append(len(given[0])))
    with Division(dense, Sharing(parts=2)).divided():
        output = dense(inputs)
        output.square().sum().backward()
    plain(inputs).square().sum().backward()
    assert sorted(calls) == [1, 1, 2, 2]  # the list of maps is as long again as it was
    for one, other in zip(dense.parameters(), plain.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.equal(one.grad, other.grad)
    for name, value in plain.state_dict().items():
        assert torch.equal(dense.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("network", "sharing", "share"),
    [
        (nn.Sequential(*(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.Tanh())
                         for _ in range(6))), Sharing(parts=4), 0.6),
        (nn.Sequential(*(BasicBlock(8, 8) for _ in range(6))), Sharing(parts=4), 0.6),
        (nn.Sequential(*(BasicBlock(8, 8) for _ in range(6))),
         Sharing(parts=4, statistics="share"), 0.6),
    ],
    ids=["independent images", "statistics of the batch", "statistics of a share"],
)  # fmt: skip
def test_less_memory_is_taken(network: nn.Module, sharing: Sharing, share: float) -> None:
    maps = torch.rand(16, 8, 16, 16)

    def step(sharing: Sharing) -> None:
        with Division(network, sharing).divided():
            network(maps).square().mean().backward()

    plain, parts = (
        peak_memory(partial(step, each), torch.device("cpu"), [maps])
        for each in (Sharing(), sharing)
    )
    assert parts < share * plain
