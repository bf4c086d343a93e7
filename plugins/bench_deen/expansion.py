"""Diverse embedding expansion (DEE): two further feature maps of each image."""

from __future__ import annotations

import torch
from torch import nn

DILATIONS = (1, 2, 3)
"""Of the three convolutions of a branch, and their padding."""
NUM_GENERATED = 2
"""Feature maps that are generated of each."""
REDUCTION = 4
"""How many times fewer channels a branch has inside."""


class ExpansionBranch(nn.Module):
    """Generates maps: the mean of three dilated convolutions, ReLU, a 1x1 convolution.

    Weights start at random as He et al. (2015) have it, by the number of inputs.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // REDUCTION
        self.dilated = nn.ModuleList(
            nn.Conv2d(channels, inner, 3, padding=rate, dilation=rate, bias=False)
            for rate in DILATIONS
        )
        self.expand = nn.Conv2d(inner, channels, 1)
        for layer in (*self.dilated, self.expand):
            nn.init.kaiming_normal_(layer.weight, mode="fan_in")

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return generated maps, (B, C, h, w) as those given."""
        seen = torch.stack([layer(maps) for layer in self.dilated]).mean(0)
        generated: torch.Tensor = self.expand(seen.relu())
        return generated


class DiverseEmbeddingExpansion(nn.Module):
    """DEE: maps and what two branches generate of them, with dropout on all three.

    Args:
        channels: C.
        dropout: Probability that a value is dropped.
    """

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.branches = nn.ModuleList(ExpansionBranch(channels) for _ in range(NUM_GENERATED))
        self.dropout = nn.Dropout(dropout)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Expand maps.

        Args:
            maps: (B, C, h, w).

        Returns:
            (B, 3, C, h, w): the maps themselves and those of both branches.
        """
        expanded = torch.stack([maps, *(branch(maps) for branch in self.branches)], dim=1)
        dropped: torch.Tensor = self.dropout(expanded)
        return dropped
