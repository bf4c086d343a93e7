"""The configuration of D2RL; next to nothing of the paper's values is known, so most are proposals.

The weights of the translator's losses are those of UNIT (Liu et al. 2017), which it is said to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self, TypeAlias

from pydantic import Field, model_validator

from bench_core.methods import (
    AdversarialForm,
    AugmentationConfig,
    Neck,
    OptimizerConfig,
    OptionalNeckConfig,
    SamplingConfig,
    ScheduleConfig,
)

Counterpart: TypeAlias = Literal["translated", "grey"]

TRANSLATOR_STEP = 4
"""Images are halved twice in an encoder."""
SMALLEST_JUDGED = 16
"""A discriminator halves images four times."""


class D2RLConfig(OptionalNeckConfig):
    """Settings of D2RL; the page says which are known and which are open.

    Attributes:
        backbone: Of the feature level T_F, with four channels at its first convolution.
        last_stride: The original's (open).
        embedding: The pooled feature as it is (open).
        neck: What is between feature and classifier (open): nothing, or batch normalisation.
        counterpart: What stands beside an image as the other modality: its translation by T_I, or
            its own grey values, in which case there is no T_I.
        joint: Whether T_I goes on learning while T_F does, from its losses too; otherwise it stays
            as it is and T_F learns for as many epochs.
        translation_height: Height at which images are translated (open).
        translation_width: Width at which images are translated (open).
        translator_width: Channels of encoders and decoders at full size (open).
        own_blocks: Residual blocks that an encoder or decoder has to itself (open).
        shared_blocks: Residual blocks that the encoders share, and again that the decoders share.
        discriminator_width: Channels behind the first convolution of a discriminator (open).
        discriminator_scales: Sizes of an image that a discriminator judges (open).
        adversarial_form: Of the adversarial losses (open).
        reconstruction_weight: Of the images that are decoded in their own modality.
        divergence_weight: Of the codes' divergence from N(0, I).
        cycle_weight: Of images translated there and back.
        cycle_divergence_weight: Of the divergence of the codes of translations.
        adversarial_weight: Of what the discriminators say of translations.
        identity_weight: Of T_F's cross-entropy.
        triplet_weight: Of T_F's batch-hard triplet loss.
        margin: Of that.
        translation_epochs: Epochs of T_I alone, before T_F (open).
        feature_epochs: Epochs of T_F on translations of a fixed T_I (open).
        epochs: Epochs of the joint training (open).
        translation_sampling: Batches of T_I alone (open).
        sampling: P identities x K images of each modality, of the other stages (open).
        translator_optimizer: Of T_I, and of its discriminators.
        optimizer: Of T_F (open).
        schedule: Of T_F's rate in its last stage (open).
        augmentation: A flip (open).
    """

    last_stride: Literal[1, 2] = 2
    neck: Neck = "none"
    counterpart: Counterpart = "translated"
    joint: bool = True
    translation_height: int = Field(default=128, ge=SMALLEST_JUDGED, multiple_of=TRANSLATOR_STEP)
    translation_width: int = Field(default=64, ge=SMALLEST_JUDGED, multiple_of=TRANSLATOR_STEP)
    translator_width: int = Field(default=64, ge=1)
    own_blocks: int = Field(default=3, ge=0)
    shared_blocks: int = Field(default=1, ge=1)
    discriminator_width: int = Field(default=64, ge=1)
    discriminator_scales: int = Field(default=3, ge=1)
    adversarial_form: AdversarialForm = "least-squares"
    reconstruction_weight: float = Field(default=10.0, ge=0)
    divergence_weight: float = Field(default=0.01, ge=0)
    cycle_weight: float = Field(default=10.0, ge=0)
    cycle_divergence_weight: float = Field(default=0.01, ge=0)
    adversarial_weight: float = Field(default=1.0, ge=0)
    identity_weight: float = Field(default=1.0, ge=0)
    triplet_weight: float = Field(default=1.0, ge=0)
    margin: float = Field(default=0.3, ge=0)
    translation_epochs: int = Field(default=30, ge=1)
    feature_epochs: int = Field(default=60, ge=1)
    epochs: int = Field(default=60, ge=1)
    translation_sampling: SamplingConfig = SamplingConfig(identities=8, images=1)
    translator_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=1e-4, weight_decay=0.0, betas=(0.5, 0.999)
    )
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3.5e-4, weight_decay=5e-4)
    schedule: ScheduleConfig = ScheduleConfig(milestones=(30,))
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=0)

    @property
    def translates(self) -> bool:
        """Whether there is an image level T_I."""
        return self.counterpart == "translated"

    @property
    def translation_size(self) -> tuple[int, int]:
        """Height and width at which images are translated."""
        return self.translation_height, self.translation_width

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each loss in its total, by its name in the log."""
        return {
            "reconstruction": self.reconstruction_weight,
            "divergence": self.divergence_weight,
            "cycle": self.cycle_weight,
            "cycle-divergence": self.cycle_divergence_weight,
            "adversarial": self.adversarial_weight,
            "identity": self.identity_weight,
            "triplet": self.triplet_weight,
        }

    @model_validator(mode="after")
    def _joint_training_needs_a_translator(self) -> Self:
        if self.joint and not self.translates:
            raise ValueError(
                f"counterpart={self.counterpart} leaves no translator to train jointly; set "
                "joint=false, or choose the variant 'without-translation'"
            )
        return self

    @model_validator(mode="after")
    def _every_scale_can_be_judged(self) -> Self:
        smallest = min(self.translation_size) // 2 ** (self.discriminator_scales - 1)
        if smallest < SMALLEST_JUDGED:
            height, width = self.translation_size
            raise ValueError(
                f"translations of {height}x{width} are too small for "
                f"discriminator_scales={self.discriminator_scales}: the smallest scale must have "
                f"at least {SMALLEST_JUDGED} pixels each way; set fewer scales, or a larger "
                "translation_height and translation_width"
            )
        return self

    @model_validator(mode="after")
    def _the_feature_level_learns(self) -> Self:
        if self.identity_weight == self.triplet_weight == 0:
            raise ValueError("identity_weight and triplet_weight cannot both be 0")
        return self
