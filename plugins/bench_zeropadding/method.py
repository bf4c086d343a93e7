"""Training and extraction of the networks of Wu et al.: one softmax over identities."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bench_core import Modality
from bench_core.methods import (
    Backbone,
    Batch,
    Losses,
    OptimizerPlan,
    Stage,
    StagedMethod,
    Updates,
    embed,
    identity_loss,
)
from bench_zeropadding.config import IdentityNetworkConfig
from bench_zeropadding.networks import BOTH
from bench_zeropadding.sampler import ShuffledSampler

LEARNER = "learner"


class IdentityNetwork(StagedMethod[IdentityNetworkConfig]):
    """A network that learns to classify the images of both modalities by identity.

    Which layers and which channels the modalities share is the configuration's to say. Images are
    not normalised.
    """

    metric = "euclidean"

    def __init__(self, config: IdentityNetworkConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._network = config.build_network()
        names = BOTH if config.own_classifiers else ("both",)
        self._classifiers = nn.ModuleDict(
            {name: nn.Linear(self._network.num_features, num_identities) for name in names}
        )
        self.networks = nn.ModuleDict({"network": self._network, "classifiers": self._classifiers})

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: everything is learned together."""
        config = self.config
        plan = OptimizerPlan.of(
            config.optimizer, self._network, self._classifiers, schedule=config.schedule
        )
        return [config.stage("joint", self.step, {LEARNER: plan}, sampler=ShuffledSampler)]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on the cross-entropy."""
        return updates.minimize(self.losses(batch), LEARNER)

    def losses(self, batch: Batch) -> Losses:
        """Return the cross-entropy of the images of both modalities, which show other people."""
        maps = self._network.both(batch.visible, batch.infrared)
        logits = self._classify(Backbone.pool(maps))
        labels = torch.cat([batch.labels_of[modality] for modality in BOTH])
        return {"identity": identity_loss(logits, labels)}

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch of one modality: one view.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        features = Backbone.pool(self._network(images, modality))
        return embed(features, self.config.embedding, nn.Identity())[:, None]

    def _classify(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits (2M, N) of features (2M, D), visible ones first."""
        shares = features.chunk(len(self._classifiers))
        classifiers = self._classifiers.values()
        return torch.cat([layer(part) for layer, part in zip(classifiers, shares, strict=True)])
