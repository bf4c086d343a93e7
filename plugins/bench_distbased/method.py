"""Distance based training: the network, the one training stage, and what is compared."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bench_core import Modality
from bench_core.methods import (
    Backbone,
    Batch,
    ImageNormalization,
    Losses,
    Stage,
    StagedMethod,
    TwoStream,
    Updates,
    embed,
    identity_loss,
    sampler_of,
)
from bench_distbased.config import DistanceBasedConfig
from bench_distbased.losses import DistanceScores, cross_modal_triplet

LEARNER = "learner"


class DistanceBased(StagedMethod[DistanceBasedConfig]):
    """Two streams whose identities are scored by distance, as images are at test time.

    Each modality has a stem of its own; the layers behind it and the prototypes are shared. The
    feature is behind a batch normalisation without shift: around the origin, where prototypes
    start, and not far off it as pooled maps are, none of which is negative.
    """

    metric = "euclidean"

    def __init__(self, config: DistanceBasedConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._normalization = ImageNormalization()
        self._backbone = TwoStream(config.build_backbone())
        num_features = self._backbone.num_features
        self._centering = nn.BatchNorm1d(num_features)
        self._centering.bias.requires_grad_(False)  # noqa: FBT003
        self._scores: nn.Module = (
            DistanceScores(num_features, num_identities, temperature=config.temperature)
            if config.scores == "distance"
            else nn.Linear(num_features, num_identities)
        )
        self.networks = nn.ModuleDict(
            {
                "normalization": self._normalization,
                "backbone": self._backbone,
                "centering": self._centering,
                "scores": self._scores,
            }
        )

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: everything is learned together."""
        config = self.config
        plan = config.plan(head=[self._centering, self._scores], body=[self._backbone])
        return [
            config.stage(
                "joint", self.step, {LEARNER: plan}, sampler=sampler_of(config.image_draws)
            )
        ]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on the sum of the losses."""
        return updates.minimize(self.losses(batch), LEARNER)

    def losses(self, batch: Batch) -> Losses:
        """Return the losses of both modalities: identity, and the triplet loss where asked for."""
        images = (self._normalization(each) for each in (batch.visible, batch.infrared))
        features = self._centering(Backbone.pool(self._backbone.both(*images)))
        losses = {"identity": identity_loss(self._scores(features), batch.labels.repeat(2))}
        if self.config.cross_modal_triplet:
            visible, infrared = features.chunk(2)
            margin = self.config.margin
            losses["triplet"] = cross_modal_triplet(visible, infrared, batch.labels, margin)
        return losses

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch by the stem of its modality and the shared layers: one view.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        features = Backbone.pool(self._backbone(self._normalization(images), modality))
        return embed(features, self.config.embedding, self._centering)[:, None]
