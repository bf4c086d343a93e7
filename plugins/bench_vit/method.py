"""ViT: one transformer for both modalities, one stage."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bench_core import Modality
from bench_core.methods import (
    TRANSFORMER_OPTIMIZERS,
    Batch,
    BNNeck,
    ImageNormalization,
    Losses,
    Stage,
    StagedMethod,
    Updates,
    batch_hard_triplet,
    embed,
    identity_loss,
)
from bench_vit.config import ViTConfig


class ViT(StagedMethod[ViTConfig]):
    """A vision transformer that embeds visible and infrared images alike.

    Identity and triplet losses are those of the bag-of-tricks baseline (Luo et al. 2019) over all
    images of a batch, so that positives and negatives come from both modalities.
    """

    metric = "euclidean"

    def __init__(self, config: ViTConfig, *, num_identities: int) -> None:
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
        """Return the one stage."""
        config = self.config
        return [
            Stage(
                name="joint",
                epochs=config.epochs,
                step=self.step,
                optimizers=config.plans(self._transformer, self._neck),
                sampling=config.sampling,
                augmentation=config.augmentation,
            )
        ]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on the weighted sum of identity and triplet loss."""
        weights = {"identity": 1.0, "triplet": self.config.triplet_weight}
        return updates.minimize(self.losses(batch), *TRANSFORMER_OPTIMIZERS, weights=weights)

    def losses(self, batch: Batch) -> Losses:
        """Return both losses over all images of a batch."""
        config, labels = self.config, batch.labels.repeat(2)
        features = self._features(torch.cat([batch.visible, batch.infrared]))
        _, logits = self._neck(features)
        return {
            "identity": identity_loss(logits, labels, config.label_smoothing),
            "triplet": batch_hard_triplet(features, labels, config.margin),
        }

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

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self._transformer(self._normalization(images))
        return features
