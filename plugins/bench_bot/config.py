"""The configuration of the strong baseline; the defaults are its paper's values."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from bench_core.methods import (
    AfterTraining,
    AugmentationConfig,
    Backbone,
    Embedding,
    OptimizerConfig,
    OptionalNeckConfig,
    SamplingConfig,
    ScheduleConfig,
    build_backbone,
)


class BoTConfig(OptionalNeckConfig):
    """Settings of the bag-of-tricks baseline, with both modalities in one network.

    Attributes:
        backbone: One for both modalities.
        last_stride: Of the last stage of either backbone.
        embedding: The feature behind the neck at unit length.
        neck: What is between the feature and the classifier: batch normalisation, or nothing, where
            the classifier has a bias.
        warm_up: Whether the rate rises at first, as `schedule` says.
        random_erasing: Whether rectangles are erased, as `augmentation` says.
        label_smoothing: Share of the identity loss' target that is spread over all identities.
        margin: Of the batch-hard triplet loss.
        center_loss: Whether features are drawn to the centres of their identities.
        center_weight: Of the centre loss, as features see it.
        center_optimizer: Of the centres, whose gradient the weight does not scale.
        sampling: 16 identities x 4 images as published, of which two are of either modality.
        optimizer: Adam of the network.
        schedule: R / 10, 2 R / 10, ... R over 10 epochs; a tenth when epochs 40 and 70 start.
        augmentation: Flip, crop and erasing.
    """

    backbone: Literal["resnet50", "small"] = "resnet50"
    embedding: Annotated[Embedding, AfterTraining()] = "neck-normalized"
    warm_up: bool = True
    random_erasing: bool = True
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    margin: float = Field(default=0.3, ge=0)
    center_loss: bool = True
    center_weight: float = Field(default=5e-4, gt=0)
    center_optimizer: OptimizerConfig = OptimizerConfig(
        kind="sgd", learning_rate=0.5, weight_decay=0.0, momentum=0.0
    )
    sampling: SamplingConfig = SamplingConfig(identities=16, images=2)
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3.5e-4, weight_decay=5e-4)
    schedule: ScheduleConfig = ScheduleConfig(
        warmup_epochs=10, warmup_factor=0.0, milestones=(41, 71), told="start"
    )
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=10, erasing=0.5)

    @property
    def learning_schedule(self) -> ScheduleConfig:
        """The schedule of the network's rate, with or without its warm-up."""
        if self.warm_up:
            return self.schedule
        return self.schedule.model_copy(update={"warmup_epochs": 0})

    @property
    def training_augmentation(self) -> AugmentationConfig:
        """The augmentation, with or without erasing."""
        if self.random_erasing:
            return self.augmentation
        return self.augmentation.model_copy(update={"erasing": 0.0})

    def build_backbone(self) -> Backbone:
        """Build the backbone with random weights; the small one has a last stride as well."""
        if self.backbone == "resnet50":
            return super().build_backbone()
        backbone = build_backbone(self.backbone)
        if self.last_stride == 2:
            stride_last_stage(backbone)
        return backbone

    @model_validator(mode="after")
    def _backbone_has_its_options(self) -> Self:
        """Both backbones have a last stride, unlike those of other methods."""
        if self.backbone != "resnet50" and not self.stem_relu:
            raise ValueError(
                "stem_relu=false is an option of backbone=resnet50 alone; leave it at true"
            )
        return self


def stride_last_stage(backbone: Backbone) -> None:
    """Let the last stage of the small backbone halve its maps, as ResNet's originally does."""
    block: Any = backbone.body[-1]
    block.conv1.stride = (2, 2)
    block.downsample[0].stride = (2, 2)
