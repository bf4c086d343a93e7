"""D-HSME: the training on the sphere, the decorrelated one, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from bench_core import Modality
from bench_core.methods import (
    Batch,
    Epoch,
    Losses,
    Stage,
    StagedMethod,
    Updates,
    identity_loss,
    sampler_of,
)
from bench_dhsme.config import DHSMEConfig
from bench_dhsme.losses import cross_modality_triplet, symmetric_divergence
from bench_dhsme.networks import HypersphereNetwork

LEARNER = "learner"


class DHSME(StagedMethod[DHSMEConfig]):
    """Hypersphere manifold embedding: people are classified and compared on one sphere.

    In the second stage, the D of the name, the embedding layer is replaced by its decorrelated
    self and fixed, and all else learns on.
    """

    metric = "euclidean"

    def __init__(self, config: DHSMEConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._network = HypersphereNetwork(config, num_identities=num_identities)
        self.networks = nn.ModuleDict({"network": self._network})

    def stages(self) -> Sequence[Stage]:
        """Return the training on the sphere and, where there is decorrelation, the one after it."""
        config, network = self.config, self._network
        sampler = sampler_of(config.image_draws)
        body, head = [network.backbone], [network.centering, network.neck]
        plan = config.plan(head=[*head, network.embedding], body=body)
        first = config.stage("hypersphere", self.step, {LEARNER: plan}, sampler=sampler)
        if not config.decorrelation:
            return [first]
        restrained = replace(
            config.plan(head=head, body=body), schedule=config.decorrelated_schedule
        )
        second = config.stage(
            "decorrelated",
            self.step,
            {LEARNER: restrained},
            epochs=config.decorrelated_epochs,
            frozen=[network.embedding],
            begin=self.decorrelate,
            sampler=sampler,
        )
        return [first, second]

    def decorrelate(self, epoch: Epoch) -> None:
        """Replace the embedding layer when the second stage begins, once."""
        if epoch.number == 0:
            self._network.decorrelate()

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on the weighted sum of the losses."""
        weights = {
            "identity": 1.0,
            "divergence": self.config.divergence_weight,
            "triplet": self.config.triplet_weight,
        }
        return updates.minimize(self.losses(batch), LEARNER, weights=weights)

    def losses(self, batch: Batch) -> Losses:
        """Return the losses that have a weight: identity, divergence and triplet."""
        config, labels = self.config, batch.labels
        features, logits = self._network.recognize(batch.visible, batch.infrared)
        losses = {"identity": identity_loss(logits, labels.repeat(2))}
        if config.divergence_weight:
            losses["divergence"] = symmetric_divergence(*logits.chunk(2))
        if config.triplet_weight:
            visible, infrared = features.chunk(2)
            losses["triplet"] = cross_modality_triplet(visible, infrared, labels, config.margin)
        return losses

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch by the stem of its modality and the shared layers: one view.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        return self._network.embed(images, modality, self.config.embedding)[:, None]
