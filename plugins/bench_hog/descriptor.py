"""Histograms of oriented gradients of a grid of overlapping blocks, in batches."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from bench_core.methods import Descriptor, gray_value
from bench_hog.config import HOGConfig

CELL = 8
"""Pixels of a side of a cell; also the stride of blocks."""
BLOCK = 2 * CELL
NUM_CELLS = 4
NUM_BINS = 9
"""Over 180 degrees."""


class HOGDescriptor(Descriptor):
    """The descriptor: blocks row by row, in each of them cells row by row, in each of them bins.

    Pixels beyond the last whole cell are left out.
    """

    def __init__(self, config: HOGConfig) -> None:
        super().__init__()
        self._gamma, self._clipping = config.gamma, config.clipping
        self._epsilon = config.epsilon
        rows, columns = ((side - BLOCK) // CELL + 1 for side in config.image_size)
        self.num_features = rows * columns * NUM_CELLS * NUM_BINS
        self.votes: torch.Tensor
        self.register_buffer("votes", block_votes(config.block_sigma))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Describe images (B, 3, H, W) in [0, 1] by unit blocks (B, num_features)."""
        maps = oriented_magnitudes(self._gray(images))
        planes = maps.reshape(-1, 1, *maps.shape[2:])
        cells = functional.conv2d(planes, self.votes, stride=CELL)
        number, bins = maps.shape[:2]
        cells = cells.reshape(number, bins, NUM_CELLS, *cells.shape[2:])
        blocks = cells.permute(0, 3, 4, 2, 1).flatten(3)
        blocks = self._normalized(blocks).clamp(max=self._clipping)
        return self._normalized(blocks).flatten(1)

    def _gray(self, images: torch.Tensor) -> torch.Tensor:
        gray = gray_value(images)[:, 0]
        return gray.sqrt() if self._gamma == "sqrt" else gray

    def _normalized(self, blocks: torch.Tensor) -> torch.Tensor:
        squares = blocks.square().sum(3, keepdim=True)
        return blocks / (squares + self._epsilon**2).sqrt()


def oriented_magnitudes(gray: torch.Tensor) -> torch.Tensor:
    """Return the magnitude of the gradient of each pixel, parted among the bins of its angle.

    Gradients are [-1, 0, 1] along rows and columns, borders replicated. A vote is parted linearly
    among the two bins whose centres, (k + 1/2) 20 degrees, are nearest, the last being next to the
    first.

    Args:
        gray: (B, H, W).

    Returns:
        (B, 9, H, W).
    """
    padded = functional.pad(gray[:, None], (1, 1, 1, 1), mode="replicate")
    across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    places = torch.atan2(down, across) * (NUM_BINS / math.pi) - 0.5
    bins = torch.arange(NUM_BINS, device=gray.device, dtype=gray.dtype).view(1, -1, 1, 1)
    gaps = torch.remainder(places - bins, NUM_BINS)
    gaps = torch.minimum(gaps, NUM_BINS - gaps)
    return (across.square() + down.square()).sqrt() * (1 - gaps).clamp(min=0)


def block_votes(sigma: float | None) -> torch.Tensor:
    """Return the weights (4, 1, 16, 16) of the pixels of a block in each of its cells.

    Votes are parted bilinearly among the cells whose centres are nearest; what belongs to a cell of
    another block is lost to this one. A Gaussian about the centre of the block weights them.
    """
    pixels = torch.arange(BLOCK, dtype=torch.float64) + 0.5
    centres = torch.tensor([CELL / 2, BLOCK - CELL / 2], dtype=torch.float64)
    shares = (1 - (pixels - centres[:, None]).abs() / CELL).clamp(min=0)
    if sigma is not None:
        shares = shares * torch.exp(-((pixels - BLOCK / 2) ** 2) / (2 * sigma**2))
    votes = shares[:, None, :, None] * shares[None, :, None, :]
    return votes.reshape(NUM_CELLS, 1, BLOCK, BLOCK).float()
