"""Colours and textures of pixels as codes, whose histograms LOMO is made of."""

from __future__ import annotations

import torch
from torch.nn import functional

LEVELS = 8
"""Of each of hue, saturation and value."""
NUM_COLORS = LEVELS**3
DIRECTIONS = ((0, 1), (-1, 0), (0, -1), (1, 0))
"""Right, up, left, down: rows and columns to a neighbour, by the weight of its digit."""
NUM_TEXTURES = 3 ** len(DIRECTIONS)


def color_levels(pixels: torch.Tensor) -> torch.Tensor:
    """Return the levels (B, 3, H, W), 0 to 7, of hue, saturation and value.

    Args:
        pixels: (B, 3, H, W) in [0, 255].
    """
    return (LEVELS * hsv(pixels / 255)).floor().clamp(max=LEVELS - 1)


def color_codes(levels: torch.Tensor) -> torch.Tensor:
    """Return H + 8 S + 64 V, int64 (B, H, W), of levels (B, 3, H, W)."""
    hue, saturation, value = levels.long().unbind(1)
    return hue + LEVELS * saturation + LEVELS**2 * value


def hsv(images: torch.Tensor) -> torch.Tensor:
    """Return hue in [0, 1), saturation and value in [0, 1] of images (B, 3, H, W) in [0, 1].

    Where the three channels are equal, hue and saturation are 0.
    """
    red, green, blue = images.unbind(1)
    value, smallest = images.amax(1), images.amin(1)
    spread = value - smallest
    divisor = torch.where(spread > 0, spread, 1)
    hue = torch.where(
        blue == value,
        4 + (red - green) / divisor,
        torch.where(green == value, 2 + (blue - red) / divisor, (green - blue) / divisor),
    )
    hue = torch.where(spread > 0, torch.remainder(hue / 6, 1), 0)
    saturation = torch.where(spread > 0, spread / torch.where(value > 0, value, 1), 0)
    return torch.stack([hue, saturation, value], dim=1)


def luma(pixels: torch.Tensor) -> torch.Tensor:
    """Return 0.299 R + 0.587 G + 0.114 B, (B, H, W), rounded to whole numbers.

    Args:
        pixels: (B, 3, H, W), whole numbers from 0 to 255.
    """
    red, green, blue = pixels.unbind(1)
    return (299 * red + 587 * green + 114 * blue + 500).div(1000, rounding_mode="floor")


def texture_codes(gray: torch.Tensor, radius: int, threshold: float) -> torch.Tensor:
    """Return the scale-invariant local ternary patterns (SILTP) of grey images.

    A neighbour p of a centre c is the digit 1 where p < (1 - tau) c, 2 where p > (1 + tau) c, and
    else 0. Borders are replicated. Compared in float64, where grey values that are whole, or means
    of such, meet a bound exactly or not at all.

    Args:
        gray: (B, H, W), of any unit.
        radius: Pixels to a neighbour.
        threshold: tau.

    Returns:
        int64 (B, H, W), 0 to 80.
    """
    gray = gray.double()
    height, width = gray.shape[1:]
    padded = functional.pad(gray[:, None], (radius,) * 4, mode="replicate")[:, 0]
    darker, lighter = (1 - threshold) * gray, (1 + threshold) * gray
    codes = torch.zeros(gray.shape, dtype=torch.int64, device=gray.device)
    for place, (down, across) in enumerate(DIRECTIONS):
        top, left = radius * (1 + down), radius * (1 + across)
        neighbour = padded[:, top : top + height, left : left + width]
        digits = (neighbour < darker).long() + 2 * (neighbour > lighter).long()
        codes = codes + 3**place * digits
    return codes
