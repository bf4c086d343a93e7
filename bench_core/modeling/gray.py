"""The grey value of an image."""

from __future__ import annotations

from typing import Final

import torch

GRAY_WEIGHTS: Final = (0.299, 0.587, 0.114)
"""Of red, green and blue, by ITU-R BT.601 (luma)."""


def gray_value(
    images: torch.Tensor, weights: tuple[float, float, float] = GRAY_WEIGHTS
) -> torch.Tensor:
    """Return the one channel of grey images.

    Args:
        images: (B, 3, H, W), of any range.
        weights: Of red, green and blue.

    Returns:
        (B, 1, H, W), of the range of the images.
    """
    # By numbers, not a tensor of weights: a CUDA graph cannot be captured of a copy from the host.
    of_red, of_green, of_blue = weights
    return of_red * images[:, 0:1] + of_green * images[:, 1:2] + of_blue * images[:, 2:3]
