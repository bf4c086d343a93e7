"""Losses that two or more methods use. B: batch, C: candidates, D: dimensions, N: identities."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch.nn import functional

TripletDistance: TypeAlias = Literal["euclidean", "cosine"]
"""What a triplet loss compares by; "cosine" is 1 minus the cosine similarity."""

SMALLEST_SQUARED_DISTANCE = 1e-12
"""Keeps the gradient of the square root finite where two features coincide."""


def identity_loss(
    logits: torch.Tensor, labels: torch.Tensor, smoothing: float = 0.0
) -> torch.Tensor:
    """Cross-entropy over identities, averaged over the batch.

    Args:
        logits: (B, N).
        labels: int64 (B,).
        smoothing: Share of the target spread evenly over all identities.

    Returns:
        A scalar, float32 whatever the precision of the logits.
    """
    return functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)


def euclidean_distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Euclidean distances between rows, in float32 even under autocast.

    Args:
        first: (B, D).
        second: (C, D).

    Returns:
        (B, C); differentiable, also where two rows coincide.
    """
    with torch.autocast(first.device.type, enabled=False):
        first, second = first.float(), second.float()
        squared = (
            first.square().sum(1, keepdim=True) + second.square().sum(1) - 2 * first @ second.T
        )
        return squared.clamp(min=SMALLEST_SQUARED_DISTANCE).sqrt()


def cosine_distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """One minus the cosine similarity of rows, in float32 even under autocast.

    Args:
        first: (B, D).
        second: (C, D).

    Returns:
        (B, C) in [0, 2]; 1 where a row is zero.
    """
    with torch.autocast(first.device.type, enabled=False):
        return 1 - functional.normalize(first.float()) @ functional.normalize(second.float()).T


def reconstruction_loss(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of two tensors of one shape, in float32."""
    return (made.float() - wanted.float()).abs().mean()


def prediction_divergence(logits_p: torch.Tensor, logits_q: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence KL(p || q) between class probabilities.

    Args:
        logits_p: (B, N), whose softmax is p.
        logits_q: (B, N), whose softmax is q.

    Returns:
        The mean over the batch, float32 whatever the precision of the logits; differentiable in
        both.
    """
    log_p, log_q = (functional.log_softmax(logits.float(), 1) for logits in (logits_p, logits_q))
    return functional.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


def batch_hard_triplet(
    features: torch.Tensor,
    labels: torch.Tensor,
    margin: float,
    *,
    distance: TripletDistance = "euclidean",
) -> torch.Tensor:
    """Batch-hard triplet loss within one set (Hermans et al. 2017): XIV, Eq. 10.

    Mean over anchors of [margin + hardest positive - hardest negative]_+. An anchor is its own
    positive at distance 0, as in the equation, which matters only where it has no other.

    Args:
        features: (B, D).
        labels: int64 (B,), of at least two identities.
        margin: In units of distance.
        distance: Between two features.
    """
    return cross_batch_hard_triplet(features, labels, features, labels, margin, distance=distance)


def cross_batch_hard_triplet(
    anchors: torch.Tensor,
    anchor_labels: torch.Tensor,
    candidates: torch.Tensor,
    candidate_labels: torch.Tensor,
    margin: float,
    *,
    distance: TripletDistance = "euclidean",
) -> torch.Tensor:
    """Batch-hard triplet loss whose positives and negatives come from another set.

    XIV, Eqs. 5 and 6, by Euclidean distance; AlignGAN, Eq. 3, by cosine distance 1 - s, whose
    [margin - s(a, p) + s(a, n)]_+ is the same number.

    Args:
        anchors: (B, D).
        anchor_labels: int64 (B,).
        candidates: (C, D); every anchor has a positive and a negative among them.
        candidate_labels: int64 (C,).
        margin: In units of distance.
        distance: Between two features.

    Returns:
        Mean over anchors of [margin + hardest positive - hardest negative]_+.
    """
    between = euclidean_distances if distance == "euclidean" else cosine_distances
    distances = between(anchors, candidates)
    same = anchor_labels[:, None] == candidate_labels[None, :]
    hardest_positive = distances.masked_fill(~same, -torch.inf).amax(1)
    hardest_negative = distances.masked_fill(same, torch.inf).amin(1)
    return functional.relu(margin + hardest_positive - hardest_negative).mean()
