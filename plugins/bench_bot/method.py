"""The strong baseline: the network, the one training stage, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from bench_bot.config import BoTConfig
from bench_bot.losses import Centers
from bench_core import Modality
from bench_core.methods import (
    Batch,
    BNNeck,
    ImageNormalization,
    Losses,
    OptimizerPlan,
    Stage,
    StagedMethod,
    Updates,
    batch_hard_triplet,
    embed,
    identity_loss,
)

LEARNER, CENTERS = "learner", "centers"


class BoT(StagedMethod[BoTConfig]):
    """Bag of tricks: one network for all images, whatever their modality.

    Nothing in it knows of modalities: an infrared image is one with three equal channels.
    """

    metric = "euclidean"

    def __init__(self, config: BoTConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._normalization = ImageNormalization()
        self._backbone = config.build_backbone()
        num_features = self._backbone.num_features
        self._head: nn.Module = (
            BNNeck(num_features, num_identities)
            if config.neck == "batch-norm"
            else nn.Linear(num_features, num_identities)
        )
        self.networks = nn.ModuleDict(
            {
                "normalization": self._normalization,
                "backbone": self._backbone,
                "head": self._head,
            }
        )
        if config.center_loss:
            self._centers = Centers(num_identities, num_features)
            self.networks["centers"] = self._centers

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: network and centres are learned together."""
        config = self.config
        plans = {
            LEARNER: OptimizerPlan.of(
                config.optimizer, self._backbone, self._head, schedule=config.learning_schedule
            )
        }
        if config.center_loss:
            plans[CENTERS] = OptimizerPlan.of(config.center_optimizer, self._centers)
        stage = config.stage("joint", self.step, plans)
        return [replace(stage, augmentation=config.training_augmentation)]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step of the network on the weighted sum, and one of the centres on their loss.

        Both see the centres of before; the centres' gradient is not scaled by the loss' weight.
        """
        features, logits = self._recognize(batch)
        labels = batch.labels.repeat(2)
        losses = self._losses(features, logits, labels)
        weights = {"identity": 1.0, "triplet": 1.0, "center": self.config.center_weight}
        if not self.config.center_loss:
            return updates.minimize(losses, LEARNER, weights=weights)
        moving = {"center": self._centers.loss(features.detach(), labels)}
        logged = updates.minimize(losses, LEARNER, weights=weights)
        return {**logged, **updates.minimize(moving, CENTERS)}

    def losses(self, batch: Batch) -> Losses:
        """Return the losses over the images of both modalities: identity, triplet and centre."""
        features, logits = self._recognize(batch)
        return self._losses(features, logits, batch.labels.repeat(2))

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:  # noqa: ARG002
        """Embed a batch, whatever its modality: one view.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        features = self._backbone(self._normalization(images))
        neck = self._head.normalization if isinstance(self._head, BNNeck) else nn.Identity()
        return embed(features, self.config.embedding, neck)[:, None]

    def _recognize(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features (2M, D) before the neck, and logits (2M, N), visible images first."""
        images = torch.cat([batch.visible, batch.infrared])
        features = self._backbone(self._normalization(images))
        classified = self._head(features)
        return features, classified[1] if isinstance(self._head, BNNeck) else classified

    def _losses(self, features: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> Losses:
        config = self.config
        losses = {
            "identity": identity_loss(logits, labels, config.label_smoothing),
            "triplet": batch_hard_triplet(features, labels, config.margin),
        }
        if config.center_loss:
            losses["center"] = self._centers.loss(features, labels)
        return losses
