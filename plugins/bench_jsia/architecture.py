"""Which networks a configuration has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torch import nn

from bench_core import INFRARED, VISIBLE
from bench_core.methods import (
    Backbone,
    BNNeck,
    FeatureDiscriminator,
    ImageNormalization,
    MultiScaleDiscriminator,
)
from bench_jsia.config import JSIAConfig
from bench_jsia.networks import Decoder, GreyNormalization, StyleEncoder
from bench_jsia.variation import Variation

MODALITIES = (VISIBLE, INFRARED)
SET_LEVEL_STAGE: Final = 1
"""E^sl is the backbone up to this stage: "the first two layers of the ResNet-50"."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The networks of a configuration. Pairs are in the order of `MODALITIES`.

    Attributes:
        normalization: Of the input of E^sl and E^i.
        backbone: E^sl, and behind it E^il.
        neck: Batch normalisation and classifier C of V.
        region_necks: The same of each horizontal stripe of T.
        modality_discriminator: What the degraded set-level alignment learns from.
        content_encoder: E^i where it is not E^sl.
        style_encoders: E^s_rgb and E^s_ir.
        decoders: D_rgb and D_ir.
        discriminators: Dis_rgb and Dis_ir.
        variation: V.
    """

    normalization: ImageNormalization
    backbone: Backbone
    neck: BNNeck
    region_necks: tuple[BNNeck, ...]
    modality_discriminator: FeatureDiscriminator | None
    content_encoder: nn.Sequential | None
    style_encoders: tuple[StyleEncoder, ...]
    decoders: tuple[Decoder, ...]
    discriminators: tuple[MultiScaleDiscriminator, ...]
    variation: Variation | None

    def by_name(self) -> nn.ModuleDict:
        """Return all that the configuration has, by the names that a checkpoint shows."""
        pairs = {
            "style_encoder": self.style_encoders,
            "decoder": self.decoders,
            "discriminator": self.discriminators,
        }
        networks: dict[str, nn.Module | None] = {
            "normalization": self.normalization,
            "backbone": self.backbone,
            "neck": self.neck,
            "region_necks": nn.ModuleList(self.region_necks) if self.region_necks else None,
            "modality_discriminator": self.modality_discriminator,
            "content_encoder": self.content_encoder,
            "variation": self.variation,
        }
        for kind, pair in pairs.items():
            for modality, network in zip(MODALITIES, pair, strict=False):  # there may be none
                networks[f"{kind}_{modality}"] = network
        return nn.ModuleDict({name: net for name, net in networks.items() if net is not None})


def build_architecture(config: JSIAConfig, num_identities: int) -> Architecture:
    """Build what a configuration needs, and nothing else."""
    backbone = config.build_backbone()
    channels, width = backbone.stage_channels[SET_LEVEL_STAGE - 1], config.style_width
    generated = MODALITIES if config.generates else ()
    separate = config.generates and config.set_level != "shared"
    adversarial = config.set_level == "adversarial"
    num_regions = 0 if config.local_regions == "none" else config.num_regions
    return Architecture(
        normalization=(
            GreyNormalization() if config.content_input == "grey" else ImageNormalization()
        ),
        backbone=backbone,
        neck=BNNeck(backbone.num_features, num_identities),
        region_necks=tuple(
            BNNeck(backbone.num_features, num_identities) for _ in range(num_regions)
        ),
        modality_discriminator=(
            FeatureDiscriminator(feature_channels=channels, width=width) if adversarial else None
        ),
        content_encoder=_content_encoder(config, backbone) if separate else None,
        style_encoders=tuple(
            StyleEncoder(
                width=width,
                num_downsamplings=config.style_downsamplings,
                start=config.generator_start,
            )
            for _ in generated
        ),
        decoders=tuple(
            Decoder(
                channels,
                num_blocks=config.decoder_blocks,
                num_upsamplings=config.num_upsamplings,
                start=config.generator_start,
            )
            for _ in generated
        ),
        discriminators=tuple(
            MultiScaleDiscriminator(width=width, padding=config.discriminator_padding)
            for _ in generated
        ),
        variation=Variation(channels, config.latent_channels) if config.unseen_identities else None,
    )


def _content_encoder(config: JSIAConfig, backbone: Backbone) -> nn.Sequential:
    """Build an encoder that starts as the shallow part of the backbone, but shares nothing."""
    encoder, _ = config.build_backbone().split(SET_LEVEL_STAGE)
    encoder.load_state_dict(backbone.split(SET_LEVEL_STAGE)[0].state_dict())
    return encoder
