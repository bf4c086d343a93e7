"""The settings that TONE, HCML, BCTR and BDTR share (Ye et al. 2018)."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

import torch
from pydantic import Field, model_validator
from torch import nn

from bench_core.configuration import AfterTraining
from bench_core.contracts.errors import UsageError
from bench_core.data.augmentation import AugmentationConfig
from bench_core.modeling.alexnet import (
    SMALLEST_ALEXNET_IMAGE,
    PathName,
    SharedTop,
    TwoPath,
    build_two_path,
)
from bench_core.modeling.cropping import random_crop, resized
from bench_core.modeling.normalization import ImageNormalization
from bench_core.training.recipes import OptimizerConfig
from bench_core.training.reid import ReIDConfig
from bench_core.training.samplers import SamplingConfig
from bench_core.training.stages import OptimizerPlan

FC7: TypeAlias = Literal["fc7", "fc7-before-relu"]
"""What distances are taken between, at unit length."""


class TwoPathNormalization(ImageNormalization):
    """ImageNet's mean and deviation, the mean by intention or by accident in reverse order.

    Args:
        reversed_mean: Whether the channels' means are subtracted in reverse order.
    """

    def __init__(self, *, reversed_mean: bool = False) -> None:
        super().__init__()
        if reversed_mean:
            self.mean = self.mean.flip(1)


class TwoPathRecipe(ReIDConfig):
    """Settings of the authors' public code for RegDB; `backbone=small` has the same structure.

    Attributes:
        backbone: What each modality has for itself before fc6.
        embedding: What is compared: fc7 behind its ReLU, or before it. No other training.
        crop_margin: Rows and columns that a training image loses by its crop: 227 of 256 are left.
            At test time an image is resized to the size of a crop.
        crop_offset: Whether row and column of a crop are drawn each for itself, or are one number.
        mean_order: Whether the mean of a channel is its own, or that in the reverse order.
        fc6_width: Outputs of the last layer that each modality has for itself.
        fc7_width: Outputs of the shared layer, the feature.
        dropout: Before fc7 and before the classifier.
        sampling: Images of a modality in a batch are the product of its numbers.
        optimizer: SGD with momentum for all layers, without weight decay.
        augmentation: None but the crop.
    """

    backbone: PathName = "alexnet"  # type: ignore[assignment]  # the base knows others
    embedding: Annotated[FC7, AfterTraining()] = "fc7"  # type: ignore[assignment]
    image_height: int = Field(default=256, ge=16)
    image_width: int = Field(default=256, ge=16)
    crop_margin: int = Field(default=29, ge=0)
    crop_offset: Literal["each-axis", "both-axes"] = "each-axis"
    mean_order: Literal["of-channels", "reversed"] = "of-channels"
    fc6_width: int = Field(default=4096, ge=1)
    fc7_width: int = Field(default=2048, ge=1)
    dropout: float = Field(default=0.5, ge=0, lt=1)
    sampling: SamplingConfig = SamplingConfig(identities=64, images=1, steps_per_epoch=100)
    optimizer: OptimizerConfig = OptimizerConfig(
        kind="sgd", learning_rate=1e-3, weight_decay=0.0, momentum=0.9
    )
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.0, padding=0)

    @property
    def backbone_size(self) -> tuple[int, int]:
        """Height and width of the images that the paths see: those of a crop."""
        return self.image_height - self.crop_margin, self.image_width - self.crop_margin

    def cropped(self, images: torch.Tensor) -> torch.Tensor:
        """Crop training images (B, 3, H, W) at random."""
        one_offset = self.crop_offset == "both-axes"
        return random_crop(images, self.backbone_size, one_offset=one_offset)

    def shrunk(self, images: torch.Tensor) -> torch.Tensor:
        """Resize test images (B, 3, H, W) to the size of a crop."""
        return resized(images, self.backbone_size)

    def build_normalization(self) -> TwoPathNormalization:
        """Build what images pass first."""
        return TwoPathNormalization(reversed_mean=self.mean_order == "reversed")

    def build_paths(self) -> TwoPath:
        """Build the layers that each modality has for itself, with random weights."""
        return build_two_path(
            self.backbone, self.fc6_width, last_stride=self.last_stride, stem_relu=self.stem_relu
        )

    def build_top(self, num_identities: int) -> SharedTop:
        """Build the layers that both modalities share, with random weights."""
        return SharedTop(self.fc6_width, self.fc7_width, num_identities, self.dropout)

    def plan(self, *networks: nn.Module) -> OptimizerPlan:
        """Plan the one optimiser, which treats all layers alike."""
        return OptimizerPlan.of(self.optimizer, *networks, schedule=self.schedule)

    @model_validator(mode="after")
    def _something_is_left_of_an_image(self) -> Self:
        height, width = self.backbone_size
        if min(height, width) < 1:
            raise ValueError(
                f"crop_margin={self.crop_margin} leaves nothing of images of "
                f"{self.image_height}x{self.image_width}"
            )
        if self.backbone == "alexnet" and min(height, width) < SMALLEST_ALEXNET_IMAGE:
            raise UsageError(
                f"crops of {height}x{width} are too small for backbone=alexnet, which needs "
                f"{SMALLEST_ALEXNET_IMAGE} rows and columns"
            )
        return self
