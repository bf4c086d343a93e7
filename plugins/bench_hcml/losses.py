"""TONE's contrastive loss. M: pairs, D: dimensions."""

from __future__ import annotations

import torch
from torch.nn import functional

from bench_hcml.config import NormalizedAlong

SMALLEST_SQUARED_DISTANCE = 1e-12
"""Keeps the gradient of a distance finite where two features coincide."""


def contrastive_loss(
    visible: torch.Tensor,
    infrared: torch.Tensor,
    same: torch.Tensor,
    *,
    margin: float,
    normalized_along: NormalizedAlong,
) -> torch.Tensor:
    """Contrastive loss over pairs of a visible and an infrared image.

    Half the mean over pairs of y d^2 + (1 - y) [margin - d]_+^2, where d is the Euclidean distance
    of the normalised features of a pair.

    Args:
        visible: fc7 (M, D).
        infrared: fc7 (M, D).
        same: bool (M,), y: whether both images of a pair show one person.
        margin: See above.
        normalized_along: What has unit length: the feature of each image; or, as in the authors'
            code, the M values of each dimension.
    """
    axis = 1 if normalized_along == "features" else 0
    with torch.autocast(visible.device.type, enabled=False):
        difference = functional.normalize(visible.float(), dim=axis) - functional.normalize(
            infrared.float(), dim=axis
        )
        squared = difference.square().sum(1).clamp(min=SMALLEST_SQUARED_DISTANCE)
        apart = (margin - squared.sqrt()).clamp(min=0).square()
        return torch.where(same, squared, apart).mean() / 2
