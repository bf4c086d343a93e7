"""Crops of images that are smaller than what was decoded, which a step takes by itself."""

from __future__ import annotations

import torch
from torch.nn import functional


def random_crop(
    images: torch.Tensor, size: tuple[int, int], *, one_offset: bool = False
) -> torch.Tensor:
    """Cut a rectangle out of each image, anywhere.

    Offsets come from torch's own generator of the processor, which the harness seeds for each step.

    Args:
        images: (B, C, H, W).
        size: Height and width of the rectangle.
        one_offset: Whether rows and columns begin at one and the same number, drawn once for an
            image; else each is drawn for itself.

    Returns:
        (B, C, *size).

    Raises:
        ValueError: The rectangle is larger than the images.
    """
    (rows, columns), (height, width) = images.shape[2:], size
    if height > rows or width > columns:
        raise ValueError(f"no {height}x{width} can be cut out of {rows}x{columns}")
    number, margins = len(images), (rows - height, columns - width)
    if one_offset:
        top = left = torch.randint(min(margins) + 1, (number, 1))
    else:
        top, left = (torch.randint(margin + 1, (number, 1)) for margin in margins)
    device = images.device
    at_rows = top.to(device) + torch.arange(height, device=device)
    at_columns = left.to(device) + torch.arange(width, device=device)
    places = torch.arange(number, device=device)[:, None, None]
    # Indices part the channels, which then come last.
    return images[places, :, at_rows[:, :, None], at_columns[:, None, :]].permute(0, 3, 1, 2)


def resized(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize images (B, C, H, W) to (B, C, *size): bilinear, smoothed where they shrink."""
    if tuple(images.shape[2:]) == tuple(size):
        return images
    return functional.interpolate(images, size, mode="bilinear", antialias=True)
