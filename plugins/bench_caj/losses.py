"""The triplet loss of CAJ: AGW's, with the difference of an anchor squared. B: batch."""

from __future__ import annotations

import torch
from torch.nn import functional

LIMIT = 88.0
"""Largest difference whose exponential float32 holds; beyond it the loss has no gradient."""


def scaled_differences(gaps: torch.Tensor, scale: float, *, squared: bool) -> torch.Tensor:
    """Return what an anchor's loss is the soft margin of.

    sgn(delta) min(gamma delta^2, 88) of a gap delta, or gamma delta where it is not squared.

    Args:
        gaps: delta (B,); see `bench_core.methods.weighted_gaps`.
        scale: gamma.
        squared: Whether delta is squared.

    Returns:
        (B,).
    """
    if not squared:
        return scale * gaps
    limited = (scale * gaps.square()).clamp(max=LIMIT)
    return torch.where(gaps > 0, limited, -limited)


def difference_triplet(gaps: torch.Tensor, scale: float, *, squared: bool) -> torch.Tensor:
    """Enhanced squared-difference triplet loss: mean of log(1 + exp(scaled difference)).

    Args:
        gaps: delta (B,).
        scale: gamma.
        squared: Whether delta is squared; otherwise, with gamma = 1, it is AGW's loss.
    """
    return functional.softplus(scaled_differences(gaps, scale, squared=squared)).mean()


def stuck_anchors(gaps: torch.Tensor, scale: float) -> torch.Tensor:
    """Count the anchors that the squared loss cannot teach: wrong, and beyond its limit.

    Anchors whose positives are nearer by as much have a loss of zero, and nothing to learn.

    Args:
        gaps: delta (B,).
        scale: gamma.

    Returns:
        A scalar.
    """
    return ((gaps > 0) & (scale * gaps.square() > LIMIT)).sum()
