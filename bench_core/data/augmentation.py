"""Augmentation of whole batches on the device: flip, pad and crop, random erasing."""

from __future__ import annotations

from typing import Final

import torch
from pydantic import Field

from bench_core.configuration import FrozenModel

ERASED_AREA: Final = (0.02, 0.4)
"""Share of the image."""
ERASED_ASPECT: Final = (0.3, 1 / 0.3)
"""Height over width."""
ERASING_ATTEMPTS: Final = 100


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


def augment(
    images: torch.Tensor, config: AugmentationConfig, generator: torch.Generator
) -> torch.Tensor:
    """Augment a batch; each image is drawn for itself.

    Args:
        images: Float tensor (B, C, H, W) in [0, 1]; not changed.
        config: Which augmentations, with which probabilities.
        generator: A CPU generator: the same state gives the same result on every device.

    Returns:
        Tensor of the same shape, dtype and device.
    """
    images = _flip_and_crop(images, config, generator)
    if config.erasing > 0:
        mask = _erasing_mask(images, config.erasing, generator)
        values = torch.tensor(config.erasing_values, dtype=images.dtype, device=images.device)
        images = torch.where(mask, values.view(1, -1, 1, 1), images)
    return images


def _flip_and_crop(
    images: torch.Tensor, config: AugmentationConfig, generator: torch.Generator
) -> torch.Tensor:
    """Flip and crop in one gather: each pixel comes from one source pixel, or from the padding."""
    batch, channels, height, width = images.shape
    device = images.device
    flipped = torch.rand(batch, generator=generator) < config.flip
    offsets = torch.randint(0, 2 * config.padding + 1, (2, batch), generator=generator)
    rows = torch.arange(height) + offsets[0, :, None] - config.padding
    columns = torch.arange(width) + offsets[1, :, None] - config.padding
    columns = torch.where(flipped[:, None], width - 1 - columns, columns)
    inside = (
        ((rows >= 0) & (rows < height))[:, :, None]
        & ((columns >= 0) & (columns < width))[:, None, :]
    ).to(device)
    index = (
        rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]
    ).to(device)
    flat = images.reshape(batch, channels, height * width)
    index = index.view(batch, 1, height * width).expand(-1, channels, -1)
    moved = flat.gather(2, index).view(batch, channels, height, width)
    return moved * inside[:, None].to(images.dtype)


def _erasing_mask(
    images: torch.Tensor, probability: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw a rectangle for each chosen image; it is smaller than the image in both directions."""
    batch, _, height, width = images.shape
    chosen = torch.rand(batch, generator=generator) < probability
    attempts = (batch, ERASING_ATTEMPTS)
    area = torch.empty(attempts).uniform_(*ERASED_AREA, generator=generator) * height * width
    aspect = torch.empty(attempts).uniform_(*ERASED_ASPECT, generator=generator)
    tall, wide = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (tall < height) & (wide < width)
    first = fits.int().argmax(1, keepdim=True)
    tall, wide = tall.gather(1, first)[:, 0], wide.gather(1, first)[:, 0]
    chosen &= fits.any(1)
    top = (torch.rand(batch, generator=generator) * (height - tall + 1)).floor()
    left = (torch.rand(batch, generator=generator) * (width - wide + 1)).floor()
    rows, columns = torch.arange(height), torch.arange(width)
    in_rows = (rows >= top[:, None]) & (rows < (top + tall)[:, None])
    in_columns = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
    mask = in_rows[:, :, None] & in_columns[:, None, :] & chosen[:, None, None]
    return mask[:, None].to(images.device)
