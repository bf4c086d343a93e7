"""The configuration of CAJ; the defaults are the paper's method."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from bench_core.methods import (
    AfterTraining,
    AugmentationConfig,
    ClippingConfig,
    Embedding,
    FlipUse,
    InnerChannels,
    TwoStreamRecipe,
)

Triplet: TypeAlias = Literal["squared", "weighted-regularized"]
TripletFeature: TypeAlias = Literal["pooled", "pooled-normalized"]

ERASED_TO = (0.485 + 0.229 * 0.4914, 0.456 + 0.224 * 0.4822, 0.406 + 0.225 * 0.4465)
"""What behind the normalisation is 0.4914, 0.4822 and 0.4465, as values of a pixel."""


class CAJConfig(TwoStreamRecipe):
    """Settings of CAJ; network and recipe are AGW's, sizes and sampling the public code's.

    Attributes:
        backbone: Split behind its stem.
        embedding: The feature behind the neck at unit length.
        flip: What becomes of an image's mirror image at test time: the mean of both features, at
            unit length.
        attention_width: Channels of the non-local blocks inside: half of the maps', or one, which
            the public code comes to.
        gem_power: p of the generalised mean that pools the maps, fixed.
        epochs: Of the one stage.
        channel_exchange: Whether visible images come a second time with one channel in place of
            all, and infrared ones with one channel or in grey.
        channel_erasing: Whether rectangles are erased, each channel to a value of its own;
            `augmentation` says how often and to what.
        triplet: The enhanced squared difference, or AGW's weighted regularised triplet.
        triplet_scale: gamma, the factor of the (squared) difference.
        weight_floor: Added to the sums that the weights of distances are divided by; see AGW.
        triplet_feature: What the triplet loss compares; at unit length no difference can reach the
            squared loss's limit.
        clipping: Of the gradients, by default none.
        augmentation: Flip, crop and erasing of all images, in both modalities.
    """

    backbone: Literal["resnet50", "small"] = "resnet50"
    embedding: Annotated[Embedding, AfterTraining()] = "neck-normalized"
    flip: Annotated[FlipUse, AfterTraining()] = "mean-normalized"
    attention_width: InnerChannels = "half"
    gem_power: float = Field(default=3.0, ge=1)
    epochs: int = Field(default=100, ge=1)
    channel_exchange: bool = True
    channel_erasing: bool = True
    triplet: Triplet = "squared"
    triplet_scale: float = Field(default=1.0, gt=0)
    weight_floor: float = Field(default=0.0, ge=0)
    triplet_feature: TripletFeature = "pooled"
    clipping: ClippingConfig = ClippingConfig()
    augmentation: AugmentationConfig = AugmentationConfig(
        flip=0.5, padding=10, erasing=0.5, erasing_values=ERASED_TO
    )
