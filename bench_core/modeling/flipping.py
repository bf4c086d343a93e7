"""Features of an image and of its mirror image together, at test time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
from torch.nn import functional

FlipUse: TypeAlias = Literal["none", "sum", "mean-normalized"]
"""What becomes of the mirror image: nothing, its feature is added, or both are averaged and the
mean is brought to unit length."""


def embed_with_flip(
    embed: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor, use: FlipUse
) -> torch.Tensor:
    """Embed images, with or without their mirror images.

    Args:
        embed: From images (B, 3, H, W) to features (B, D) or (B, views, D).
        images: Of one modality.
        use: What becomes of the mirror image.

    Returns:
        What `embed` returns, combined.
    """
    features = embed(images)
    if use == "none":
        return features
    total = features + embed(images.flip(3))
    return total if use == "sum" else functional.normalize(total, dim=-1)
