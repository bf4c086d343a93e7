"""Inner products as a sum over views of cosine distances."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from bench_core import VISIBLE, Modality


def comparable_views(
    features: torch.Tensor, weights: Sequence[float], longest: float, modality: Modality
) -> torch.Tensor:
    """Make views whose cosine similarity is the inner product of features, times a weight.

    DEEN scores by sum_v w_v <q_v, g_v>, where the sum of an image's and its mirror image's feature
    is longer or shorter, and that counts. Each view is multiplied by sqrt(w_v) and gets two values
    more that bring all views to the same length R = longest * sqrt(max w): the first of visible
    images, the second of infrared ones, the other zero. So the sum over views of cosine
    similarities of an infrared and a visible image is DEEN's score divided by R^2.

    Args:
        features: (B, V, D), none longer than `longest`.
        weights: Positive; as many as divide the views evenly: the first views have the first one.
        longest: In units of the features.
        modality: Of the images.

    Returns:
        (B, V, D + 2), float32.
    """
    # By numbers, not a tensor of weights: a CUDA graph cannot be captured of a copy from the host.
    parts = zip(features.float().chunk(len(weights), dim=1), weights, strict=True)
    scaled = torch.cat([part * math.sqrt(weight) for part, weight in parts], dim=1)
    bound = longest**2 * max(weights)
    missing = (bound - scaled.square().sum(2, keepdim=True)).clamp(min=0).sqrt()
    none = torch.zeros_like(missing)
    ends = (missing, none) if modality == VISIBLE else (none, missing)
    return torch.cat([scaled, *ends], dim=2)
