"""PMT: one transformer for both modalities, trained on grey visible images first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import (
    TRANSFORMER_OPTIMIZERS,
    Batch,
    BNNeck,
    ImageNormalization,
    Losses,
    Stage,
    StagedMethod,
    Step,
    Updates,
    View,
    batch_hard_triplet,
    embed,
    sampler_of,
)
from bench_pmt.augmentation import infrared_steps, visible_steps
from bench_pmt.config import PMTConfig
from bench_pmt.losses import (
    discriminative_center,
    modality_identity,
    modality_shared_enhancement,
    modality_triplet,
)


class PMT(StagedMethod[PMTConfig]):
    """Progressive modality-shared transformer.

    The first stage learns each modality by itself, from visible images without colour; the second
    brings the modalities together, by triplets over both and two losses on distances. Rates and
    optimisers go on from one to the other.
    """

    metric = "euclidean"

    def __init__(self, config: PMTConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._normalization = ImageNormalization()
        self._transformer = config.build_transformer()
        self._neck = BNNeck(self._transformer.num_features, num_identities)
        self.networks = nn.ModuleDict(
            {
                "normalization": self._normalization,
                "transformer": self._transformer,
                "neck": self._neck,
            }
        )

    def stages(self) -> Sequence[Stage]:
        """Return the stage of grey images and that of both modalities, unless one has no epoch."""
        return list(self._stages())

    def gray_step(self, batch: Batch, updates: Updates) -> Losses:
        """Take a step of the first stage: identity and triplet losses within each modality."""
        features, logits = self._recognize(batch)
        losses = {
            "identity": modality_identity(logits, batch.labels),
            "triplet": modality_triplet(features, batch.labels, self.config.margin),
        }
        return self._minimize(losses, updates)

    def joint_step(self, batch: Batch, updates: Updates) -> Losses:
        """Take a step of the second stage: triplets over both modalities, MSEL and DCL."""
        config, labels = self.config, batch.labels.repeat(2)
        features, logits = self._recognize(batch)
        losses = {
            "identity": modality_identity(logits, batch.labels),
            "triplet": batch_hard_triplet(features, labels, config.margin),
        }
        if config.enhancement_weight > 0:
            visible, infrared = features.chunk(2)
            losses["enhancement"] = modality_shared_enhancement(visible, infrared, batch.labels)
        if config.center_weight > 0:
            losses["center"] = discriminative_center(features, labels)
        return self._minimize(losses, updates)

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:  # noqa: ARG002
        """Embed a batch, whatever the modality: one view.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        features = self._features(images)
        return embed(features, self.config.embedding, self._neck.normalization)[:, None]

    def _recognize(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features (B, D) and logits (B, N) of a batch, visible images first."""
        features = self._features(torch.cat([batch.visible, batch.infrared]))
        _, logits = self._neck(features)
        return features, logits

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self._transformer(self._normalization(images))
        return features

    def _minimize(self, losses: Losses, updates: Updates) -> Losses:
        weights = self.config.loss_weights
        return updates.minimize(losses, *TRANSFORMER_OPTIMIZERS, weights=weights)

    def _stages(self) -> Iterator[Stage]:
        before, rest = self.config.gray_epochs, self.config.epochs - self.config.gray_epochs
        if before:
            yield self._stage("gray", self.gray_step, before)
        if rest:
            yield self._stage("joint", self.joint_step, rest, before=before)

    def _stage(self, name: str, step: Step, epochs: int, *, before: int = 0) -> Stage:
        config = self.config
        visible, infrared = visible_steps(config, gray=name == "gray"), infrared_steps(config)
        return Stage(
            name=name,
            epochs=epochs,
            step=step,
            optimizers=config.plans(self._transformer, self._neck, before=before),
            sampling=config.sampling,
            augmentation=config.augmentation,
            sampler=sampler_of(config.image_draws),
            views={VISIBLE: View(VISIBLE, visible), INFRARED: View(INFRARED, infrared)},
        )
