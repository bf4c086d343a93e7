"""Discriminators: their sizes at the papers' widths, and what their scores depend on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench_core.modeling.discriminators import (
    FeatureDiscriminator,
    JointDiscriminator,
    MultiScaleDiscriminator,
    PatchDiscriminator,
)


def num_parameters(build: Callable[[], nn.Module]) -> int:
    with torch.device("meta"):
        return sum(value.numel() for value in build().parameters())


def num_macs(build: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> float:
    with torch.device("meta"):
        network = build()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(*(torch.empty(1, *shape) for shape in shapes))
    return int(counter.get_total_flops()) / 2


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (PatchDiscriminator, 11_155_392),
        (JointDiscriminator, 11_810_816),
        (MultiScaleDiscriminator, 1_380_802),
    ],
)
def test_they_have_the_parameters_of_the_fact_sheets(
    build: Callable[[], nn.Module], parameters: int
) -> None:
    assert num_parameters(build) == parameters


@pytest.mark.parametrize(
    ("build", "shapes", "macs"),
    [
        (PatchDiscriminator, [(3, 128, 128)], 0.550e9),
        (JointDiscriminator, [(3, 128, 128), (2048, 24, 12)], 0.621e9),
        (JointDiscriminator, [(3, 256, 128), (2048, 16, 8)], 1.183e9),
        (MultiScaleDiscriminator, [(3, 128, 64)], 0.067e9),
    ],
)
def test_they_cost_the_multiply_adds_of_the_fact_sheets(
    build: Callable[[], nn.Module], shapes: list[tuple[int, ...]], macs: float
) -> None:
    assert num_macs(build, *shapes) == pytest.approx(macs, rel=2e-2)


@pytest.mark.parametrize(("num_layers", "size"), [(4, (3, 2)), (2, (12, 8)), (0, (48, 32))])
def test_patches_are_scored_at_the_size_that_the_layers_leave(
    num_layers: int, size: tuple[int, int]
) -> None:
    scores = PatchDiscriminator(width=4, num_layers=num_layers)(torch.randn(2, 3, 96, 64))
    assert scores.shape == (2, 1, *size)


def test_each_scale_scores_half_the_size_of_the_one_before() -> None:
    scores = MultiScaleDiscriminator(width=4, num_layers=1, num_scales=3)(torch.randn(2, 3, 64, 32))
    assert [tuple(map_.shape) for map_ in scores] == [(2, 1, 16, 8), (2, 1, 8, 4), (2, 1, 4, 2)]


def test_a_scale_sees_the_image_at_half_size() -> None:
    network = MultiScaleDiscriminator(width=4, num_layers=1)
    images = torch.randn(2, 3, 32, 16)
    assert torch.equal(network(images)[0], network.scales[0](images))
    halved = nn.functional.avg_pool2d(images, 3, 2, 1, count_include_pad=False)
    assert torch.equal(network(images)[1], network.scales[1](halved))


def test_a_scale_reflects_at_every_border_where_asked() -> None:
    """The same weights on padded inputs; zeros are something else."""
    reflecting, plain = (
        MultiScaleDiscriminator(width=4, num_layers=1, padding=padding)
        for padding in ("reflect", "zeros")
    )
    plain.load_state_dict(reflecting.state_dict())
    images = seen = torch.randn(2, 3, 32, 16)
    for layer in reflecting.scales[0]:
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (4, 4):
            padded = nn.functional.pad(seen, (1, 1, 1, 1), mode="reflect")
            seen = nn.functional.conv2d(padded, layer.weight, layer.bias, stride=2)
        else:
            seen = layer(seen)
    torch.testing.assert_close(reflecting(images)[0], seen)
    for first, second in zip(reflecting(images), plain(images), strict=True):
        assert not torch.allclose(first, second)


@pytest.mark.parametrize("maps", [(6, 3), (4, 4), (24, 12)])
def test_a_joint_score_takes_its_size_from_the_image_and_maps_of_any_size(
    maps: tuple[int, int],
) -> None:
    network = JointDiscriminator(feature_channels=8, width=4)
    assert network(torch.randn(2, 3, 96, 64), torch.randn(2, 8, *maps)).shape == (2, 1, 3, 2)


def test_a_joint_score_depends_on_image_and_feature() -> None:
    network = JointDiscriminator(feature_channels=8, width=4)
    image, maps = torch.randn(1, 3, 64, 64), torch.randn(1, 8, 4, 4)
    image.requires_grad_()
    maps.requires_grad_()
    network(image, maps).square().sum().backward()
    for value in (image, maps):
        assert value.grad is not None
        assert bool((value.grad != 0).any())


@pytest.mark.parametrize("maps", [(6, 3), (16, 16), (24, 12)])
def test_feature_maps_of_any_size_are_scored_on_the_grid(maps: tuple[int, int]) -> None:
    network = FeatureDiscriminator(feature_channels=8, width=4, grid=(12, 8))
    assert network(torch.randn(2, 8, *maps)).shape == (2, 1, 3, 2)


def test_the_feature_discriminator_is_the_joint_one_without_its_image() -> None:
    """It lacks the image's convolutions and their 256 channels in the first joint one."""
    image_layers = 3_136 + 131_200 + 524_544
    unused = 256 * 512 * 16
    expected = 11_810_816 - image_layers - unused
    assert num_parameters(FeatureDiscriminator) == expected


@pytest.mark.parametrize(
    "network",
    [
        PatchDiscriminator(width=4, num_layers=2),
        MultiScaleDiscriminator(width=4, num_layers=2),
        JointDiscriminator(feature_channels=3, width=4),
        FeatureDiscriminator(feature_channels=3, width=4),
    ],
    ids=lambda network: type(network).__name__,
)
def test_an_input_is_scored_for_itself(network: nn.Module) -> None:
    inputs = torch.randn(3, 3, 64, 64)

    def score(images: torch.Tensor) -> torch.Tensor:
        joint = isinstance(network, JointDiscriminator)
        scores = network(images, images.flip(2)) if joint else network(images)
        first: torch.Tensor = scores if isinstance(scores, torch.Tensor) else scores[-1]
        return first

    alone = torch.cat([score(image[None]) for image in inputs])
    torch.testing.assert_close(alone, score(inputs), rtol=1e-4, atol=1e-5)


def test_convolutions_start_from_a_narrow_normal_and_zero_bias() -> None:
    torch.manual_seed(0)
    for module in JointDiscriminator(feature_channels=256, width=32).modules():
        if isinstance(module, nn.Conv2d):
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)
            assert module.bias is None or not bool(module.bias.any())
