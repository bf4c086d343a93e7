"""DEEN: networks, the one training stage, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import (
    Batch,
    ImageNormalization,
    Losses,
    Stage,
    StagedMethod,
    TwoStreamNeck,
    Updates,
    View,
    batch_hard_triplet,
    embed_with_flip,
    identity_loss,
    sampler_of,
)
from bench_deen.augmentation import training_steps
from bench_deen.config import DEENConfig
from bench_deen.losses import center_guided_pair_mining, orthogonality
from bench_deen.network import DiverseEmbeddingNetwork
from bench_deen.scoring import comparable_views

LEARNER = "learner"


class DEEN(StagedMethod[DEENConfig]):
    """Diverse embedding expansion network.

    Each image has three features, one original and two generated in the middle of the network. All
    learn identities and triplets together; generated centres are drawn to the other modality, and
    the two branches away from each other. At test time an infrared and a visible image are compared
    by the sum of six inner products: of each feature before and behind the neck.
    """

    metric = "cosine"

    def __init__(self, config: DEENConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._normalization = ImageNormalization()
        self._network = DiverseEmbeddingNetwork(
            config.build_backbone(),
            last_stage=config.last_stage,
            aggregates=config.feature_aggregation,
            dropout=config.expansion_dropout if config.embedding_expansion else None,
        )
        self._neck = TwoStreamNeck(self._network.num_features, num_identities)
        self.networks = nn.ModuleDict(
            {
                "normalization": self._normalization,
                "network": self._network,
                "neck": self._neck,
            }
        )

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: everything is learned end to end."""
        config, steps = self.config, training_steps(self.config)
        plan = config.plan(head=[self._neck], body=[self._network])
        return [
            config.stage(
                "joint",
                self.step,
                {LEARNER: plan},
                sampler=sampler_of(config.image_draws),
                views={modality: View(modality, steps) for modality in (VISIBLE, INFRARED)},
            )
        ]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on the weighted sum of the losses."""
        return updates.minimize(self.losses(batch), LEARNER, weights=self.config.loss_weights)

    def losses(self, batch: Batch) -> Losses:
        """Return the losses: identity, triplet and, with DEE, pair mining and orthogonality."""
        config = self.config
        visible, infrared = (self._normalization(each) for each in (batch.visible, batch.infrared))
        features = self._network.both(visible, infrared)
        _, logits = self._neck(features.flatten(0, 1))
        labels = batch.labels.repeat(2).repeat_interleave(self._network.num_branches)
        losses = {
            "identity": identity_loss(logits, labels),
            "triplet": batch_hard_triplet(features.flatten(0, 1), labels, config.triplet_margin),
        }
        if config.embedding_expansion:
            losses |= self._losses_of_expansion(features, batch.labels)
        return losses

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch: a view for each of its features before and behind the neck.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 6, D + 2), (B, 2, D + 2) without DEE, half as many views where a weight is zero;
            the last two values of a view are those of `comparable_views`.
        """
        use = self.config.flip_at_test
        features = embed_with_flip(lambda given: self._unit_features(given, modality), images, use)
        counting = [weight for weight in self._weights() if weight > 0]
        longest = 2.0 if use == "sum" else 1.0
        return comparable_views(features, counting, longest, modality)

    def _losses_of_expansion(self, features: torch.Tensor, labels: torch.Tensor) -> Losses:
        """Return the losses of the generated features, but for those that count nothing."""
        config = self.config
        original, *generated = features.unbind(1)
        losses = {}
        if config.pair_mining_weight > 0:
            mined = [
                center_guided_pair_mining(original, each, labels, config.pair_margin)
                for each in generated
            ]
            losses["pair-mining"] = torch.stack(mined).sum()
        if config.orthogonality_weight > 0:
            losses["orthogonality"] = orthogonality(*generated)
        return losses

    def _unit_features(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return features of unit length, (B, views, D), of those that count."""
        pooled = self._network(self._normalization(images), modality)
        of_pooled, of_neck = self._weights()
        features = [pooled] if of_pooled > 0 else []
        if of_neck > 0:
            behind = self._neck.normalization(pooled.flatten(0, 1))
            features.append(behind.unflatten(0, pooled.shape[:2]))
        return functional.normalize(torch.cat(features, dim=1).float(), dim=2)

    def _weights(self) -> tuple[float, float]:
        return self.config.pooled_weight, self.config.neck_weight
