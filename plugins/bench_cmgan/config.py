"""The configuration of cmGAN; the defaults are what is known of the paper, and else proposals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from bench_core.methods import (
    AfterTraining,
    AugmentationConfig,
    OptimizerConfig,
    ReIDConfig,
    SamplingConfig,
)

Mining: TypeAlias = Literal["hard", "random"]
InputRange: TypeAlias = Literal["signed", "imagenet"]


class CMGANConfig(ReIDConfig):
    """Settings of cmGAN. Sources are named on the page; open points are marked.

    Attributes:
        image_height: Height of images (open).
        image_width: Width of images (open).
        backbone: The generator of features, one for both modalities.
        last_stride: The original's (open).
        embedding: The pooled feature; there is no neck.
        input_range: How images are normalised (open): to [-1, 1], or by ImageNet's statistics.
        triplets: Whether L_G has the triplet loss.
        triplet_weight: alpha of L_G.
        identity_weight: beta of L_G.
        adversarial_weight: gamma, of L_D in the generator's step; without it there is no
            discriminator.
        margin: Of the cross-modality triplet loss.
        mining: Triplets (open): the hardest of the batch for each anchor, or one drawn at random.
        alternation: K: the discriminator learns from every K-th batch, the generator from every
            one.
        epochs: Number of epochs (open).
        sampling: P identities x K images of each modality (open).
        optimizer: Of the backbone and the identity head.
        discriminator_optimizer: Of the modality head; SGD unless it learns from every batch.
        augmentation: A random flip.
    """

    image_height: int = Field(default=224, ge=16)
    image_width: int = Field(default=224, ge=16)
    last_stride: Literal[1, 2] = 2
    embedding: Annotated[Literal["pooled", "pooled-normalized"], AfterTraining()] = "pooled"
    input_range: InputRange = "signed"
    triplets: bool = True
    triplet_weight: float = Field(default=1.0, gt=0)
    identity_weight: float = Field(default=1.0, gt=0)
    adversarial_weight: float = Field(default=0.05, ge=0)
    margin: float = Field(default=1.4, ge=0)
    mining: Mining = "hard"
    alternation: int = Field(default=5, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=8, images=4)
    optimizer: OptimizerConfig = OptimizerConfig(kind="sgd", learning_rate=1e-4, weight_decay=0.0)
    discriminator_optimizer: OptimizerConfig = OptimizerConfig(
        kind="sgd", learning_rate=1e-3, weight_decay=0.0
    )
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=0)

    @property
    def is_adversarial(self) -> bool:
        """Whether there is a discriminator."""
        return self.adversarial_weight > 0

    @property
    def generator_weights(self) -> Mapping[str, float]:
        """Weight of each loss in L_G - gamma L_D, by its name in the log."""
        return {
            "identity": self.identity_weight,
            "triplet": self.triplet_weight,
            "confusion": -self.adversarial_weight,
        }

    @model_validator(mode="after")
    def _seldom_steps_are_of_sgd(self) -> Self:
        optimizer = self.discriminator_optimizer
        if self.alternation > 1 and (optimizer.kind != "sgd" or optimizer.nesterov):
            raise ValueError(
                f"alternation={self.alternation} needs plain SGD in discriminator_optimizer; set "
                "alternation=1, or discriminator_optimizer.kind=sgd without nesterov"
            )
        return self
