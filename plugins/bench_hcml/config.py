"""The configurations of TONE and HCML; the defaults are those of the authors' code for RegDB."""

from __future__ import annotations

from typing import Literal, Self, TypeAlias

from pydantic import Field, model_validator

from bench_core.methods import SamplingConfig, TwoPathRecipe

NormalizedAlong: TypeAlias = Literal["features", "batch"]
"""Each image's feature is brought to unit length, or each dimension's values of a batch are."""
InfraredGradient: TypeAlias = Literal["own", "by-visible"]
"""The gradient of T as it is; or its part of one modality times V, not T."""

VisibleOrder: TypeAlias = Literal["random", "listed"]


class TONEConfig(TwoPathRecipe):
    """Settings of TONE.

    Attributes:
        contrastive_weight: Of the contrastive loss.
        contrastive_margin: Distance beyond which two people's features are left alone.
        normalized_along: What is brought to unit length before the contrastive loss.
        visible_order: How a training goes through the visible images: at random, or as the dataset
            lists them, where those of a person follow each other.
        epochs: 19 of 79 steps are the 1,501 of the code.
        sampling: Pairs in a batch are the product of its numbers; half of them show one person.
    """

    contrastive_weight: float = Field(default=0.2, ge=0)
    contrastive_margin: float = Field(default=0.5, ge=0)
    normalized_along: NormalizedAlong = "features"
    visible_order: VisibleOrder = "random"
    epochs: int = Field(default=19, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=64, images=1, steps_per_epoch=79)


class HCMLConfig(TONEConfig):
    """Settings of HCML: those of TONE, and of the metric that is learned on its features.

    Attributes:
        embedding: What of TONE the metric is learned on, and compared.
        pca_dimensions: Dimensions that the principal components leave.
        within_weight: Of the terms that tighten each person within a modality.
        metric_steps: Most steps of the metric learning.
        metric_tolerance: Relative change of the cross-modality term at which it stops.
        transform_rate: Rate of the gradient steps of V and T, but for the decay.
        transform_decay: What the rate is multiplied by before each of them.
        infrared_gradient: How the gradient of T is computed.
    """

    embedding: Literal["fc7", "fc7-before-relu"] = "fc7"  # type: ignore[assignment]
    pca_dimensions: int = Field(default=600, ge=1)
    within_weight: float = Field(default=0.2, ge=0)
    metric_steps: int = Field(default=300, ge=1)
    metric_tolerance: float = Field(default=1e-6, ge=0)
    transform_rate: float = Field(default=0.1, ge=0)
    transform_decay: float = Field(default=0.95, gt=0, le=1)
    infrared_gradient: InfraredGradient = "own"

    @model_validator(mode="after")
    def _features_have_the_dimensions(self) -> Self:
        if self.pca_dimensions > self.fc7_width:
            raise ValueError(
                f"pca_dimensions={self.pca_dimensions} of features of "
                f"fc7_width={self.fc7_width}: there are no more than these"
            )
        return self
