"""The losses that are DNS's own. B: images, M: images of a modality, D: dimensions."""

from __future__ import annotations

import torch
from torch.nn import functional

NUM_KERNELS = 5
MIDDLE_KERNEL = 2
"""Widths of kernels are w, 2 w, ... 16 w; the one of this number is the mean squared distance."""
ACROSS_WEIGHT, SHIFT_WEIGHT = 0.45, 0.05
SMALLEST_WIDTH = 1e-12
"""Keeps kernels finite where all features are the same."""


def circle_loss(
    features: torch.Tensor, labels: torch.Tensor, *, margin: float, scale: float
) -> torch.Tensor:
    """Circle loss (Sun et al. 2020) over all pairs of a batch but that of an image with itself.

    Mean over images of softplus(LSE over negatives of gamma [s + m]_+ (s - m) + LSE over positives
    of -gamma [1 + m - s]_+ (s - 1 + m)); the brackets are weights without gradient.

    Args:
        features: (B, D), of which the cosine s is taken.
        labels: int64 (B,), of at least two identities with two images each.
        margin: m.
        scale: gamma.
    """
    with torch.autocast(features.device.type, enabled=False):
        units = functional.normalize(features.float())
        cosines = units @ units.T
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    held = cosines.detach()
    negative = scale * (held + margin).clamp(min=0) * (cosines - margin)
    positive = -scale * (1 + margin - held).clamp(min=0) * (cosines - 1 + margin)
    of_negatives = negative.masked_fill(same, -torch.inf).logsumexp(1)
    of_positives = positive.masked_fill(~same | itself, -torch.inf).logsumexp(1)
    return functional.softplus(of_negatives + of_positives).mean()


def mean_discrepancy(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Biased squared maximum mean discrepancy (MMD) of two sets under a sum of five RBF kernels.

    Kernels are exp(-D^2 / (w 2^k)), k = 0, ... 4, with w = (sum of D^2) / (n (n - 1)) / 4 over all
    n = 2 M features, without gradient.

    Args:
        first: (M, D).
        second: (M, D).
    """
    size, rows = len(first), torch.cat([first, second]).float()
    with torch.autocast(rows.device.type, enabled=False):
        lengths = rows.square().sum(1)
        squared = (lengths[:, None] + lengths[None, :] - 2 * rows @ rows.T).clamp(min=0)
    mean = squared.detach().sum() / (len(rows) * (len(rows) - 1))
    width = (mean / 2**MIDDLE_KERNEL).clamp(min=SMALLEST_WIDTH)
    kernels = torch.stack([torch.exp(-squared / (width * 2**k)) for k in range(NUM_KERNELS)]).sum(0)
    within = kernels[:size, :size].mean() + kernels[size:, size:].mean()
    return within - kernels[:size, size:].mean() - kernels[size:, :size].mean()


def alignment_loss(pooled: torch.Tensor, shifted: torch.Tensor | None) -> torch.Tensor:
    """Domain alignment: 0.45 (MMD(z_V, z_I) + MMD(zh_V, zh_I)) + 0.05 (MMD(z_V, zh_V) + ...).

    Args:
        pooled: z (2 M, D), visible ones first; brought to unit length.
        shifted: zh likewise; without it its terms are left out.
    """
    visible, infrared = functional.normalize(pooled.float()).chunk(2)
    across = mean_discrepancy(visible, infrared)
    if shifted is None:
        return ACROSS_WEIGHT * across
    shifted_visible, shifted_infrared = functional.normalize(shifted.float()).chunk(2)
    across = across + mean_discrepancy(shifted_visible, shifted_infrared)
    by_shift = mean_discrepancy(visible, shifted_visible) + mean_discrepancy(
        infrared, shifted_infrared
    )
    return ACROSS_WEIGHT * across + SHIFT_WEIGHT * by_shift
