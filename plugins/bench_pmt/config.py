"""The configuration of PMT; the defaults are the values of the authors' code for SYSU-MM01."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from bench_core.methods import (
    AugmentationConfig,
    ImageDraws,
    ResizeFilter,
    SamplingConfig,
    TransformerReIDConfig,
    VisionTransformerConfig,
)

Sigma = Annotated[float, Field(gt=0)]


class PMTConfig(TransformerReIDConfig):
    """Settings of PMT.

    Attributes:
        transformer: ViT-B/16 with overlapping patches, from the original ImageNet weights.
        gray_epochs: The first so many of `epochs` see grey visible images, and draw triplets within
            each modality (progressive learning).
        margin: Of the triplet loss.
        triplet_weight: Of the triplet loss beside the identity loss.
        enhancement_weight: Of the modality-shared enhancement loss (MSEL), behind those epochs.
        center_weight: Of the discriminative centre loss (DCL), likewise.
        image_draws: How the images of an identity are drawn.
        augmentation: Of the images of both modalities.
        infrared_brightness: An infrared image is changed besides, between flip and erasing: half of
            them are blurred, the others' brightness is multiplied by a factor in 1 -+ this.
        infrared_contrast: And their contrast likewise.
        infrared_blur_kernel: Side of the blur in pixels, odd.
        infrared_blur_sigma: Least and greatest standard deviation of the blur in pixels.
    """

    resize_filter: ResizeFilter = "lanczos"

    transformer: VisionTransformerConfig = VisionTransformerConfig(
        patch_stride=12, dropout=0.03, stochastic_depth=0.1, norm_eps=1e-5, imagenet="timm"
    )
    gray_epochs: int = Field(default=6, ge=0)
    margin: float = Field(default=0.1, ge=0)
    triplet_weight: float = Field(default=1.0, ge=0)
    enhancement_weight: float = Field(default=0.5, ge=0)
    center_weight: float = Field(default=0.5, ge=0)
    sampling: SamplingConfig = SamplingConfig(identities=8, images=4)
    image_draws: ImageDraws = "without-replacement"
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=0, erasing=0.5)
    infrared_brightness: float = Field(default=0.3, ge=0, le=1)
    infrared_contrast: float = Field(default=0.3, ge=0, le=1)
    infrared_blur_kernel: int = Field(default=21, ge=1)
    infrared_blur_sigma: tuple[Sigma, Sigma] = (0.1, 3.0)

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each loss by its name in the log."""
        return {
            "identity": 1.0,
            "triplet": self.triplet_weight,
            "enhancement": self.enhancement_weight,
            "center": self.center_weight,
        }

    @model_validator(mode="after")
    def _grey_epochs_are_epochs(self) -> Self:
        if self.gray_epochs > self.epochs:
            raise ValueError(
                f"gray_epochs={self.gray_epochs} are the first of epochs={self.epochs}; set it to "
                "at most that"
            )
        return self

    @model_validator(mode="after")
    def _enhancement_has_pairs(self) -> Self:
        if self.enhancement_weight > 0 and self.sampling.images < 2:
            raise ValueError(
                "enhancement_weight needs two images of an identity in each modality; set "
                "sampling.images to at least 2, or enhancement_weight=0"
            )
        return self

    @model_validator(mode="after")
    def _blur_can_be(self) -> Self:
        kernel, (least, greatest) = self.infrared_blur_kernel, self.infrared_blur_sigma
        if kernel % 2 == 0:
            raise ValueError(f"infrared_blur_kernel={kernel} has no middle; it must be odd")
        if kernel // 2 >= min(self.image_size):
            height, width = self.image_size
            raise ValueError(
                f"infrared_blur_kernel={kernel} is too large for images of {height}x{width}, which "
                f"are mirrored at their borders; set it below {2 * min(self.image_size)}"
            )
        if least > greatest:
            raise ValueError(
                f"infrared_blur_sigma=[{least:g}, {greatest:g}]: the first must not be above the "
                "second"
            )
        return self
