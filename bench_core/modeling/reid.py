"""What most methods have: a backbone, and a feature of it that is compared."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

import torch
from pydantic import model_validator
from torch import nn
from torch.nn import functional

from bench_core.configuration import AfterTraining, MethodConfig, WeightsKind
from bench_core.modeling.backbones import (
    Backbone,
    BackboneName,
    build_backbone,
    check_backbone,
)

Embedding: TypeAlias = Literal["pooled", "pooled-normalized", "neck", "neck-normalized"]
"""What distances are taken between: the feature before or behind the neck, as it is or at unit
length, where Euclidean distances rank as cosine similarity does."""


class ReIDConfig(MethodConfig):
    """The settings of a method with a backbone.

    Attributes:
        backbone: The network that embeds images.
        last_stride: Stride of ResNet-50's last stage; 1 keeps a larger map than the original's 2.
        stem_relu: Whether ResNet-50's stem has its ReLU.
        embedding: What distances are taken between: the pooled feature, or that behind the neck;
            as it is, or at unit length. No other training.
    """

    weights: WeightsKind = "imagenet"
    backbone: BackboneName = "resnet50"
    last_stride: Literal[1, 2] = 1
    stem_relu: bool = True
    embedding: Annotated[Embedding, AfterTraining()] = "pooled"

    @property
    def backbone_size(self) -> tuple[int, int]:
        """Height and width of the images that the backbone sees."""
        return self.image_size

    def build_backbone(self) -> Backbone:
        """Build the backbone with random weights."""
        return build_backbone(self.backbone, last_stride=self.last_stride, stem_relu=self.stem_relu)

    @model_validator(mode="after")
    def _backbone_has_its_options(self) -> Self:
        check_backbone(
            self.backbone,
            last_stride=self.last_stride,
            stem_relu=self.stem_relu,
            image_size=self.backbone_size,
        )
        return self


def embed(features: torch.Tensor, embedding: Embedding, neck: nn.Module) -> torch.Tensor:
    """Return what distances are taken between.

    Args:
        features: (B, D), pooled.
        embedding: Which feature.
        neck: From such features to those behind it; run only where they are wanted.

    Returns:
        (B, D).
    """
    if embedding.startswith("neck"):
        features = neck(features)
    return functional.normalize(features) if embedding.endswith("normalized") else features
