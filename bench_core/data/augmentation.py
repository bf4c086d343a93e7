"""Augmentation of batches: flip, pad and crop, random erasing.

What happens to each image of a batch is drawn first. Flip and crop only move pixels, so that those
of decoded images are moved as bytes, in one copy from where they lie; erasing fills floats.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from bench_core.configuration import FrozenModel

ERASED_AREA: Final = (0.02, 0.4)
"""Share of the image."""
ERASED_ASPECT: Final = (0.3, 1 / 0.3)
"""Height over width."""
ERASING_ATTEMPTS: Final = 100

Rectangle: TypeAlias = tuple[int, int, int, int]
"""First row and the row after its last, first column and the column after its last."""
PIXEL: Final = np.dtype("V3")
"""The three bytes of a pixel as one: a row of them is turned in a quarter of the time."""


class AugmentationConfig(FrozenModel):
    """Which augmentations a training applies.

    Attributes:
        flip: Probability of a horizontal flip.
        padding: Zero pixels added on every side before a crop to the original size.
        erasing: Probability that a rectangle is erased, as in the bag-of-tricks baseline (Luo et
            al. 2019): its area is drawn uniformly from 0.02 to 0.4 of the image, its height over
            its width uniformly from 0.3 to 1 / 0.3, both anew until it is smaller than the image
            in height and width (100 times at most, after which nothing is erased).
        erasing_values: What an erased rectangle is filled with, per channel in [0, 1]. The
            baseline erases behind the normalisation, with 0.485, 0.456 and 0.406 in units of
            standard deviations from the mean; these are the pixels that are normalised to that.
    """

    flip: float = Field(default=0.5, ge=0, le=1)
    padding: int = Field(default=10, ge=0)
    erasing: float = Field(default=0.0, ge=0, le=1)
    erasing_values: tuple[float, float, float] = (
        0.485 + 0.229 * 0.485,
        0.456 + 0.224 * 0.456,
        0.406 + 0.225 * 0.406,
    )


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What happens to one image.

    Attributes:
        flipped: Whether it is flipped horizontally, before it is shifted.
        down: Row of the image (or of the padding around it) that becomes the first.
        right: Column that becomes the first.
        erased: What is erased of the result; None for nothing.
    """

    flipped: bool
    down: int
    right: int
    erased: Rectangle | None


def draw_augmentations(
    num_images: int,
    image_size: tuple[int, int],
    config: AugmentationConfig,
    generator: torch.Generator,
) -> list[Draw]:
    """Draw what happens to each image of a batch.

    Args:
        num_images: Images in the batch.
        image_size: Height and width in pixels.
        config: Which augmentations, with which probabilities.
        generator: A CPU generator: the same state gives the same draws.
    """
    flipped = torch.rand(num_images, generator=generator) < config.flip
    shifts = torch.randint(0, 2 * config.padding + 1, (2, num_images), generator=generator)
    erased: list[Rectangle | None] = [None] * num_images
    if config.erasing > 0:
        erased = _draw_rectangles(num_images, image_size, config.erasing, generator)
    downs, rights = (shifts - config.padding).tolist()
    return [
        Draw(flipped=flip, down=down, right=right, erased=rectangle)
        for flip, down, right, rectangle in zip(
            flipped.tolist(), downs, rights, erased, strict=True
        )
    ]


def augment(
    images: torch.Tensor, config: AugmentationConfig, generator: torch.Generator
) -> torch.Tensor:
    """Augment a batch; each image is drawn for itself.

    Args:
        images: Float tensor (B, C, H, W) in [0, 1]; not changed.
        config: Which augmentations, with which probabilities.
        generator: A CPU generator: the same state gives the same result on every device.

    Returns:
        Tensor of the same shape, dtype and device, contiguous.
    """
    draws = draw_augmentations(len(images), (images.shape[2], images.shape[3]), config, generator)
    moved = [_move(image, draw) for image, draw in zip(images.contiguous(), draws, strict=True)]
    erase(moved, draws, config)
    return torch.stack(moved)


def gather_moved(
    pixels: NDArray[np.uint8], rows: NDArray[np.int64], draws: Sequence[Draw]
) -> NDArray[np.uint8]:
    """Copy images from where they lie, flipped and shifted.

    Args:
        pixels: Decoded images (N, H, W, 3).
        rows: Positions of B images among them.
        draws: What happens to each of the B; nothing is erased.

    Returns:
        Array (B, H, W, 3); what comes from the padding is 0.
    """
    sources = np.asarray(pixels).view(PIXEL)[..., 0]
    moved = np.zeros((len(rows), *pixels.shape[1:]), dtype=np.uint8)
    for target, row, draw in zip(moved.view(PIXEL)[..., 0], rows, draws, strict=True):
        source = sources[row]
        height, width = source.shape
        kept_rows, from_rows = _overlap(height, draw.down)
        kept_columns, from_columns = _overlap(width, draw.right)
        turned = source[:, ::-1] if draw.flipped else source
        target[kept_rows, kept_columns] = turned[from_rows, from_columns]
    return moved


def erase(
    images: Iterable[torch.Tensor], draws: Iterable[Draw], config: AugmentationConfig
) -> None:
    """Erase the rectangles that were drawn, in place.

    Args:
        images: Float tensors (3, H, W); a batch (B, 3, H, W) is such as well.
        draws: What happens to each of them.
        config: The values to fill with.
    """
    for image, draw in zip(images, draws, strict=True):
        if draw.erased is not None:
            first, behind, left, right = draw.erased
            # A number goes along with the call, where a tensor of them would wait for the device.
            for channel, value in enumerate(config.erasing_values):
                image[channel, first:behind, left:right].fill_(value)


def _move(image: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Return a copy of an image (C, H, W), flipped and shifted."""
    turned = image.flip(2) if draw.flipped else image
    kept_rows, from_rows = _overlap(image.shape[1], draw.down)
    kept_columns, from_columns = _overlap(image.shape[2], draw.right)
    moved = torch.zeros_like(image)
    moved[:, kept_rows, kept_columns] = turned[:, from_rows, from_columns]
    return moved


def _overlap(length: int, shift: int) -> tuple[slice, slice]:
    """Return which places of a shifted row hold what was in which places of the row."""
    kept = max(0, length - abs(shift))
    here, there = max(0, -shift), max(0, shift)
    return slice(here, here + kept), slice(there, there + kept)


def _draw_rectangles(
    num_images: int, image_size: tuple[int, int], probability: float, generator: torch.Generator
) -> list[Rectangle | None]:
    """Draw a rectangle for each chosen image; it is smaller than the image in both directions."""
    height, width = image_size
    chosen = torch.rand(num_images, generator=generator) < probability
    attempts = (num_images, ERASING_ATTEMPTS)
    area = torch.empty(attempts).uniform_(*ERASED_AREA, generator=generator) * height * width
    aspect = torch.empty(attempts).uniform_(*ERASED_ASPECT, generator=generator)
    tall, wide = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (tall < height) & (wide < width)
    first = fits.int().argmax(1, keepdim=True)
    tall, wide = tall.gather(1, first)[:, 0], wide.gather(1, first)[:, 0]
    chosen &= fits.any(1)
    top = (torch.rand(num_images, generator=generator) * (height - tall + 1)).int()
    left = (torch.rand(num_images, generator=generator) * (width - wide + 1)).int()
    sides = torch.stack([top, top + tall.int(), left, left + wide.int()], 1).tolist()
    return [
        (sides[0], sides[1], sides[2], sides[3]) if erased else None
        for sides, erased in zip(sides, chosen.tolist(), strict=True)
    ]
