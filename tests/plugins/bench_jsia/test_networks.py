"""The networks of the generation module: what each computes, and what it looks at."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from bench_jsia.networks import (
    STYLE_FEATURES,
    AdaptiveResidualBlock,
    Decoder,
    GreyNormalization,
    StyleEncoder,
    adaptive_normalization,
)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_adain_replaces_mean_and_deviation_of_each_channel_of_each_image() -> None:
    maps, modulation = random(3, 2, 5, 4) * 3 + 1, random(3, 2, 2, seed=1)
    result = adaptive_normalization(maps, modulation)
    for image in range(3):
        for channel in range(2):
            values = maps[image, channel]
            shift, scale = modulation[image, :, channel]
            expected = (values - values.mean()) / values.std(correction=0) * scale + shift
            assert torch.allclose(result[image, channel], expected, atol=1e-4)


def test_a_residual_block_adds_two_modulated_convolutions() -> None:
    torch.manual_seed(0)
    block, maps, modulation = AdaptiveResidualBlock(3), random(2, 3, 6, 5), random(2, 2, 2, 3)
    change = adaptive_normalization(block.first(maps), modulation[:, 0]).clamp(min=0)
    change = adaptive_normalization(block.second(change), modulation[:, 1])
    assert torch.allclose(block(maps, modulation), maps + change, atol=1e-5)
    assert bool((change < 0).any())  # no activation behind the second


def test_convolutions_reflect_at_the_border() -> None:
    block = AdaptiveResidualBlock(1)
    with torch.no_grad():
        for parameter in block.first.parameters():
            parameter.zero_()
        block.first.weight[0, 0, 0, 0] = 1
    maps = torch.arange(12.0).view(1, 1, 3, 4)
    shifted = functional.pad(maps, (1, 1, 1, 1), mode="reflect")[..., :-2, :-2]
    assert torch.equal(block.first(maps), shifted)


@pytest.mark.parametrize(("num_upsamplings", "size"), [(1, (12, 8)), (2, (24, 16))])
def test_a_decoder_doubles_the_maps_and_ends_in_an_image(
    num_upsamplings: int, size: tuple[int, int]
) -> None:
    decoder = Decoder(8, num_blocks=2, num_upsamplings=num_upsamplings)
    images = decoder(random(3, 8, 6, 4), random(3, STYLE_FEATURES))
    assert images.shape == (3, 3, *size)
    assert bool((images.abs() < 1).all())


def test_a_decoder_treats_every_image_for_itself() -> None:
    torch.manual_seed(0)
    decoder = Decoder(8, num_blocks=2)
    maps, styles = random(4, 8, 6, 4), random(4, STYLE_FEATURES, seed=1)
    together = decoder(maps, styles)
    for index in range(4):
        alone = decoder(maps[index : index + 1], styles[index : index + 1])
        assert torch.allclose(alone[0], together[index], atol=1e-5)


def test_style_and_content_both_change_the_image() -> None:
    torch.manual_seed(0)
    decoder = Decoder(8, num_blocks=1)
    maps, styles = random(1, 8, 6, 4), random(1, STYLE_FEATURES)
    image = decoder(maps, styles)
    assert (decoder(maps, styles + 1) - image).abs().mean() > 0.01
    assert (decoder(maps.flip(3), styles) - image).abs().mean() > 0.01


def test_every_adain_has_parameters_of_its_own() -> None:
    torch.manual_seed(0)
    decoder = Decoder(4, num_blocks=3)
    seen: list[torch.Tensor] = []
    for block in decoder.blocks:
        block.register_forward_hook(lambda *args: seen.append(args[1][1]))
    style = random(2, STYLE_FEATURES)
    decoder(random(2, 4, 6, 4), style)
    made = decoder.modulation(style)
    assert made.shape == (2, 3 * 2 * 2 * 4)
    assert torch.equal(torch.cat([part.flatten(1) for part in seen], 1), made)


@pytest.mark.parametrize("num_downsamplings", [2, 4])
def test_a_style_forgets_where_things_are(num_downsamplings: int) -> None:
    torch.manual_seed(0)
    encoder = StyleEncoder(width=4, num_downsamplings=num_downsamplings)
    images = random(2, 3, 32, 32)
    styles = encoder(images)
    assert styles.shape == (2, STYLE_FEATURES)
    maps = encoder.layers(images)
    assert maps.shape[2] == 32 / 2**num_downsamplings
    assert torch.allclose(encoder.project(maps.mean((2, 3))), styles)
    assert torch.allclose(encoder.project(maps.flip(2).mean((2, 3))), styles, atol=1e-5)


def test_grey_is_the_luma_of_the_normalised_image_three_times() -> None:
    grey = GreyNormalization()
    images = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    for y in range(4):
        pixel = (images[1, :, y, 2] - mean) / std
        expected = 0.2989 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
        assert torch.allclose(grey(images)[1, :, y, 2], expected.repeat(3), atol=1e-5)


def test_networks_start_for_relu_or_as_pytorch_and_the_authors_have_them() -> None:
    """PyTorch draws weights and biases uniformly, within 1 / sqrt(inputs of an output)."""
    torch.manual_seed(0)
    decoders = {start: Decoder(64, num_blocks=1, start=start) for start in ("he", "default")}
    inputs = 64 * 3 * 3
    he, default = (decoders[start].blocks[0].first for start in ("he", "default"))
    assert he.weight.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.05)
    assert not bool(he.bias.any())
    assert default.weight.std().item() == pytest.approx((3 * inputs) ** -0.5, rel=0.05)
    assert 0 < default.bias.abs().max().item() <= inputs**-0.5
    scales = {start: decoder.upsample[2].weight for start, decoder in decoders.items()}
    assert bool((scales["he"] == 1).all())
    assert 0 <= scales["default"].min() < 0.2
    assert 0.8 < scales["default"].max() <= 1
    assert not bool(decoders["default"].upsample[2].bias.any())


def test_a_style_encoder_starts_alike() -> None:
    torch.manual_seed(0)
    encoders = {start: StyleEncoder(start=start) for start in ("he", "default")}
    assert not bool(encoders["he"].project.bias.any())
    assert bool(encoders["default"].project.bias.any())
