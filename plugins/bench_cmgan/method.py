"""cmGAN: networks, the one training stage, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bench_cmgan.alternation import seldom
from bench_cmgan.config import CMGANConfig
from bench_cmgan.losses import cross_modality_triplet, modality_loss
from bench_cmgan.networks import identity_head, modality_head
from bench_core import Modality
from bench_core.methods import (
    Batch,
    ImageNormalization,
    Losses,
    OptimizerPlan,
    Stage,
    StagedMethod,
    Updates,
    embed,
    identity_loss,
    to_signed,
)

GENERATOR, DISCRIMINATOR = "generator", "discriminator"


class CMGAN(StagedMethod[CMGANConfig]):
    """Cross-modality GAN: a feature extractor against a classifier of modalities.

    The generator is one backbone for both modalities with an identity head; the discriminator
    tells from a feature which modality its image is of. They learn in turns.
    """

    metric = "euclidean"

    def __init__(self, config: CMGANConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._normalization = ImageNormalization()
        self._backbone = config.build_backbone()
        num_features = self._backbone.num_features
        self._identity_head = identity_head(num_features, num_identities)
        self.networks = nn.ModuleDict(
            {
                "normalization": self._normalization,
                "backbone": self._backbone,
                "identity_head": self._identity_head,
            }
        )
        if config.is_adversarial:
            self._discriminator = modality_head(num_features)
            self.networks["discriminator"] = self._discriminator

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: both sides of the game learn in it."""
        config = self.config
        plans = {
            GENERATOR: OptimizerPlan.of(
                config.optimizer, self._backbone, self._identity_head, schedule=config.schedule
            )
        }
        if config.is_adversarial:
            plans[DISCRIMINATOR] = seldom(
                config.discriminator_optimizer, self._discriminator, interval=config.alternation
            )
        return [config.stage("adversarial", self.step, plans)]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Train the discriminator on L_D, then the generator on L_G - gamma L_D.

        The discriminator learns from features as constants, and only at every K-th batch; the
        generator is judged by the discriminator as it is then.
        """
        features = self._features(torch.cat([batch.visible, batch.infrared]))
        losses = dict(self.recognition_losses(features, batch.labels))
        logged: dict[str, torch.Tensor] = {}
        if self.config.is_adversarial:
            judged = modality_loss(self._discriminator(features.detach()))
            logged |= updates.minimize({"discriminator": judged}, DISCRIMINATOR)
            losses["confusion"] = modality_loss(self._discriminator(features))
        weights = self.config.generator_weights
        return {**logged, **updates.minimize(losses, GENERATOR, weights=weights)}

    def recognition_losses(self, features: torch.Tensor, labels: torch.Tensor) -> Losses:
        """Return the parts of L_G.

        Args:
            features: (2M, D), of visible images first.
            labels: int64 (M,), of both modalities.
        """
        config = self.config
        losses = {"identity": identity_loss(self._identity_head(features), labels.repeat(2))}
        if config.triplets:
            visible, infrared = features.chunk(2)
            losses["triplet"] = cross_modality_triplet(
                visible, infrared, labels, config.margin, config.mining
            )
        return losses

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:  # noqa: ARG002
        """Embed a batch, whatever its modality: one view.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        return embed(self._features(images), self.config.embedding, nn.Identity())[:, None]

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the pooled feature (B, D) of images (B, 3, H, W) in [0, 1]."""
        if self.config.input_range == "signed":
            return self._backbone(to_signed(images))  # type: ignore[no-any-return]
        return self._backbone(self._normalization(images))  # type: ignore[no-any-return]
