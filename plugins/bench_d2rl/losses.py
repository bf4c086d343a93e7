"""The loss of D2RL that no other method has."""

from __future__ import annotations

import torch


def code_divergence(codes: torch.Tensor) -> torch.Tensor:
    """Divergence of N(code, I) from N(0, I), up to its factor of a half: the mean square.

    Args:
        codes: Means (B, C, h, w).

    Returns:
        A scalar, float32: the mean over all values, as UNIT has it.
    """
    return codes.float().square().mean()
