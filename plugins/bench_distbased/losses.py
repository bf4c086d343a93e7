"""The score layer and the triplet loss. B: batch, D: dimensions, N: identities."""

from __future__ import annotations

import torch
from torch import nn

from bench_core.methods import cross_batch_hard_triplet

INITIAL_DEVIATION = 1e-3
"""Of the prototypes, around the origin."""


class DistanceScores(nn.Module):
    """Scores identities by how near a feature is to their prototypes, of both modalities alike.

    s_c(f) = -|f - w_c|^2 / tau. Within a softmax |f|^2 falls out: what is left is a linear
    classifier with the weights 2 w_c / tau, whose bias is tied to them, -|w_c|^2 / tau.

    Args:
        num_features: D.
        num_identities: N.
        temperature: tau. At 2, and near the origin, where they start, prototypes learn as the
            weights of a linear classifier do.
    """

    def __init__(self, num_features: int, num_identities: int, *, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.prototypes = nn.Parameter(torch.empty(num_identities, num_features))
        nn.init.normal_(self.prototypes, std=INITIAL_DEVIATION)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Score features (B, D): (B, N), none above 0, float32 even under autocast."""
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            squared = (
                features.square().sum(1, keepdim=True)
                + self.prototypes.square().sum(1)
                - 2 * features @ self.prototypes.T
            )
            return -squared.clamp(min=0) / self.temperature


def cross_modal_triplet(
    visible: torch.Tensor, infrared: torch.Tensor, labels: torch.Tensor, margin: float
) -> torch.Tensor:
    """Batch-hard triplet loss whose anchors are of one modality and the rest of the other.

    Args:
        visible: Features (B, D).
        infrared: The same for infrared.
        labels: int64 (B,), of both; at least two identities.
        margin: In units of distance.

    Returns:
        The sum of the means over visible and over infrared anchors.
    """
    forth = cross_batch_hard_triplet(visible, labels, infrared, labels, margin)
    back = cross_batch_hard_triplet(infrared, labels, visible, labels, margin)
    return forth + back
