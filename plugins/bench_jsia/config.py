"""The configuration of JSIA-ReID; the defaults are the paper's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self, TypeAlias

from pydantic import Field, model_validator

from bench_core.methods import (
    AugmentationConfig,
    OptimizerConfig,
    ReIDConfig,
    SamplingConfig,
    ScheduleConfig,
)

SetLevel: TypeAlias = Literal["shared", "adversarial", "separate"]
LocalRegions: TypeAlias = Literal["paired", "unpaired", "none"]

SMALLEST_GENERATED = 32
"""Fewer pixels and the second scale of a discriminator has none left."""
CONTENT_STRIDE = 4
"""Image size over that of the modality-invariant maps, behind a backbone's first stage."""


class JSIAConfig(ReIDConfig):
    """Settings of JSIA-ReID (Secs. 3 and 4.2; what the paper leaves open is marked).

    Attributes:
        set_level: Set-level alignment (SL): E^sl is the modality-invariant encoder E^i itself; or
            it is another network, aligned by a modality discriminator, or not at all (Table 3).
        instance_level: Instance-level alignment (IL) over paired images (Eq. 11).
        local_regions: The same by local regions (LR, Eq. 12): over paired images, over the real
            images of a person instead, or not at all.
        unseen_identities: The variation module and images of unseen identities (UI, Eqs. 9-15).
        backbone: Its first stage is E^sl, its others are E^il.
        content_input: What E^sl and E^il see: the image, or its grey value three times.
        generated_size: Images are generated at the size of the real ones, or at half of it.
        style_downsamplings: Strided convolutions of a modality-specific encoder.
        style_width: Channels of its first convolution, and of a discriminator's (open).
        discriminator_padding: What lies beyond the border of what a discriminator sees (open).
        decoder_blocks: Residual blocks of a decoder.
        generator_start: Initial values of modality-specific encoders and decoders (open): "he" for
            ReLU, with scales of 1 and zero biases; "default" as PyTorch draws them, and the scales
            of layer normalisation uniform in [0, 1].
        latent_channels: Channels of the latent maps z (open).
        num_regions: n of Eq. 12 (open: a figure's parameter).
        reconstruction_weight: Weight of L_recon (Eq. 4) in L_G.
        cycle_weight: lambda_cyc of Eq. 8 (open; from the earlier version).
        adversarial_weight: lambda_gan of Eq. 8 (open; from the earlier version).
        feature_reconstruction_weight: Weight of what the paper does not have: generated images
            must give back the content and the style that they were made of. It does not teach E^i.
        feature_targets: Whether content and style that images were made of are fixed targets of
            that loss, or learn from it as well.
        distribution_weight: Weight of the two penalties of Eq. 10 beside its reconstruction.
        identity_weight: Weight of L_id (Eq. 13).
        instance_weight: lambda_il of Eq. 16 (open).
        region_weight: lambda_lr of Eq. 16 (open).
        unseen_weight: lambda_ui of Eq. 16 (open).
        set_adversarial_weight: Weight of the modality discriminator's loss where set_level is
            "adversarial" (open).
        margin: m of Eq. 13 (open).
        triplet_mining: Where an anchor's positive and negative come from (open): all real images,
            or those of the other modality.
        label_smoothing: Smoothing of the classification loss.
        cycle_style: Style in the second half of a cycle: that of the generated image (Eq. 6), or
            that of the real one.
        divergence: KL as printed, the infrared-styled image first; or in both directions, with
            the real image as a fixed target.
        alignment_reference: Predictions of real images that those of generated ones are compared
            with (open): those that the identity losses see, or others, of the same images passed
            once more, by themselves and at the size of generated ones.
        batch_statistics: Whether images of both modalities pass together and share the statistics
            of batch normalisation, or those of each modality by themselves (open).
        running_statistics: Images that batch normalisation keeps statistics of for test time
            (open): real ones, or all that pass.
        end_to_end: Whether the losses of paired and mixed images reach the networks that
            generated them, too.
        train_content_encoder: Whether E^i learns in the generation stage, or starts to in the
            joint one (open).
        generation_epochs: Epochs of the generation module alone.
        epochs: Epochs of the joint stage, everything together.
        sampling: Batches of the joint stage.
        generation_sampling: Batches of the generation stage; in the joint stage images are
            generated for as many identities and images of each batch.
        learner_optimizer: Of E^sl, E^il and the classifiers (weight decay open).
        generator_optimizer: Of modality-specific encoders, decoders and the variation module, and
            of E^i where it is no part of the learner (weight decay open).
        discriminator_optimizer: Of the discriminators (weight decay open).
        schedule: Of the joint stage, for all optimisers.
        augmentation: Horizontal flips.
        recompute_activations: Spend time on memory: activations are computed again in the
            backward pass. The results are the same.
    """

    set_level: SetLevel = "shared"
    instance_level: bool = True
    local_regions: LocalRegions = "paired"
    unseen_identities: bool = True
    content_input: Literal["color", "grey"] = "color"
    generated_size: Literal["full", "half"] = "full"
    style_downsamplings: int = Field(default=2, ge=1, le=4)
    style_width: int = Field(default=32, ge=1)
    discriminator_padding: Literal["zeros", "reflect"] = "zeros"
    decoder_blocks: int = Field(default=4, ge=1)
    generator_start: Literal["he", "default"] = "he"
    latent_channels: int = Field(default=64, ge=1)
    num_regions: int = Field(default=4, ge=1)
    reconstruction_weight: float = Field(default=1.0, ge=0)
    cycle_weight: float = Field(default=10.0, ge=0)
    adversarial_weight: float = Field(default=1.0, ge=0)
    feature_reconstruction_weight: float = Field(default=0.0, ge=0)
    feature_targets: Literal["fixed", "moving"] = "fixed"
    distribution_weight: float = Field(default=1.0, ge=0)
    identity_weight: float = Field(default=1.0, ge=0)
    instance_weight: float = Field(default=0.01, ge=0)
    region_weight: float = Field(default=0.01, ge=0)
    unseen_weight: float = Field(default=0.01, ge=0)
    set_adversarial_weight: float = Field(default=1.0, ge=0)
    margin: float = Field(default=0.3, ge=0)
    triplet_mining: Literal["all", "cross-modality"] = "all"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    cycle_style: Literal["re-encoded", "original"] = "re-encoded"
    divergence: Literal["one-way", "two-way"] = "one-way"
    alignment_reference: Literal["recognized", "passed-again"] = "recognized"
    batch_statistics: Literal["shared", "separate"] = "shared"
    running_statistics: Literal["real", "all"] = "real"
    end_to_end: bool = True
    train_content_encoder: bool = True
    generation_epochs: int = Field(default=100, ge=1)
    epochs: int = Field(default=50, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=16, images=4)
    generation_sampling: SamplingConfig = SamplingConfig(identities=16, images=4)
    learner_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=2e-4, betas=(0.5, 0.999), weight_decay=5e-4
    )
    generator_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=2e-4, betas=(0.5, 0.999), weight_decay=1e-4
    )
    discriminator_optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=2e-4, betas=(0.5, 0.999), weight_decay=1e-4
    )
    schedule: ScheduleConfig = ScheduleConfig(milestones=(30,))
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=0)
    recompute_activations: bool = True

    @property
    def generates(self) -> bool:
        """Whether the features depend on the generation module: without SL, IL and UI they do not.

        Unpaired local regions need no generated image either.
        """
        return (
            self.set_level == "shared"
            or self.instance_level
            or self.local_regions == "paired"
            or self.unseen_identities
        )

    @property
    def generated_scale(self) -> int:
        """Size of a real image over that of a generated one: 1 or 2."""
        return 1 if self.generated_size == "full" else 2

    @property
    def num_upsamplings(self) -> int:
        """Doublings of a decoder, from the maps to a generated image."""
        return 2 if self.generated_size == "full" else 1

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each loss in the total, by its name in the log (Eqs. 8 and 16)."""
        return {
            "reconstruction": self.reconstruction_weight,
            "cycle": self.cycle_weight,
            "adversarial": self.adversarial_weight,
            "feature-reconstruction": self.feature_reconstruction_weight,
            "variation": 1.0,
            "identity": self.identity_weight,
            "triplet": self.identity_weight,
            "region-identity": self.identity_weight,
            "instance": self.instance_weight,
            "region": self.region_weight,
            "unseen": self.unseen_weight,
            "set-adversarial": self.set_adversarial_weight,
            "discriminator": 1.0,
            "modality-discriminator": 1.0,
        }

    @model_validator(mode="after")
    def _images_can_be_generated(self) -> Self:
        height, width = (side // self.generated_scale for side in self.image_size)
        if self.image_height % CONTENT_STRIDE or self.image_width % CONTENT_STRIDE:
            raise ValueError(
                f"image_height and image_width must be multiples of {CONTENT_STRIDE}, "
                f"not {self.image_height} and {self.image_width}"
            )
        if min(height, width) < SMALLEST_GENERATED:
            raise ValueError(
                f"images would be generated at {height}x{width}; raise image_height or "
                f"image_width to make them at least {SMALLEST_GENERATED}x{SMALLEST_GENERATED}"
            )
        return self

    @model_validator(mode="after")
    def _batches_hold_what_is_generated(self) -> Self:
        whole, part = self.sampling, self.generation_sampling
        if part.identities > whole.identities or part.images > whole.images:
            raise ValueError(
                "generation_sampling asks for "
                f"{part.identities}x{part.images} images of batches of "
                f"{whole.identities}x{whole.images} (sampling)"
            )
        return self
