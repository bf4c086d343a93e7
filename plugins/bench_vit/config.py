"""The configuration of ViT; the defaults are the recipe of its preset "paper"."""

from __future__ import annotations

from pydantic import Field

from bench_core.methods import AugmentationConfig, TransformerReIDConfig


class ViTConfig(TransformerReIDConfig):
    """Settings of ViT: what a re-identification baseline adds to a vision transformer.

    Attributes:
        label_smoothing: Smoothing of the identity loss; the bag-of-tricks baseline's.
        margin: Of the triplet loss; likewise.
        triplet_weight: Of the triplet loss beside the identity loss.
        augmentation: Flip, crop and erasing; likewise.
    """

    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    margin: float = Field(default=0.3, ge=0)
    triplet_weight: float = Field(default=1.0, ge=0)
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=10, erasing=0.5)
