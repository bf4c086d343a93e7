"""HOG against loops over pixels, and its sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bench_hog.config import HOGConfig
from bench_hog.descriptor import HOGDescriptor

SMALL = {"image_height": 34, "image_width": 24}


def pixel(gray: np.ndarray, row: int, column: int) -> float:
    """Return a grey value, borders replicated."""
    height, width = gray.shape
    return float(gray[min(max(row, 0), height - 1), min(max(column, 0), width - 1)])


def votes_of(gray: np.ndarray, row: int, column: int) -> list[tuple[int, float]]:
    """Return the bins that a pixel votes for, and how much."""
    across = pixel(gray, row, column + 1) - pixel(gray, row, column - 1)
    down = pixel(gray, row + 1, column) - pixel(gray, row - 1, column)
    degrees = math.degrees(math.atan2(down, across)) % 180
    place = degrees / 20 - 0.5
    lower, share = math.floor(place), place - math.floor(place)
    magnitude = math.hypot(across, down)
    return [(lower % 9, (1 - share) * magnitude), ((lower + 1) % 9, share * magnitude)]


def by_loops(image: np.ndarray, config: HOGConfig) -> np.ndarray:
    """Describe an image (3, H, W), one pixel of one block after the other."""
    gray = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
    if config.gamma == "sqrt":
        gray = np.sqrt(gray)
    features = []
    for top in range(0, gray.shape[0] - 15, 8):
        for left in range(0, gray.shape[1] - 15, 8):
            block = np.zeros((2, 2, 9))
            for y in range(16):
                for x in range(16):
                    weight = 1.0
                    if config.block_sigma is not None:
                        squared = (y + 0.5 - 8) ** 2 + (x + 0.5 - 8) ** 2
                        weight = math.exp(-squared / (2 * config.block_sigma**2))
                    for i, j in np.ndindex(2, 2):
                        near = max(0, 1 - abs(y + 0.5 - (4 + 8 * i)) / 8)
                        near *= max(0, 1 - abs(x + 0.5 - (4 + 8 * j)) / 8)
                        for place, vote in votes_of(gray, top + y, left + x):
                            block[i, j, place] += weight * near * vote
            vector = block.ravel()
            vector = vector / math.sqrt((vector**2).sum() + config.epsilon**2)
            vector = np.minimum(vector, config.clipping)
            features.append(vector / math.sqrt((vector**2).sum() + config.epsilon**2))
    return np.concatenate(features)


@pytest.mark.parametrize(
    "values", [{}, {"gamma": "sqrt", "block_sigma": 4.0, "clipping": 0.3}, {"block_sigma": None}]
)
def test_the_descriptor_is_that_of_loops_over_pixels(values: dict[str, object]) -> None:
    config = HOGConfig(**SMALL, **values)  # type: ignore[arg-type]
    images = torch.rand(2, 3, *config.image_size, generator=torch.Generator().manual_seed(0))
    found = HOGDescriptor(config)(images)
    assert found.shape == (2, 3 * 2 * 36)
    for image, features in zip(images.double().numpy(), found.numpy(), strict=True):
        np.testing.assert_allclose(features, by_loops(image, config), atol=2e-5)


@pytest.mark.parametrize(
    ("size", "dimensions"),
    [((128, 64), 3780), ((128, 48), 2700), ((256, 128), 16740), ((288, 144), 21420)],
)
def test_dimensions(size: tuple[int, int], dimensions: int) -> None:
    descriptor = HOGDescriptor(HOGConfig(image_height=size[0], image_width=size[1]))
    assert descriptor.num_features == dimensions
    assert descriptor(torch.rand(1, 3, *size)).shape == (1, dimensions)


def test_an_edge_votes_for_its_direction_alone() -> None:
    """A vertical edge has a gradient of 0 degrees, between the last bin and the first."""
    config = HOGConfig(**SMALL, block_sigma=None)
    image = torch.zeros(1, 3, *config.image_size)
    image[..., 12:] = 1
    bins = HOGDescriptor(config)(image).view(-1, 9)
    assert bins[:, [0, 8]].gt(0).any()
    assert torch.equal(bins[:, 0], bins[:, 8])
    assert not bins[:, 1:8].any()


def test_neither_brightness_nor_a_plain_image_has_edges() -> None:
    descriptor = HOGDescriptor(HOGConfig(**SMALL))
    image = torch.rand(1, 3, 34, 24) / 2
    torch.testing.assert_close(descriptor(image), descriptor(image + 0.5), atol=1e-4, rtol=0)
    assert not descriptor(torch.full((1, 3, 34, 24), 0.5)).abs().gt(1e-3).any()
