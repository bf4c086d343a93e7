"""The losses of TS-GAN, in the order of the paper's equations.

M: images a modality, D: channels of f_map,R, C: channels of f_map,S, H, W and h, w: sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from bench_tsgan.config import Reduction


class Pairs(NamedTuple):
    """Images and feature maps that the joint discriminator judges together.

    Attributes:
        images: (B, 3, H, W) in [-1, 1].
        maps: f_map,R (B, D, h, w).
    """

    images: torch.Tensor
    maps: torch.Tensor


def join(parts: Sequence[Pairs]) -> Pairs:
    """Join batches of pairs to one."""
    return Pairs(
        torch.cat([part.images for part in parts]), torch.cat([part.maps for part in parts])
    )


def fake_pairs(fake: Pairs, infrared: Pairs) -> Pairs:
    """Build M of Eq. 5: fake image, fake map, or both; it has no pair of two identities.

    Args:
        fake: X'_I and the student's maps of it.
        infrared: X_I and the student's maps of it; as many.

    Returns:
        (X', f(X')), (X', f(X)) and (X, f(X')), in this order.
    """
    return join([fake, Pairs(fake.images, infrared.maps), Pairs(infrared.images, fake.maps)])


def map_loss(teacher: torch.Tensor, student: torch.Tensor, reduction: Reduction) -> torch.Tensor:
    """Squared difference of the teacher's and the student's maps (Eqs. 13 to 15), in float32.

    Args:
        teacher: f_map,T (M, C, h, w).
        student: f_map,S of the same shape.
        reduction: Over a map: "mean", "sum", or "channel-sum", a mean over places.

    Returns:
        The mean over images.
    """
    squared = (teacher.float() - student.float()).square()
    if reduction == "mean":
        return squared.mean()
    over = 1 if reduction == "channel-sum" else (1, 2, 3)
    return squared.sum(over).mean()
