"""The settings that most methods have: a backbone, what of it is compared, how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal, Self, Unpack

from pydantic import Field, model_validator
from torch import nn

from bench_core.configuration import AfterTraining, MethodConfig, WeightsKind
from bench_core.data.augmentation import AugmentationConfig
from bench_core.modeling.backbones import (
    Backbone,
    BackboneName,
    build_backbone,
    check_backbone,
)
from bench_core.modeling.necks import Embedding, Neck
from bench_core.training.batches import Batch
from bench_core.training.recipes import CONSTANT_RATE, ScheduleConfig
from bench_core.training.samplers import SamplingConfig
from bench_core.training.stages import OptimizerPlan, Stage, StageParts, Step


class ReIDConfig(MethodConfig):
    """The settings of a method with a backbone.

    Attributes:
        backbone: The network that embeds images.
        last_stride: Stride of ResNet-50's last stage; 1 keeps a larger map than the original's 2.
        stem_relu: Whether ResNet-50's stem has its ReLU.
        embedding: What distances are taken between: the pooled feature, or that behind the neck;
            as it is, or at unit length. No other training.
        epochs: Number of epochs of the stage that trains everything.
        sampling: Its batches: P identities x K images.
        schedule: Of its learning rates.
        augmentation: Of all training images.
    """

    weights: WeightsKind = "imagenet"
    backbone: BackboneName = "resnet50"
    last_stride: Literal[1, 2] = 1
    stem_relu: bool = True
    embedding: Annotated[Embedding, AfterTraining()] = "pooled"
    epochs: int = Field(default=120, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=8, images=4)
    schedule: ScheduleConfig = CONSTANT_RATE
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=10)

    @property
    def backbone_size(self) -> tuple[int, int]:
        """Height and width of the images that the backbone sees."""
        return self.image_size

    def build_backbone(self) -> Backbone:
        """Build the backbone with random weights."""
        return build_backbone(self.backbone, last_stride=self.last_stride, stem_relu=self.stem_relu)

    def stage(
        self,
        name: str,
        step: Step,
        optimizers: Mapping[str, OptimizerPlan],
        *,
        epochs: int | None = None,
        sampling: SamplingConfig | None = None,
        frozen: Sequence[nn.Module] = (),
        check: Callable[[Batch], None] | None = None,
        **parts: Unpack[StageParts],
    ) -> Stage:
        """Return a stage of these epochs, batches and augmentation, or of others; see `Stage`."""
        return Stage(
            name=name,
            epochs=self.epochs if epochs is None else epochs,
            step=step,
            optimizers=optimizers,
            sampling=sampling or self.sampling,
            augmentation=self.augmentation,
            frozen=frozen,
            check=check,
            **parts,
        )

    @model_validator(mode="after")
    def _backbone_has_its_options(self) -> Self:
        check_backbone(
            self.backbone,
            last_stride=self.last_stride,
            stem_relu=self.stem_relu,
            image_size=self.backbone_size,
        )
        return self


class OptionalNeckConfig(ReIDConfig):
    """The settings of a method whose neck can be left out.

    Attributes:
        neck: What is between the feature and the classifier: batch normalisation, or nothing.
    """

    neck: Neck = "batch-norm"

    @model_validator(mode="after")
    def _neck_exists(self) -> Self:
        if self.neck == "none" and self.embedding.startswith("neck"):
            pooled = self.embedding.replace("neck", "pooled")
            raise ValueError(f"embedding={self.embedding} needs a neck; use {pooled}")
        return self
