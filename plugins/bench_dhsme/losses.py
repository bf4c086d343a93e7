"""The losses of D-HSME beside cross-entropy. M: images a modality, N: identities."""

from __future__ import annotations

import torch

from bench_core.methods import cross_batch_hard_triplet, prediction_divergence


def symmetric_divergence(visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence between class posteriors, in both directions.

    KL(p || q) + KL(q || p), where row i of both is of the same identity.

    Args:
        visible: Logits (M, N), whose softmax is p.
        infrared: Logits (M, N), whose softmax is q.

    Returns:
        The mean over the M pairs, float32; differentiable in both.
    """
    return prediction_divergence(visible, infrared) + prediction_divergence(infrared, visible)


def cross_modality_triplet(
    visible: torch.Tensor, infrared: torch.Tensor, labels: torch.Tensor, margin: float
) -> torch.Tensor:
    """Batch-hard triplets by 1 - cosine, whose anchors are in one modality, all else in the other.

    Args:
        visible: Features (M, D).
        infrared: Features (M, D).
        labels: int64 (M,), of both; of at least two identities.
        margin: In units of 1 - cosine.

    Returns:
        The mean over visible anchors plus the mean over infrared ones.
    """
    forth = cross_batch_hard_triplet(visible, labels, infrared, labels, margin, distance="cosine")
    back = cross_batch_hard_triplet(infrared, labels, visible, labels, margin, distance="cosine")
    return forth + back
