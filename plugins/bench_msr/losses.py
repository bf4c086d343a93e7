"""The loss of MSR beside cross-entropy. M: images a modality, D: dimensions."""

from __future__ import annotations

import torch


def euclidean_constraint(
    visible: torch.Tensor, infrared: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """CMEC: how far the centres of an identity in the two modalities are from each other.

    Args:
        visible: Features (M, D).
        infrared: Features (M, D).
        labels: int64 (M,), of both.

    Returns:
        Mean over the identities of the batch of |c_visible - c_infrared|^2, in float32.
    """
    with torch.autocast(visible.device.type, enabled=False):
        same = (labels[:, None] == labels[None, :]).float()
        counts = same.sum(1)
        gaps = (same @ (visible.float() - infrared.float())) / counts[:, None]
        # Every image of an identity has the same gap: an identity counts once.
        return (gaps.square().sum(1) / counts).sum() / (1 / counts).sum()
