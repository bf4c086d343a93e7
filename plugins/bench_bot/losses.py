"""The centre loss. B: batch, D: dimensions."""

from __future__ import annotations

import torch
from torch import nn


class Centers(nn.Module):
    """A centre of the features of each training identity (Wen et al. 2016), normal at first.

    Args:
        num_identities: Training identities.
        num_features: D.
    """

    def __init__(self, num_identities: int, num_features: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(num_identities, num_features))

    def loss(self, features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the mean squared distance of features from the centres of their identities.

        Args:
            features: (B, D).
            labels: int64 (B,).

        Returns:
            A scalar, float32 whatever the precision of the features; without the half of the
            loss' own paper.
        """
        return (features.float() - self.places[labels]).square().sum(1).mean()
