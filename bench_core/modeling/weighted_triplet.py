"""The weighted regularised triplet loss of AGW, and what others build of it.

B: batch, D: dimensions.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from bench_core.modeling.losses import euclidean_distances


def weighted_gaps(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """How much farther an anchor's positives are than its negatives, the hard ones weighing most.

    sum_p w_p d_p - sum_n w_n d_n with w_p = softmax(d) over images of the same identity, the
    anchor itself among them, and w_n = softmax(-d) over all others; gradients pass through the
    weights as well.

    Args:
        features: (B, D).
        labels: int64 (B,), of at least two identities.

    Returns:
        (B,), float32.
    """
    distances = euclidean_distances(features, features)
    same = labels[:, None] == labels[None, :]
    positive = distances.masked_fill(~same, -torch.inf).softmax(1)
    negative = (-distances).masked_fill(same, -torch.inf).softmax(1)
    return ((positive - negative) * distances).sum(1)


def weighted_regularized_triplet(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Weighted regularised triplet loss (WRT) of AGW (Ye et al. 2022, Eqs. 14 and 15).

    Mean over anchors of log(1 + exp(gap)), where a gap is that of `weighted_gaps`; no margin.

    Args:
        features: (B, D), of one modality or of several.
        labels: int64 (B,), of at least two identities.
    """
    return functional.softplus(weighted_gaps(features, labels)).mean()
