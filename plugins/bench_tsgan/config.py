"""The configuration of TS-GAN; the defaults are the paper's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self, TypeAlias

from pydantic import Field, model_validator

from bench_core.methods import (
    AdversarialForm,
    OptimizerConfig,
    OptionalNeckConfig,
    SamplingConfig,
    ScheduleConfig,
)

DiscriminatorKind: TypeAlias = Literal["joint", "ordinary", "none"]
Learner: TypeAlias = Literal["student", "infrared", "visible"]
Reduction: TypeAlias = Literal["mean", "channel-sum", "sum"]

SIZE_STEP = 4
"""Generators halve images twice and double them twice."""
SMALLEST_HEIGHT, SMALLEST_WIDTH = 64, 32
"""The joint discriminator halves images five times and normalises over what is left."""

WARM_UP = ScheduleConfig(
    warmup_epochs=10, warmup_factor=0, milestones=(40, 70), decay=0.3, told="start"
)


class TSGANConfig(OptionalNeckConfig):
    """Settings of TS-GAN (Sec. IV-B of the paper; open points are marked).

    Attributes:
        backbone: Of student and teacher.
        neck: What is between V and the classifier (open): batch normalisation as in the cited
            baseline, or nothing, where the classifier has a bias.
        learner: Whose features are scored: the student's; or those of a network that learns from
            one modality alone, as the teacher does from infrared images (Table III), in which
            case nothing else is trained.
        discriminator: D_I: over pairs of image and feature map, over images (TS-GAN_OD), or no
            GAN at all.
        generator_width: Channels of the generators at full size (open).
        generator_blocks: Residual blocks of the generators (open).
        discriminator_width: Channels behind the discriminators' first convolutions (open).
        identity_weight: lambda_1 of Eq. 8.
        triplet_weight: lambda_2 of Eq. 8.
        gan_weight: lambda_3 of Eq. 8; 0 unless the discriminator is joint.
        cross_domain_weight: alpha_c of Eq. 16.
        same_domain_weight: alpha_s of Eq. 16.
        cycle_weight: omega of Eq. 7.
        margin: m of Eq. 11.
        label_smoothing: epsilon of Eq. 10 (open; the cited baseline's).
        map_reduction: What the squared norms of Eqs. 13-15 are over a feature map (open): mean over
            its values, sum over channels and mean over places, or sum.
        adversarial_form: Logarithmic as printed, or least squares.
        maps_guide_generator: Whether the gradient of Eq. 1 reaches the generator through the
            student's feature map as well (open).
        erasing: Probability of random erasing, of what student and teacher learn from alone:
            generators and the teacher's targets see whole images (open).
        epochs: Epochs of the joint training.
        teacher_epochs: Epochs of the teacher's pretraining (open).
        generation_epochs: Epochs in which generators and discriminators train alone first.
        sampling: K = 8 identities x P = 4 pairs of images.
        teacher_sampling: The cited baseline's 16 x 4 (open); the visible images are not used.
        optimizer: Adam of student and teacher.
        schedule: R / 10, 2 R / 10, ... R over 10 epochs; x 0.3 when epochs 40 and 70 start.
        teacher_schedule: That of the teacher (open).
        gan_optimizer: Adam of generators and discriminators (open; CycleGAN's).
        gan_schedule: Their schedule (open).
        augmentation: The cited baseline's flip and crop (open).
    """

    learner: Learner = "student"
    discriminator: DiscriminatorKind = "joint"
    generator_width: int = Field(default=64, ge=1)
    generator_blocks: int = Field(default=4, ge=0)
    discriminator_width: int = Field(default=64, ge=1)
    identity_weight: float = Field(default=3.0, ge=0)
    triplet_weight: float = Field(default=1.0, ge=0)
    gan_weight: float = Field(default=0.1, ge=0)
    cross_domain_weight: float = Field(default=0.006, ge=0)
    same_domain_weight: float = Field(default=0.003, ge=0)
    cycle_weight: float = Field(default=10.0, ge=0)
    margin: float = Field(default=0.3, ge=0)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    map_reduction: Reduction = "mean"
    adversarial_form: AdversarialForm = "log"
    maps_guide_generator: bool = False
    erasing: float = Field(default=0.0, ge=0, le=1)
    teacher_epochs: int = Field(default=120, ge=1)
    generation_epochs: int = Field(default=0, ge=0)
    teacher_sampling: SamplingConfig = SamplingConfig(identities=16, images=4)
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3.5e-4, weight_decay=5e-4)
    schedule: ScheduleConfig = WARM_UP
    teacher_schedule: ScheduleConfig = WARM_UP
    gan_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=2e-4, weight_decay=0.0, betas=(0.5, 0.999)
    )
    gan_schedule: ScheduleConfig = ScheduleConfig()

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each loss in its total, by its name in the log (Eqs. 7, 8 and 16)."""
        return {
            "generator": 1.0,
            "cycle": self.cycle_weight,
            "identity": self.identity_weight,
            "triplet": self.triplet_weight,
            "gan": self.gan_weight,
            "real-infrared": self.same_domain_weight,
            "fake-infrared": self.same_domain_weight,
            "cross-domain": self.cross_domain_weight,
        }

    @property
    def has_generators(self) -> bool:
        """Whether there is a GAN."""
        return self.discriminator != "none"

    @property
    def has_teacher(self) -> bool:
        """Whether a teacher-student loss (Eq. 16) asks for a teacher beside the student."""
        return self.cross_domain_weight > 0 or self.same_domain_weight > 0

    @model_validator(mode="after")
    def _losses_have_their_networks(self) -> Self:
        if self.discriminator != "joint" and self.gan_weight > 0:
            raise ValueError(
                f"gan_weight={self.gan_weight:g} needs discriminator=joint, the only one that "
                "judges the student's feature maps; set gan_weight=0"
            )
        if not self.has_generators and self.has_teacher:
            raise ValueError(
                "without generated images (discriminator=none) there are no teacher-student "
                "losses; set cross_domain_weight=0 and same_domain_weight=0"
            )
        return self

    @model_validator(mode="after")
    def _one_modality_needs_nothing_else(self) -> Self:
        if self.learner != "student" and self.has_generators:
            raise ValueError(
                f"learner={self.learner} trains one network on one modality and no GAN; set "
                "discriminator=none and the weights of its losses to 0"
            )
        return self

    @model_validator(mode="after")
    def _images_fit_the_generators(self) -> Self:
        height, width = self.image_size
        fits = height % SIZE_STEP == width % SIZE_STEP == 0
        if self.has_generators and not (
            fits and height >= SMALLEST_HEIGHT and width >= SMALLEST_WIDTH
        ):
            raise ValueError(
                f"images of {height}x{width} do not fit the GAN: image_height and image_width "
                f"must be multiples of {SIZE_STEP}, at least {SMALLEST_HEIGHT} and {SMALLEST_WIDTH}"
            )
        return self
