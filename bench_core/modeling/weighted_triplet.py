"""The weighted regularised triplet loss of AGW, and what others build of it.

B: batch, D: dimensions.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from bench_core.modeling.losses import euclidean_distances


def weighted_gaps(features: torch.Tensor, labels: torch.Tensor, floor: float = 0.0) -> torch.Tensor:
    """How much farther an anchor's positives are than its negatives, the hard ones weighing most.

    sum_p w_p d_p - sum_n w_n d_n with w_p = softmax(d) over images of the same identity, the
    anchor itself among them, and w_n = softmax(-d) over all others; gradients pass through the
    weights as well.

    The public code adds a little to the sums that it divides by, and its sum over negatives is that
    of exp(-d) itself: at distances beyond -log(floor / number of negatives), which is 18 for 1e-6
    and 64 images, their weights vanish, and the anchor counts as wrong however far they are.

    Args:
        features: (B, D).
        labels: int64 (B,), of at least two identities.
        floor: What is added to those sums; with 0 weights add up to one at any distance.

    Returns:
        (B,), float32.
    """
    distances = euclidean_distances(features, features)
    same = labels[:, None] == labels[None, :]
    if floor == 0:
        positive = distances.masked_fill(~same, -torch.inf).softmax(1)
        negative = (-distances).masked_fill(same, -torch.inf).softmax(1)
    else:
        positive = _shares(distances, same, floor)
        negative = _shares(-distances, ~same, floor)
    return ((positive - negative) * distances).sum(1)


def _shares(values: torch.Tensor, chosen: torch.Tensor, floor: float) -> torch.Tensor:
    """Return exp(values) over its sum of the chosen ones and the floor.

    Before, the largest value of a row is subtracted where it is positive.
    """
    largest = values.masked_fill(~chosen, 0.0).amax(1, keepdim=True)
    shares = (values - largest).masked_fill(~chosen, -torch.inf).exp()
    return shares / (shares.sum(1, keepdim=True) + floor)


def weighted_regularized_triplet(
    features: torch.Tensor, labels: torch.Tensor, floor: float = 0.0
) -> torch.Tensor:
    """Weighted regularised triplet loss (WRT) of AGW (Ye et al. 2022, Eqs. 14 and 15).

    Mean over anchors of log(1 + exp(gap)), where a gap is that of `weighted_gaps`; no margin.

    Args:
        features: (B, D), of one modality or of several.
        labels: int64 (B,), of at least two identities.
        floor: See `weighted_gaps`.
    """
    return functional.softplus(weighted_gaps(features, labels, floor)).mean()
