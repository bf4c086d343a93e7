"""AGW: the network, the one training stage, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bench_agw.config import AGWConfig
from bench_core import Modality
from bench_core.methods import (
    AGWNetwork,
    Batch,
    Losses,
    Stage,
    StagedMethod,
    Updates,
    batch_hard_triplet,
    embed_with_flip,
    identity_loss,
    sampler_of,
    weighted_regularized_triplet,
)

LEARNER = "learner"


class AGW(StagedMethod[AGWConfig]):
    """Attention, generalised-mean pooling, weighted regularised triplet.

    Each modality has a stem of its own. The layers behind it are shared, and see the images of
    both modalities as one batch; so do the losses.
    """

    metric = "euclidean"

    def __init__(self, config: AGWConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._network = AGWNetwork(
            config.build_backbone(),
            num_identities,
            inner=config.attention_width if config.attention else None,
            gem_power=config.gem_power if config.pooling == "generalized-mean" else None,
        )
        self.networks = nn.ModuleDict({"network": self._network})

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: everything is learned together."""
        config, network = self.config, self._network
        plan = config.plan(head=[network.neck], body=[network.backbone])
        return [
            config.stage(
                "joint", self.step, {LEARNER: plan}, sampler=sampler_of(config.image_draws)
            )
        ]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on the sum of the losses."""
        return updates.minimize(self.losses(batch), LEARNER)

    def losses(self, batch: Batch) -> Losses:
        """Return the losses over the images of both modalities: identity and triplet."""
        features, logits = self._network.recognize(batch.visible, batch.infrared)
        labels = batch.labels.repeat(2)
        return {
            "identity": identity_loss(logits, labels),
            "triplet": self._triplet(features, labels),
        }

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch by the stem of its modality and the shared layers: one view.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        config = self.config
        features = embed_with_flip(
            lambda seen: self._network.embed(seen, modality, config.embedding), images, config.flip
        )
        return features[:, None]

    def _triplet(self, features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Triplets are drawn from both modalities alike, on the pooled feature as it is."""
        if self.config.triplet == "batch-hard":
            return batch_hard_triplet(features, labels, self.config.margin)
        return weighted_regularized_triplet(features, labels, self.config.weight_floor)
