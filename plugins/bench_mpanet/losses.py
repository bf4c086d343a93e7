"""The losses that are MPANet's own. B: images, P: masks, D: dimensions."""

from __future__ import annotations

import torch

from bench_core.methods import euclidean_distances

SMALLEST_SQUARED_DISTANCE = 1e-12
"""Keeps the gradient of the root finite where a feature is its centre."""


def separation_loss(masks: torch.Tensor) -> torch.Tensor:
    """Overlap of masks: sum over places of M_p M_q, a mean over images and pairs p < q.

    Args:
        masks: (B, P, h, w) in [0, 1], at least two of an image.
    """
    flat = masks.float().flatten(2)
    pairs = torch.triu_indices(masks.shape[1], masks.shape[1], 1, device=masks.device)
    return (flat[:, pairs[0]] * flat[:, pairs[1]]).sum(2).mean()


def center_cluster_loss(
    features: torch.Tensor, labels: torch.Tensor, margin: float
) -> torch.Tensor:
    """Centre cluster loss: features near their identity's centre, centres apart.

    Mean over images of |f_i - c_(y_i)|, and mean over centres c_k, then over the images j of other
    identities, of [margin - |c_k - c_(y_j)|]_+. A centre is the mean over both modalities.

    Args:
        features: (B, D), as they are.
        labels: int64 (B,), of at least two identities.
        margin: In units of distance.
    """
    features = features.float()
    same = labels[:, None] == labels[None, :]
    shares = same.float() / same.sum(1, keepdim=True)
    centers = shares @ features  # of each image's identity
    to_center = (features - centers).square().sum(1)
    pull = to_center.clamp(min=SMALLEST_SQUARED_DISTANCE).sqrt().mean()
    short = (margin - euclidean_distances(centers, centers)).clamp(min=0).masked_fill(same, 0)
    of_center = short.sum(1) / (~same).sum(1)
    # Entry i stands for the centre of i, as often as its identity has images.
    once = 1 / same.sum(1)
    return pull + (of_center * once).sum() / once.sum()
