"""DNS's shifts and two-stream network, and how large they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from bench_core import INFRARED, VISIBLE
from bench_core.methods import build_backbone
from bench_dns.config import DNSConfig
from bench_dns.method import DNS
from bench_dns.networks import ChannelShift, ShiftedTwoStream, SpaceShift

Choose = Callable[..., DNSConfig]
Make = Callable[..., DNS]


def size_of(*modules: nn.Module) -> int:
    return sum(value.numel() for module in modules for value in module.parameters())


def test_a_shift_is_an_outer_product_that_sums_to_one() -> None:
    torch.manual_seed(0)
    maps = torch.rand(2, 3, 4, 5)
    shift = SpaceShift.shift(maps)
    torch.testing.assert_close(shift.sum((2, 3)), torch.ones(2, 3))
    rows = torch.tensor([maps[1, 2, row].max().item() for row in range(4)]).softmax(0)
    columns = torch.tensor([maps[1, 2, :, column].max().item() for column in range(5)]).softmax(0)
    torch.testing.assert_close(shift[1, 2], torch.outer(rows, columns))


def test_space_shift_weighs_maps_by_rows_and_columns_of_the_shifted_ones() -> None:
    torch.manual_seed(0)
    shift, maps = SpaceShift(16).eval(), torch.rand(2, 16, 4, 3)
    shifted = maps + SpaceShift.shift(maps)
    convolution, normalization, _ = shift.joint

    def seen(means: torch.Tensor) -> torch.Tensor:
        inner = torch.einsum("bcn,dc->bdn", means, convolution.weight[:, :, 0, 0])
        inner = inner / (1 + normalization.eps) ** 0.5
        return inner * (inner + 3).clamp(0, 6) / 6

    by_row = torch.einsum("bdn,cd->bcn", seen(shifted.mean(3)), shift.of_rows.weight[:, :, 0, 0])
    by_column = torch.einsum(
        "bdn,cd->bcn", seen(shifted.mean(2)), shift.of_columns.weight[:, :, 0, 0]
    )
    expected = maps * by_row.sigmoid()[:, :, :, None] * by_column.sigmoid()[:, :, None, :]
    torch.testing.assert_close(shift(maps), expected)


def test_rows_and_columns_are_normalised_together() -> None:
    shift, maps = SpaceShift(16), torch.rand(2, 16, 4, 3)
    seen: list[torch.Size] = []
    shift.joint[1].register_forward_hook(lambda *args: seen.append(args[2].shape))
    shift(maps)
    assert seen == [(2, 8, 7, 1)]


def test_channel_shift_adds_the_softmax_over_channels_to_what_two_layers_see() -> None:
    torch.manual_seed(0)
    shift, features = ChannelShift(8).eval(), torch.randn(3, 8)
    normalization, first, _, _, second, _ = shift.layers
    shifted = features + features.exp() / features.exp().sum(1, keepdim=True)
    inner = nn.functional.gelu(first(normalization(shifted)))
    torch.testing.assert_close(shift(features), second(inner))
    assert [layer.p for layer in shift.layers if isinstance(layer, nn.Dropout)] == [0.01, 0.01]


@pytest.mark.parametrize("name", ["small", "densenet121"])
def test_stages_three_and_four_are_shared_and_each_has_its_shift(name: str) -> None:
    torch.manual_seed(0)
    network = ShiftedTwoStream(build_backbone(name), shifted=True).eval()  # type: ignore[arg-type]
    backbone = build_backbone(name)  # type: ignore[arg-type]
    images = torch.rand(1, 3, 64, 32)
    for modality in (VISIBLE, INFRARED):
        middle = network.two_stream.stems[modality](images)
        assert middle.shape[1] == backbone.stage_channels[1]
        third = network.layer3(middle)
        assert third.shape[1] == backbone.stage_channels[2]
        maps = network.shifts["stage4"](network.layer4(network.shifts["stage3"](third)))
        torch.testing.assert_close(network(images, modality), maps)
        assert maps.min() >= 0


def test_both_modalities_pass_what_is_shared_together(make: Make) -> None:
    network = make().networks["learner"].eval()
    visible, infrared = torch.rand(2, 2, 3, 32, 16)
    expected = torch.cat([network(visible, VISIBLE), network(infrared, INFRARED)])
    torch.testing.assert_close(network.both(visible, infrared), expected)


def test_the_networks_are_as_large_as_the_authors_without_their_dead_copy(
    config_of: Choose,
) -> None:
    """The authors keep layers 1 and 2 of the shared copy, which nothing runs."""
    with torch.device("meta"):
        method = DNS(config_of("paper"), num_identities=395)
        dead = size_of(*build_backbone("resnet50").body[4:6])
    assert dead == 1_435_392
    assert size_of(method.networks) == 64_497_728 - dead == 63_062_336
    networks = method.networks
    shifts = networks["learner"].shifts
    assert (size_of(shifts["stage3"]), size_of(shifts["stage4"])) == (98_368, 393_344)
    assert size_of(networks["channel_shift"]) == 33_568_768
    assert size_of(networks["learner"], networks["neck"].normalization) == 25_448_768
    assert size_of(networks["neck"].classifier, networks["classifiers"]) == 5 * 2048 * 395


def test_the_shift_of_the_neck_learns(make: Make) -> None:
    normalization = make().networks["neck"].normalization
    assert normalization.bias.requires_grad
    assert 0.005 < normalization.weight.std() < 0.02


@pytest.mark.parametrize(
    ("variant", "spatial", "names"),
    [
        ("full", True, {"channel_shift", "classifiers"}),
        ("baseline", False, set()),
        ("hss", True, set()),
        ("hss-css-da", True, {"channel_shift"}),
        ("hss-css-dd", True, {"channel_shift", "classifiers"}),
        ("without-css", True, {"classifiers"}),
    ],
)
def test_a_variant_has_the_parts_it_is_named_for(
    variant: str, spatial: bool, names: set[str], make: Make
) -> None:
    networks = make(variant).networks
    assert set(networks) - {"normalization", "learner", "neck"} == names
    assert set(networks["learner"].shifts) == ({"stage3", "stage4"} if spatial else set())
