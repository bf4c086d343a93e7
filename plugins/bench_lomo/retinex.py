"""Multi-scale Retinex: colours without the light that falls on them."""

from __future__ import annotations

import math

import torch
from torch import nn

SIGMAS = (5.0, 20.0)
"""Of the paper's two Gaussians, in pixels."""


class MultiScaleRetinex(nn.Module):
    """The mean over scales of log(I + 1) - log(G * I + 1), stretched to [0, 255] in each image.

    I are 8-bit values; G * I is each channel smoothed by a Gaussian that is cut at three sigma,
    borders replicated. Gain and offset are one pair for the three channels of an image: the
    smallest value becomes 0 and the largest 255.
    """

    def __init__(self, image_size: tuple[int, int]) -> None:
        super().__init__()
        self._names = []
        for place, sigma in enumerate(SIGMAS):
            names = (f"down_{place}", f"across_{place}")
            for name, side in zip(names, image_size, strict=True):
                self.register_buffer(name, smoothing(side, sigma), persistent=False)
            self._names.append(names)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return images (B, 3, H, W) of the same size, from pixels in [0, 255] to [0, 255]."""
        logarithms, total = pixels.log1p(), torch.zeros_like(pixels)
        for down, across in self._names:
            smoothed = self.get_buffer(down) @ pixels @ self.get_buffer(across).T
            total = total + (logarithms - smoothed.log1p())
        lowest, highest = total.amin((1, 2, 3), keepdim=True), total.amax((1, 2, 3), keepdim=True)
        spread = (highest - lowest).clamp(min=torch.finfo(total.dtype).tiny)
        return (total - lowest) / spread * 255


def smoothing(side: int, sigma: float) -> torch.Tensor:
    """Return the matrix (side, side) that smooths a row of pixels."""
    reach = math.ceil(3 * sigma)
    steps = torch.arange(-reach, reach + 1)
    weights = torch.exp(-(steps.double() ** 2) / (2 * sigma**2))
    weights = weights / weights.sum()
    places = (torch.arange(side)[:, None] + steps).clamp(0, side - 1)
    matrix = torch.zeros(side, side, dtype=torch.float64)
    return matrix.scatter_add_(1, places, weights.expand(side, -1)).float()
