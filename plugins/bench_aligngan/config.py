"""The configuration of AlignGAN; the defaults are the paper's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from bench_core.methods import (
    AdversarialForm,
    AfterTraining,
    AugmentationConfig,
    OptimizerConfig,
    ReIDConfig,
    SamplingConfig,
    ScheduleConfig,
)

Discriminators: TypeAlias = Literal["joint", "separate"]
FoolingPairs: TypeAlias = Literal["all", "one-fake"]
Mining: TypeAlias = Literal["all", "hard"]

GENERATOR_STEP = 4
"""Images are halved twice in a generator."""
DISCRIMINATOR_STEP = 32
"""Images are halved five times in a discriminator."""


class AlignGANConfig(ReIDConfig):
    """Settings of AlignGAN (Secs. 3 and 4.2 of the paper).

    Open in the paper and taken from the authors' public code: image sizes, last stride, networks
    of P and D, momentum, weight decay and Adam's decay rates, warm-up stages.

    Attributes:
        image_height: Height at which images are translated and discriminated.
        image_width: Width at which images are translated and discriminated.
        feature_height: Height that the encoder sees images at.
        feature_width: Width that the encoder sees images at.
        backbone: The feature generator G_f.
        embedding: The feature vector V (Sec. 3.4); there is no neck.
        pixel_alignment: Whether RGB images are translated to fake infrared ones, in training and at
            test time; without, real RGB images stand in for fake infrared ones (Sec. 4.5).
        discriminators: One of image-feature pairs (Sec. 3.3), or one of infrared images and one of
            feature maps (Fig. 2b).
        adversarial_form: Form of the adversarial losses of Eqs. 8 to 10, and of their like in the
            ablations and in the warm-up.
        visible_adversarial_form: Form of the adversarial loss of G_p' and of its discriminator,
            which is trained "as in" CycleGAN: by least squares.
        fooling_pairs: Which pairs P and F are to pass off as real: all of Eqs. 9 and 10, or only
            those whose other member is real. The joint discriminator's alone.
        feature_identity_weight: Weight of the mean classification loss of X and X' (Eq. 5); the
            sum of a mean of either, as in the authors' code, is a weight of 2.
        feature_gan_weight: lambda_gan^feat of Eq. 6 (Fig. 4).
        pixel_identity_weight: lambda_id^pix of Eq. 4 (Fig. 4).
        pixel_triplet_share: The 1/2 of Eq. 2 before the sum of both triplet losses.
        pixel_gan_weight: Weight of the generators' adversarial losses in Eq. 4.
        cycle_weight: lambda_cyc of Eq. 4.
        same_modality_weight: Weight of CycleGAN's identity loss: an image that is translated to its
            own modality should stay as it is (not in the paper).
        discriminator_weight: Weight of the discriminators' losses (Eq. 7).
        triplet_margin: m of Eq. 3, in cosine similarity.
        mining: Triplets of Eq. 3: all, as its expectation says, or the hardest of each anchor.
        hidden_features: Width of the classifier's middle layer, and of the embedder's output.
        classifier_dropout: Dropout rate of the classifier.
        classifier_dropout_at: What is dropped: the middle layer, or the feature vector.
        classifier_slope: Slope of the classifier's ReLU where it is negative.
        generator_width: Channels of the generators at full size.
        generator_blocks: Residual blocks of the generators.
        generator_running_statistics: Whether the generators' instance normalisation uses running
            statistics in evaluation.
        discriminator_width: Channels behind the first convolution of the discriminators.
        batch_statistics: Whether X and X' pass F together and share the statistics of batch
            normalisation, or each by itself.
        fixed_statistics: Whether F is in evaluation mode while P learns.
        recompute_activations: Whether activations are computed again in the backward pass, for
            less memory and the same result.
        flip_average: Whether the feature of the mirrored image is added at test time.
        encoder_warmup_epochs: Epochs of F on real infrared images.
        pixel_warmup_epochs: Epochs of P with discriminators of images; with pixel alignment only.
        epochs: Epochs of the joint training: 100 of 100 steps.
        sampling: P identities x K images.
        pixel_identities: Identities of a joint batch that P and D learn from, at most; all where
            not set.
        pixel_images: Images of each that P and D learn from, at most; all where not set.
        feature_optimizer: Of F; the learning rate is that of the CNN.
        head_rate_scale: Learning rate of classifier and embedder over that of the CNN.
        gan_optimizer: Of P, and of D.
        schedule: Of all learning rates in the joint training.
        augmentation: The flip that the paper names.
    """

    image_height: int = Field(default=128, ge=32, multiple_of=GENERATOR_STEP)
    image_width: int = Field(default=128, ge=32, multiple_of=GENERATOR_STEP)
    feature_height: int = Field(default=384, ge=16)
    feature_width: int = Field(default=192, ge=16)
    embedding: Annotated[Literal["pooled"], AfterTraining()] = "pooled"
    pixel_alignment: bool = True
    discriminators: Discriminators = "joint"
    adversarial_form: AdversarialForm = "log"
    visible_adversarial_form: AdversarialForm = "least-squares"
    fooling_pairs: FoolingPairs = "all"
    feature_identity_weight: float = Field(default=1.0, ge=0)
    feature_gan_weight: float = Field(default=0.1, ge=0)
    pixel_identity_weight: float = Field(default=1.0, ge=0)
    pixel_triplet_share: float = Field(default=0.5, ge=0)
    pixel_gan_weight: float = Field(default=1.0, ge=0)
    cycle_weight: float = Field(default=10.0, ge=0)
    same_modality_weight: float = Field(default=0.0, ge=0)
    discriminator_weight: float = Field(default=1.0, gt=0)
    triplet_margin: float = Field(default=1.0, ge=0)
    mining: Mining = "all"
    hidden_features: int = Field(default=256, ge=1)
    classifier_dropout: float = Field(default=0.5, ge=0, lt=1)
    classifier_dropout_at: Literal["hidden", "input"] = "hidden"
    classifier_slope: float = Field(default=0.0, ge=0)
    generator_width: int = Field(default=64, ge=1)
    generator_blocks: int = Field(default=4, ge=0)
    generator_running_statistics: bool = False
    discriminator_width: int = Field(default=64, ge=1)
    batch_statistics: Literal["shared", "separate"] = "separate"
    fixed_statistics: bool = False
    recompute_activations: bool = False
    flip_average: Annotated[bool, AfterTraining()] = False
    encoder_warmup_epochs: int = Field(default=50, ge=0)
    pixel_warmup_epochs: int = Field(default=100, ge=0)
    epochs: int = Field(default=100, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=18, images=4, steps_per_epoch=100)
    pixel_identities: int | None = Field(default=None, ge=2)
    pixel_images: int | None = Field(default=None, ge=1)
    feature_optimizer: OptimizerConfig = OptimizerConfig(
        kind="sgd", learning_rate=0.02, weight_decay=5e-4, momentum=0.9, nesterov=True
    )
    head_rate_scale: float = Field(default=10.0, gt=0)
    gan_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=2e-4, weight_decay=0.0, betas=(0.5, 0.999)
    )
    schedule: ScheduleConfig = ScheduleConfig(milestones=(50,))
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=0)

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each loss in its total, by its name in the log (Eqs. 2, 4, 6 and 7)."""
        return {
            "feature-identity": self.feature_identity_weight,
            "feature-triplet": 1.0,
            "feature-gan": self.feature_gan_weight,
            "pixel-gan": self.pixel_gan_weight,
            "pixel-gan-visible": self.pixel_gan_weight,
            "cycle": self.cycle_weight,
            "same-modality": self.same_modality_weight,
            "pixel-identity": self.pixel_identity_weight,
            "pixel-triplet": self.pixel_identity_weight * self.pixel_triplet_share,
            "discriminator": self.discriminator_weight,
            "discriminator-visible": self.discriminator_weight,
        }

    @property
    def backbone_size(self) -> tuple[int, int]:
        """Height and width that the encoder sees images at."""
        return self.feature_height, self.feature_width

    @property
    def pixel_sampling(self) -> SamplingConfig:
        """The part of a joint batch that P and D learn from."""
        sampling = self.sampling
        return SamplingConfig(
            identities=min(self.pixel_identities or sampling.identities, sampling.identities),
            images=min(self.pixel_images or sampling.images, sampling.images),
            steps_per_epoch=sampling.steps_per_epoch,
        )

    @model_validator(mode="after")
    def _pairs_need_images(self) -> Self:
        if self.discriminators == "joint" and not self.pixel_alignment:
            raise ValueError(
                "the joint discriminator needs pixel_alignment; set discriminators=separate, or "
                "choose the variant 'featalign' or 'baseline'"
            )
        return self

    @model_validator(mode="after")
    def _discriminators_see_two_patches(self) -> Self:
        height, width = self.image_height, self.image_width
        if (height // DISCRIMINATOR_STEP) * (width // DISCRIMINATOR_STEP) < 2:
            raise ValueError(
                f"images of {height}x{width} leave a discriminator a single patch, which it cannot "
                "normalise; set image_height=64 or more"
            )
        return self
