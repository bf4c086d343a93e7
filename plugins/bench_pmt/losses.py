"""The losses of PMT. M: images a modality, D: dimensions, N: identities, B = 2 M."""

from __future__ import annotations

import torch

from bench_core.methods import batch_hard_triplet, euclidean_distances, identity_loss


def modality_identity(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy within each modality, a mean each, and the sum of both.

    Args:
        logits: (B, N), visible images first.
        labels: int64 (M,), of both modalities.
    """
    visible, infrared = logits.chunk(2)
    return identity_loss(visible, labels) + identity_loss(infrared, labels)


def modality_triplet(features: torch.Tensor, labels: torch.Tensor, margin: float) -> torch.Tensor:
    """Batch-hard triplet loss within each modality, and the sum of both.

    Args:
        features: (B, D), visible images first.
        labels: int64 (M,), of both modalities.
        margin: In units of distance.
    """
    visible, infrared = features.chunk(2)
    return batch_hard_triplet(visible, labels, margin) + batch_hard_triplet(
        infrared, labels, margin
    )


def modality_shared_enhancement(
    visible: torch.Tensor, infrared: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Modality-shared enhancement loss (MSEL).

    An image is to be as far from those of its identity in the other modality as from the others in
    its own: the mean over images of the squared difference of both mean distances, for each
    modality, and the mean of both modalities.

    Args:
        visible: Features (M, D).
        infrared: Features (M, D).
        labels: int64 (M,), of both; at least two images of each identity.
    """
    same = labels[:, None] == labels[None, :]
    others = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    across = euclidean_distances(visible, infrared)
    squared = [
        (_mean_where(crossing, same) - _mean_where(euclidean_distances(own, own), others)).square()
        for own, crossing in ((visible, across), (infrared, across.T))
    ]
    return torch.cat(squared).mean()


def discriminative_center(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Discriminative centre loss (DCL).

    The mean distance of images to the centre of their identity, over the distance of centres to the
    images of others that are near: the mean over centres of the mean of those distances that are
    below the centre's mean one. Where none is below, because all are the same, it is that mean.

    Args:
        features: (B, D), of both modalities.
        labels: int64 (B,), of at least two identities.
    """
    same = labels[:, None] == labels[None, :]
    with torch.autocast(features.device.type, enabled=False):
        weights = same.float() / same.sum(1, keepdim=True)
        centers = weights @ features.float()
    distances = euclidean_distances(centers, features)
    # The centre of an identity has a row for each of its images; each row counts by its share.
    share = weights.diagonal() / weights.diagonal().sum()
    mean = _mean_where(distances, ~same)
    near = ~same & (distances < mean[:, None])
    nearest = torch.where(near.any(1), _mean_where(distances, near), mean)
    return distances.diagonal().mean() / (share * nearest).sum()


def _mean_where(distances: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return the mean of the chosen distances of each row; 0 where none is chosen."""
    return (distances * chosen).sum(1) / chosen.sum(1).clamp(min=1)
