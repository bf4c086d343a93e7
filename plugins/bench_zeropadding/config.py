"""The configurations of the networks of Wu et al., which differ by what the modalities share."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from bench_core.methods import (
    CONSTANT_RATE,
    AfterTraining,
    AugmentationConfig,
    Backbone,
    OptimizerConfig,
    ReIDConfig,
    SamplingConfig,
    ScheduleConfig,
    SplitStage,
    TwoStream,
    WeightsKind,
)
from bench_zeropadding.networks import (
    Gray,
    Residual,
    SharedBackbone,
    TwoInputs,
    ZeroPadded,
    residual_backbone,
)

Pooled: TypeAlias = Literal["pooled", "pooled-normalized"]


class IdentityNetworkConfig(ReIDConfig):
    """What the networks have in common; open points are marked on their pages.

    Attributes:
        weights: ResNet-6 starts at random.
        image_height: Height of images.
        image_width: Width of images.
        backbone: ResNet-6, or another.
        embedding: The pooled feature as it is, or at unit length. No other training.
        own_classifiers: Whether each modality has a classifier of its own.
        sampling: 32 images of each modality, shuffled; only the product of the two numbers counts.
        optimizer: SGD at a constant rate.
        schedule: Of the rate.
        augmentation: Translation by up to a tenth of the image; what it uncovers is black.
    """

    weights: WeightsKind = "none"
    image_height: int = Field(default=224, ge=16)
    image_width: int = Field(default=224, ge=16)
    backbone: Residual = "resnet6"  # type: ignore[assignment]
    embedding: Annotated[Pooled, AfterTraining()] = "pooled"
    own_classifiers: bool = False
    epochs: int = Field(default=100, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=8, images=4)
    optimizer: OptimizerConfig = OptimizerConfig(
        kind="sgd", learning_rate=1e-3, weight_decay=5e-4, momentum=0.9
    )
    schedule: ScheduleConfig = CONSTANT_RATE
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.0, padding=22)

    def build_backbone(self, channels: int = 3) -> Backbone:
        """Build the backbone with random weights, for images of so many channels."""
        return residual_backbone(
            self.backbone, channels, last_stride=self.last_stride, stem_relu=self.stem_relu
        )

    def build_network(self) -> SharedBackbone | TwoStream:
        """Build what embeds the images of both modalities."""
        raise NotImplementedError


class OneStreamConfig(IdentityNetworkConfig):
    """Settings of the one-stream network: both modalities are grey images."""

    def build_network(self) -> SharedBackbone:
        """Build the network."""
        return SharedBackbone(Gray(), Gray(), self.build_backbone(1))


class TwoStreamConfig(IdentityNetworkConfig):
    """Settings of the two-stream network.

    Attributes:
        private_stages: The last stage that each modality has for itself; 0 for the stem alone.
    """

    private_stages: SplitStage = 1

    def build_network(self) -> TwoStream:
        """Build the network."""
        return TwoInputs(self.build_backbone(3), self.build_backbone(1), self.private_stages)


class ZeroPaddingConfig(IdentityNetworkConfig):
    """Settings of deep zero-padding: a channel for each modality, of which one is zero."""

    def build_network(self) -> SharedBackbone:
        """Build the network."""
        return SharedBackbone(ZeroPadded(0), ZeroPadded(1), self.build_backbone(2))
