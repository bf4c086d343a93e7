"""LOMO against loops over windows, its sizes, and what holds of any image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench_lomo.codes import color_codes, color_levels
from bench_lomo.config import LOMOConfig
from bench_lomo.descriptor import LOMODescriptor, row_maxima


def halved(image: np.ndarray) -> np.ndarray:
    """Return the means of 2x2 pixels; an odd last row or column is dropped."""
    means = np.empty((image.shape[0] // 2, image.shape[1] // 2), dtype=image.dtype)
    for row, column in np.ndindex(*means.shape):
        means[row, column] = image[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean()
    return means


def maxima(codes: np.ndarray, number: int) -> list[float]:
    """Return the largest counts of each row of windows of 10x10 pixels."""
    found: list[float] = []
    for top in range(0, codes.shape[0] - 9, 5):
        windows = [
            np.bincount(codes[top : top + 10, left : left + 10].ravel(), minlength=number)
            for left in range(0, codes.shape[1] - 9, 5)
        ]
        if windows:
            found += np.max(windows, axis=0).tolist()
    return found


def patterns(gray: np.ndarray, radius: int) -> np.ndarray:
    codes = np.zeros(gray.shape, dtype=int)
    height, width = gray.shape
    for row, column in np.ndindex(height, width):
        centre = gray[row, column]
        around = [(row, column + radius), (row - radius, column), (row, column - radius),
                  (row + radius, column)]  # fmt: skip
        for place, (y, x) in enumerate(around):
            value = gray[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
            digit = 1 if value < 0.7 * centre else 2 if value > 1.3 * centre else 0
            codes[row, column] += digit * 3**place
    return codes


def by_loops(image: np.ndarray) -> np.ndarray:
    """Describe an image (3, H, W) of whole values in [0, 255], without Retinex."""
    levels = list(color_levels(torch.from_numpy(image).float()[None])[0].numpy())
    colors: list[float] = []
    for _ in range(3):
        hue, saturation, value = levels
        colors += maxima((hue + 8 * saturation + 64 * value).astype(int), 512)
        levels = [np.floor(halved(channel)) for channel in levels]
    parts = [colors]
    for radius in (3, 5):
        gray = np.floor((299 * image[0] + 587 * image[1] + 114 * image[2]) / 1000 + 0.5)
        found = list[float]()
        for _ in range(3):
            if gray.shape[1] >= 2 * radius + 1:
                found += maxima(patterns(gray, radius), 81)
            gray = halved(gray).astype(np.float32).astype(float)
        parts.append(found)
    logarithms = [np.log(np.array(part) + 1) for part in parts]
    return np.concatenate([part / np.linalg.norm(part) for part in logarithms])


@pytest.mark.parametrize("size", [(45, 41), (52, 23)])
def test_the_descriptor_is_that_of_loops_over_windows(size: tuple[int, int]) -> None:
    """The second size has scales without windows, and one too narrow for textures of radius 5."""
    config = LOMOConfig(image_height=size[0], image_width=size[1], retinex="none")
    random = np.random.default_rng(2)
    coarse = random.integers(0, 256, (3, size[0] // 4 + 1, size[1] // 4 + 1))
    image = coarse.repeat(4, 1).repeat(4, 2)[:, : size[0], : size[1]]
    image = np.clip(image + random.integers(-20, 21, image.shape), 0, 255)
    descriptor = LOMODescriptor(config)
    found = descriptor(torch.from_numpy(image).float()[None] / 255)[0]
    assert len(found) == descriptor.num_features
    np.testing.assert_allclose(found, by_loops(image), atol=1e-6)


@pytest.mark.parametrize(
    ("size", "dimensions"),
    [
        ((128, 48), 26960),
        ((128, 64), 26960),
        ((160, 60), 35722),
        ((256, 128), 57290),
        ((288, 144), 64704),
    ],
)
def test_dimensions_depend_on_the_height_alone(size: tuple[int, int], dimensions: int) -> None:
    descriptor = LOMODescriptor(LOMOConfig(image_height=size[0], image_width=size[1]))
    assert descriptor.num_features == dimensions
    assert descriptor(torch.rand(1, 3, *size)).shape == (1, dimensions)


@pytest.mark.parametrize("retinex", ["none", "msr"])
def test_each_part_has_length_one_and_counts_at_most_a_window(retinex: str) -> None:
    descriptor = LOMODescriptor(LOMOConfig(retinex=retinex))  # type: ignore[arg-type]
    images = torch.rand(2, 3, 128, 48, generator=torch.Generator().manual_seed(0))
    parts = descriptor(images).split((20480, 3240, 3240), dim=1)
    for part in parts:
        torch.testing.assert_close(part.norm(dim=1), torch.ones(2))
        assert (part >= 0).all()
    codes = color_codes(color_levels((images * 255).round()))
    counts = row_maxima(codes, 512)
    assert 0 <= counts.min() <= counts.max() <= 100
    plain = row_maxima(torch.zeros_like(codes), 512)
    assert plain.view(2, 24, 512)[:, :, 0].eq(100).all()


@pytest.mark.parametrize("retinex", ["none", "msr"])
def test_a_gray_image_uses_eight_colours_at_most(retinex: str) -> None:
    descriptor = LOMODescriptor(LOMOConfig(retinex=retinex))  # type: ignore[arg-type]
    gray = torch.rand(1, 1, 128, 48).expand(-1, 3, -1, -1)
    colors = descriptor(gray)[:, :20480].view(40, 512)
    used = colors.sum(0).nonzero().flatten()
    assert len(used) <= 8
    assert (used % 64 == 0).all()
