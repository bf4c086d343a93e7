"""Local maximal occurrence: histograms of windows, and the largest of each row of windows."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn import functional

from bench_core.methods import Descriptor
from bench_lomo.codes import (
    NUM_COLORS,
    NUM_TEXTURES,
    color_codes,
    color_levels,
    luma,
    texture_codes,
)
from bench_lomo.config import LOMOConfig
from bench_lomo.retinex import MultiScaleRetinex

NUM_SCALES = 3
STEP = 5
"""Pixels from a window to the next; a window is two steps wide and high."""
RADII = (3, 5)


class LOMODescriptor(Descriptor):
    """The descriptor: colours, textures of radius 3, textures of radius 5, each of length 1.

    Each of the three parts has its scales, in these the rows of windows, and in these the bins.
    """

    def __init__(self, config: LOMOConfig) -> None:
        super().__init__()
        self._threshold = config.texture_threshold
        self.retinex = MultiScaleRetinex(config.image_size) if config.retinex == "msr" else None
        self.num_features = num_features(config.image_size)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Describe images (B, 3, H, W) in [0, 1] by (B, num_features) of length sqrt(3)."""
        pixels = (images * 255).round()
        colors = pixels if self.retinex is None else self.retinex(pixels)
        parts = [self._colors(colors), *(self._textures(luma(pixels), radius) for radius in RADII)]
        return torch.cat([functional.normalize(part.log1p(), dim=1) for part in parts], dim=1)

    def _colors(self, pixels: torch.Tensor) -> torch.Tensor:
        """Count the colours; the levels of a smaller scale are floored means of levels."""
        levels, found = color_levels(pixels), []
        for height, width in scales(pixels.shape[2:]):
            if has_windows(height, width):
                found.append(row_maxima(color_codes(levels), NUM_COLORS))
            levels = functional.avg_pool2d(levels, 2).floor()
        return torch.cat(found, dim=1)

    def _textures(self, gray: torch.Tensor, radius: int) -> torch.Tensor:
        """Count the textures of a radius; a smaller scale is the mean of grey values."""
        found = []
        for height, width in scales(gray.shape[1:]):
            if has_windows(height, width) and holds_radius(width, radius):
                codes = texture_codes(gray, radius, self._threshold)
                found.append(row_maxima(codes, NUM_TEXTURES))
            gray = functional.avg_pool2d(gray[:, None], 2)[:, 0]
        return torch.cat(found, dim=1)


def scales(size: tuple[int, int] | torch.Size) -> Iterator[tuple[int, int]]:
    """Yield height and width of the scales, each half of the one before, rounded down."""
    height, width = size
    for _ in range(NUM_SCALES):
        yield height, width
        height, width = height // 2, width // 2


def has_windows(height: int, width: int) -> bool:
    """Return whether a scale holds a window."""
    return min(height, width) >= 2 * STEP


def holds_radius(width: int, radius: int) -> bool:
    """Return whether a scale is wide enough for textures of a radius."""
    return width >= 2 * radius + 1


def num_features(size: tuple[int, int]) -> int:
    """Return the dimensions of the descriptor of images of a size; 26,960 of 128x48.

    Examples:
        >>> num_features((128, 48)), num_features((288, 144))
        (26960, 64704)
    """
    total = 0
    for height, width in scales(size):
        radii = sum(holds_radius(width, radius) for radius in RADII)
        if has_windows(height, width):
            total += (height // STEP - 1) * (NUM_COLORS + NUM_TEXTURES * radii)
    return total


def row_maxima(codes: torch.Tensor, num_codes: int) -> torch.Tensor:
    """Count codes in windows, and keep the largest count of each row of windows.

    Counted are squares of one step; four of these are a window.

    Args:
        codes: int64 (B, H, W).
        num_codes: Codes that there are.

    Returns:
        Counts in [0, 100], float32 (B, rows * num_codes), the codes of a row side by side.
    """
    number, rows, columns = len(codes), codes.shape[1] // STEP, codes.shape[2] // STEP
    whole = codes[:, : rows * STEP, : columns * STEP]
    squares = torch.arange(columns * rows * number, device=codes.device)
    squares = squares.view(columns, number, rows).permute(1, 2, 0)
    squares = squares.repeat_interleave(STEP, 1).repeat_interleave(STEP, 2)
    places = (whole + num_codes * squares).flatten()
    counts = torch.zeros(number * rows * columns * num_codes, device=codes.device)
    counts = counts.scatter_add_(0, places, torch.ones_like(places, dtype=counts.dtype))
    counts = counts.view(columns, number, rows, num_codes)
    pairs = counts[:, :, :-1] + counts[:, :, 1:]
    largest = pairs[0] + pairs[1]
    for left in range(1, columns - 1):
        largest = torch.maximum(largest, pairs[left] + pairs[left + 1])
    return largest.flatten(1)
