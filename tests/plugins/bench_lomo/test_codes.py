"""Colours, textures and Retinex of single pixels, against what a reader can check."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
import torch

from bench_lomo.codes import color_codes, color_levels, hsv, luma, texture_codes
from bench_lomo.retinex import MultiScaleRetinex, smoothing


def test_hue_saturation_and_value_are_those_of_the_standard_library() -> None:
    pixels = torch.randint(0, 256, (1, 3, 12, 10), generator=torch.Generator().manual_seed(0))
    pixels[:, 1, :4] = pixels[:, 0, :4]
    pixels[:, :, 0] = pixels[:, :1, 0]
    found = hsv(pixels / 255)[0].permute(1, 2, 0).reshape(-1, 3)
    colors = pixels[0].permute(1, 2, 0).reshape(-1, 3).tolist()
    expected = [colorsys.rgb_to_hsv(*(value / 255 for value in color)) for color in colors]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_levels_and_codes() -> None:
    """Red, white, black, and a dark green of hue 1/3: levels 2, 7 and 3."""
    pixels = torch.tensor([[255, 0, 0], [255, 255, 255], [0, 0, 0], [0, 100, 0]]).float()
    levels = color_levels(pixels.T.reshape(1, 3, 1, 4))
    expected = [[0, 7, 7], [0, 0, 7], [0, 0, 0], [2, 7, 3]]
    assert levels[0, :, 0].T.tolist() == expected
    assert color_codes(levels)[0, 0].tolist() == [8 * 7 + 64 * 7, 64 * 7, 0, 2 + 8 * 7 + 64 * 3]


@pytest.mark.parametrize(
    ("neighbours", "code"),
    [
        # right, up, left, down of a centre of 10: bounds are 7 and 13, and no digit at a bound
        ((7, 7, 13, 13), 0),
        ((6, 10, 10, 10), 1),
        ((14, 10, 10, 10), 2),
        ((10, 6, 10, 10), 3),
        ((10, 10, 14, 10), 18),
        ((10, 10, 10, 14), 54),
        ((6, 14, 6, 14), 1 + 6 + 9 + 54),
    ],
)
def test_a_pattern_has_a_digit_of_each_neighbour(neighbours: tuple[int, ...], code: int) -> None:
    radius, image = 3, torch.full((1, 7, 7), 10.0)
    places = ((3, 6), (0, 3), (3, 0), (6, 3))
    for (row, column), value in zip(places, neighbours, strict=True):
        image[0, row, column] = value
    assert texture_codes(image, radius, 0.3)[0, 3, 3] == code


def test_gray_values_are_whole_and_a_gray_pixel_keeps_its_own() -> None:
    gray = torch.arange(256.0).expand(1, 3, 1, 256)
    assert torch.equal(luma(gray), gray[:, 0])
    colors = torch.tensor([[255.0, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 250]])
    found = luma(colors.view(4, 3, 1, 1)).flatten().tolist()
    assert found == [76, 150, 29, 29]  # 76.245, 149.685, 29.07, 28.5


def test_smoothing_is_a_gaussian_with_replicated_borders() -> None:
    row = np.random.default_rng(0).random(9)
    weights = {step: math.exp(-(step**2) / 8) for step in range(-6, 7)}
    total = sum(weights.values())
    expected = [
        sum(weight * row[min(max(place + step, 0), 8)] for step, weight in weights.items()) / total
        for place in range(9)
    ]
    np.testing.assert_allclose(
        smoothing(9, 2.0) @ torch.from_numpy(row).float(), expected, rtol=1e-5
    )


def test_retinex_is_stretched_and_does_not_see_the_strength_of_light() -> None:
    pixels = 20 + 60 * torch.rand(2, 3, 20, 16, generator=torch.Generator().manual_seed(1))
    retinex = MultiScaleRetinex((20, 16))
    found = retinex(pixels)
    for image in found:
        assert (image.min().item(), image.max().item()) == (0, pytest.approx(255))
    brighter = retinex(3 * pixels)
    assert (brighter - found).abs().max() < 8 < (3 * pixels - pixels).abs().max()
    assert not retinex(torch.full((1, 3, 20, 16), 9.0)).isnan().any()


def test_retinex_of_a_pixel_is_the_mean_of_two_logarithms() -> None:
    pixels = 255 * torch.rand(1, 3, 20, 16, dtype=torch.float64)
    total = 0.0
    for sigma in (5.0, 20.0):
        down, across = smoothing(20, sigma).double(), smoothing(16, sigma).double()
        total = total + (pixels + 1).log() - (down @ pixels @ across.T + 1).log()
    expected = 255 * (total - total.min()) / (total.max() - total.min())
    found = MultiScaleRetinex((20, 16))(pixels.float())
    torch.testing.assert_close(found.double(), expected, atol=1e-2, rtol=0)
