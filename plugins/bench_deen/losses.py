"""The losses that DEEN adds to identity and triplet loss. M: images a modality, D: dimensions."""

from __future__ import annotations

import torch
from torch.nn import functional

from bench_core.methods import euclidean_distances

SMALLEST_SQUARED_DISTANCE = 1e-12
"""Keeps the gradient of the square root finite where two centres coincide."""


def center_guided_pair_mining(
    original: torch.Tensor, generated: torch.Tensor, labels: torch.Tensor, margin: float
) -> torch.Tensor:
    """Center-guided pair mining loss (CPM) of one branch.

    A generated centre is to be nearer to the original centre of the other modality than to that of
    its own: (h(V, I, V') + h(I, V, I')) / 2 with centres V and I of the original features, V' and
    I' of the generated ones, a row for each identity k, and

        h(A, B, G) = mean_k [margin + d(B_k, G_k) - d(A_k, G_k)]_+
                     + mean_k [margin + d(B_k, G_k) - min_j d(G_k, G_j)]_+ / 2
                     + mean_k [margin + d(B_k, G_k) - min_j d(A_k, A_j)]_+ / 2,

    where j is any other identity and d(A_k, G_k) passes no gradient.

    Args:
        original: Pooled features (2M, D), visible images first.
        generated: Those of the branch.
        labels: int64 (M,), of both modalities: two identities or more, as often each.
        margin: In units of Euclidean distance.
    """
    same = labels[:, None] == labels[None, :]
    visible, infrared = _centers(original, same)
    made_visible, made_infrared = _centers(generated, same)
    forth = _mined(visible, infrared, made_visible, same, margin)
    back = _mined(infrared, visible, made_infrared, same, margin)
    return (forth + back) / 2


def orthogonality(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Orthogonal loss between the two generated features of an image: their inner product.

    The sum over images is divided by the number of all their features, 3 an image, as in the
    authors' code.

    Args:
        first: Pooled features (B, D) of one branch, as they are.
        second: Of the other.
    """
    products = (first.float() * second.float()).sum(1)
    return products.sum() / (3 * len(products))


def _centers(features: torch.Tensor, same: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return the centres of both modalities, (M, D) each: row i is that of the identity of i."""
    with torch.autocast(features.device.type, enabled=False):
        weights = same.float() / same.sum(1, keepdim=True)
        return tuple(weights @ part for part in features.float().chunk(2))


def _mined(
    own: torch.Tensor,
    other: torch.Tensor,
    generated: torch.Tensor,
    same: torch.Tensor,
    margin: float,
) -> torch.Tensor:
    """Return h of `center_guided_pair_mining`; each centre has a row for each of its images."""
    pulled = margin + _paired_distances(other, generated)
    pushed = functional.relu(pulled - _paired_distances(own, generated).detach())
    for centers in (generated, own):
        pushed = pushed + functional.relu(pulled - _nearest_other(centers, same)) / 2
    return pushed.mean()


def _paired_distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the Euclidean distance of each row (M, D) to the row of its place: (M,)."""
    squared = (first - second).square().sum(1)
    return squared.clamp(min=SMALLEST_SQUARED_DISTANCE).sqrt()


def _nearest_other(centers: torch.Tensor, same: torch.Tensor) -> torch.Tensor:
    """Return how far the nearest centre of another identity is, for each row: (M,)."""
    return euclidean_distances(centers, centers).masked_fill(same, torch.inf).amin(1)
