"""Poolings of feature maps other than the average."""

from __future__ import annotations

import torch

SMALLEST_MEAN = 1e-12
"""Added to the mean of powers, so that its root has a gradient where maps are zero."""


def generalized_mean(maps: torch.Tensor, power: float = 3.0) -> torch.Tensor:
    """Pool maps by their generalised mean (GeM, Radenovic et al. 2019): AGW, "GeM Pooling".

    (mean of x^p + 1e-12)^(1/p) over the places; p = 1 is the average, p -> infinity the maximum.

    Args:
        maps: Feature maps (B, D, h, w), not negative.
        power: p, fixed.

    Returns:
        (B, D), float32 whatever the precision of the maps.
    """
    powers = maps.float().pow(power).flatten(2).mean(2)
    return (powers + SMALLEST_MEAN).pow(1 / power)
