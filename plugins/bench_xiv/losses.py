"""The losses of XIV, in the order of the paper's equations. M: images a modality, D: dimensions."""

from __future__ import annotations

import torch

from bench_core.methods import batch_hard_triplet, cross_batch_hard_triplet, identity_loss


def cross_modality_gap(
    infrared: torch.Tensor, other: torch.Tensor, labels: torch.Tensor, margin: float
) -> torch.Tensor:
    """Cross-modality gap between infrared and another modality (Eqs. 4-6).

    Anchors in infrared are matched with positives and negatives in the other modality, and the
    other way round; the two means are added.

    Args:
        infrared: Features (M, D).
        other: Features (M, D) of X or of visible images.
        labels: int64 (M,), of both.
        margin: alpha_1.
    """
    forth = cross_batch_hard_triplet(infrared, labels, other, labels, margin)
    back = cross_batch_hard_triplet(other, labels, infrared, labels, margin)
    return forth + back


def modality_respective_gap(
    features: torch.Tensor,
    logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    margin: float,
    smoothing: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Identity and triplet loss within one modality (Eqs. 8-10).

    Args:
        features: (M, D), before the neck.
        logits: (M, identities).
        labels: int64 (M,).
        margin: alpha_2.
        smoothing: Label smoothing of the identity loss; 0 in the paper.

    Returns:
        The identity loss (Eq. 9) and the triplet loss (Eq. 10), each a mean over the M images.
    """
    return identity_loss(logits, labels, smoothing), batch_hard_triplet(features, labels, margin)
