"""The networks of each module: P, F and D of Fig. 3. Images are in [-1, 1]."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from bench_aligngan.config import AlignGANConfig
from bench_core.methods import (
    FeatureDiscriminator,
    ImageNormalization,
    JointDiscriminator,
    PatchDiscriminator,
    ResidualGenerator,
    from_signed,
    recompute_blocks,
)

GRID_STEP = 8
"""D_f meets feature maps at an eighth of the image's size, as D_j does."""
CLASSIFIER_STD = 0.001
SCALE_STD = 0.02
"""Of the scales of the classifier's batch normalisation around 1."""


class Encoder(nn.Module):
    """The feature generator G_f: a backbone, and the size and range of images that it expects.

    Args:
        config: The backbone, the size, and whether activations are computed again in the backward
            pass.
    """

    def __init__(self, config: AlignGANConfig) -> None:
        super().__init__()
        self.normalization = ImageNormalization()
        self.backbone = config.build_backbone()
        self._size = config.backbone_size
        self._recomputed = config.recompute_activations

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return feature maps M (B, D, h, w) of images (B, 3, H, W) in [-1, 1]."""
        resized = functional.interpolate(
            from_signed(images), self._size, mode="bilinear", align_corners=False
        )
        normalized = self.normalization(resized)
        body = self.backbone.body
        if self._recomputed and torch.is_grad_enabled():
            return recompute_blocks(body, normalized)
        maps: torch.Tensor = body(normalized)
        return maps

    def pool(self, maps: torch.Tensor) -> torch.Tensor:
        """Average feature maps (B, D, h, w) to feature vectors V (B, D)."""
        return self.backbone.pool(maps)


class Classifier(nn.Module):
    """From a feature vector V to logits of the identities (Sec. 4.2).

    A fully connected layer, batch normalisation, dropout and ReLU, and a second fully connected
    layer. It starts as in the authors' code.

    Args:
        config: Its width, its dropout and where that is, and its ReLU's slope.
        num_features: Length of the feature vector.
        num_identities: Number of logits.
    """

    def __init__(self, config: AlignGANConfig, num_features: int, num_identities: int) -> None:
        super().__init__()
        dropout = nn.Dropout(config.classifier_dropout)
        at_input = config.classifier_dropout_at == "input"
        narrow = nn.Linear(num_features, config.hidden_features)
        normalization = nn.BatchNorm1d(config.hidden_features)
        classify = nn.Linear(config.hidden_features, num_identities)
        nn.init.kaiming_normal_(narrow.weight, mode="fan_out")
        nn.init.normal_(normalization.weight, 1.0, SCALE_STD)
        nn.init.normal_(classify.weight, std=CLASSIFIER_STD)
        for layer in (narrow, classify):
            nn.init.zeros_(layer.bias)
        self.layers = nn.Sequential(
            dropout if at_input else nn.Identity(),
            narrow,
            normalization,
            nn.Identity() if at_input else dropout,
            nn.LeakyReLU(config.classifier_slope),
            classify,
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits (B, identities) of feature vectors (B, D)."""
        logits: torch.Tensor = self.layers(features)
        return logits


def build_generator(config: AlignGANConfig) -> ResidualGenerator:
    """Build G_p or G_p'."""
    return ResidualGenerator(
        width=config.generator_width,
        num_blocks=config.generator_blocks,
        running_statistics=config.generator_running_statistics,
    )


def build_image_discriminator(config: AlignGANConfig) -> PatchDiscriminator:
    """Build a discriminator of infrared or of RGB images."""
    return PatchDiscriminator(width=config.discriminator_width)


def build_joint_discriminator(config: AlignGANConfig, channels: int) -> JointDiscriminator:
    """Build D_j over images and feature maps of so many channels."""
    return JointDiscriminator(feature_channels=channels, width=config.discriminator_width)


def build_feature_discriminator(config: AlignGANConfig, channels: int) -> FeatureDiscriminator:
    """Build D_f over feature maps of so many channels."""
    grid = (config.image_height // GRID_STEP, config.image_width // GRID_STEP)
    return FeatureDiscriminator(
        feature_channels=channels, width=config.discriminator_width, grid=grid
    )
