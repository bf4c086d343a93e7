"""The losses of P and F, by the paper's equations. B: batch, D: dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch

from bench_core import cross_batch_hard_triplet


def reconstruction(restored: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """One term of Eq. 1: the mean absolute difference of two sets of images, in float32."""
    return (restored.float() - images.float()).abs().mean()


def cross_triplet(
    first: torch.Tensor, second: torch.Tensor, labels: torch.Tensor, margin: float
) -> torch.Tensor:
    """L_tri(first, second, second) + L_tri(second, first, first), of Eqs. 2 and 5.

    L_tri (Eq. 3) is the mean over anchors of [m - s(a, p) + s(a, n)]_+ with s the cosine
    similarity, p the least similar positive and n the most similar negative. The paper calls s a
    distance, for which the signs would be the other way round.

    Args:
        first: Embeddings (B, D).
        second: Embeddings (B, D).
        labels: int64 (B,), of both.
        margin: m.
    """
    forth = cross_batch_hard_triplet(first, labels, second, labels, margin, distance="cosine")
    back = cross_batch_hard_triplet(second, labels, first, labels, margin, distance="cosine")
    return forth + back


def weighted_sum(
    losses: Mapping[str, torch.Tensor], weights: Mapping[str, float] = MappingProxyType({})
) -> torch.Tensor:
    """Add losses, each times its weight; one without a weight counts once."""
    return torch.stack([weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()
