"""The configuration of MPANet; the defaults are those of SYSU-MM01."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from bench_core.methods import (
    AfterTraining,
    AugmentationConfig,
    Embedding,
    OptimizerConfig,
    ReIDConfig,
    SamplingConfig,
    ScheduleConfig,
)

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""What is erased becomes the mean colour, which is zero behind the normalisation."""
ONE_PLACE = {"small": 16, "densenet121": 63, "resnet50": 16}
"""Height and width up to which an image shrinks to one place, with last stride 1."""


class MPANetConfig(ReIDConfig):
    """Settings of MPANet.

    Attributes:
        modality_alleviation: Whether maps pass the gates (MAM) behind stages 3 and 4.
        patterns: Masks of the pattern alignment (PAM); with 0 the feature is the average alone.
        mutual_learning: Whether each modality has a classifier of its own that the other's teaches.
        separation_weight: Of the loss that keeps masks apart.
        center_weight: Of the centre cluster loss.
        center_margin: Least distance of two centres, before the neck.
        modality_weight: Of the identity losses of the modalities' own classifiers.
        mutual_weight: Of the divergence from what the other modality's classifier says.
        averaging_rate: Share by which averaged classifiers move in a step, of epochs up to 99;
            then it falls with one over the epoch.
        embedding: The feature behind the neck, at unit length.
        sampling: P identities x K images.
        optimizer: Adam.
        schedule: A tenth after 80 epochs, and after 120.
        augmentation: Flip, then crop from grey padding, then torchvision's random erasing.
    """

    image_height: int = Field(default=384, ge=16)
    modality_alleviation: bool = True
    patterns: int = Field(default=6, ge=0)
    mutual_learning: bool = True
    separation_weight: float = Field(default=0.5, ge=0)
    center_weight: float = Field(default=1.0, ge=0)
    center_margin: float = Field(default=0.7, ge=0)
    modality_weight: float = Field(default=0.5, ge=0)
    mutual_weight: float = Field(default=2.5, ge=0)
    averaging_rate: float = Field(default=0.2, ge=0, le=1)
    embedding: Annotated[Embedding, AfterTraining()] = "neck-normalized"
    epochs: int = Field(default=140, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=16, images=4)
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3.5e-4, weight_decay=5e-4)
    schedule: ScheduleConfig = ScheduleConfig(milestones=(80, 120))
    augmentation: AugmentationConfig = AugmentationConfig(
        flip=0.5, padding=10, erasing=0.5, erasing_values=IMAGENET_MEAN
    )

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each loss by its name in the log."""
        return {
            "identity": 1.0,
            "center": self.center_weight,
            "separation": self.separation_weight,
            "modality": self.modality_weight,
            "mutual": self.mutual_weight,
        }

    def averaging_rate_of(self, epoch: int) -> float:
        """Return the rate by which averages move: r = r_0 min(100 / (E + 1), 1).

        Args:
            epoch: E - 1, counted from 0.

        Examples:
            >>> config = MPANetConfig()
            >>> [round(config.averaging_rate_of(epoch), 4) for epoch in (0, 98, 99, 139)]
            [0.2, 0.2, 0.198, 0.1418]
        """
        return self.averaging_rate * min(100 / (epoch + 2), 1.0)

    @model_validator(mode="after")
    def _maps_have_places_to_normalize_over(self) -> Self:
        limit = ONE_PLACE[self.backbone] * self.last_stride
        if self.modality_alleviation and max(self.image_size) <= limit:
            height, width = self.image_size
            raise ValueError(
                f"images of {height}x{width} shrink to one place, over which modality_alleviation "
                f"cannot normalise; set image_height above {limit}"
            )
        return self
