"""CAJ: the network, the one training stage, and what is compared at test time."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional

from bench_caj.config import CAJConfig
from bench_caj.losses import difference_triplet, stuck_anchors
from bench_caj.views import EXCHANGED, views_of
from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import (
    AGWNetwork,
    Batch,
    Epoch,
    Losses,
    Stage,
    StagedMethod,
    Updates,
    embed_with_flip,
    identity_loss,
    sampler_of,
    weighted_gaps,
)

LEARNER = "learner"
STUCK, ANCHORS = "stuck-anchors", "anchors"
"""What is counted over an epoch."""


class CAJ(StagedMethod[CAJConfig]):
    """Channel-augmented joint learning: AGW's network learns from three streams of images.

    Both copies of a visible image pass the visible stem.
    """

    metric = "euclidean"

    def __init__(self, config: CAJConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._network = AGWNetwork(
            config.build_backbone(),
            num_identities,
            inner=config.attention_width,
            gem_power=config.gem_power,
        )
        self.networks = nn.ModuleDict({"network": self._network})
        self._counts: dict[str, torch.Tensor] = {}

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: all streams are learned together."""
        config, network = self.config, self._network
        plan = config.plan(head=[network.neck], body=[network.backbone])
        return [
            config.stage(
                "joint",
                self.step,
                {LEARNER: replace(plan, clipping=config.clipping)},
                sampler=sampler_of(config.image_draws),
                views=views_of(config),
                memory=self._counts,
                begin=self.start_counting,
                end=self.warn_of_stuck_anchors,
            )
        ]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on the sum of the losses."""
        return updates.minimize(self.losses(batch), LEARNER)

    def losses(self, batch: Batch) -> Losses:
        """Return the losses over the images of all streams: identity and triplet."""
        visible = [batch.views[VISIBLE]]
        if self.config.channel_exchange:
            visible.append(batch.views[EXCHANGED])
        features, logits = self._network.recognize(torch.cat(visible), batch.views[INFRARED])
        labels = batch.labels.repeat(len(visible) + 1)
        return {
            "identity": identity_loss(logits, labels),
            "triplet": self._triplet(features, labels),
        }

    def start_counting(self, epoch: Epoch) -> None:
        """Count the anchors of an epoch from zero."""
        self._counts.update(
            {name: torch.zeros((), device=epoch.device) for name in (STUCK, ANCHORS)}
        )

    def warn_of_stuck_anchors(self, epoch: Epoch) -> None:
        """Say on standard error when more than half of an epoch's anchors had no gradient."""
        stuck, anchors = (self._counts[name].item() for name in (STUCK, ANCHORS))
        if stuck > anchors / 2:
            sys.stderr.write(
                f"Warning: in epoch {epoch.number + 1} the triplet loss of CAJ was at its limit "
                f"for {stuck / anchors:.0%} of the anchors, which so teach nothing; it may stay "
                "there: try --set clipping.norm=10, --set triplet_feature=pooled-normalized or a "
                "lower --set optimizer.learning_rate\n"
            )

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch, and its mirror images, by the stem of its modality: one view.

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
        """Triplets are drawn from all streams alike."""
        config, squared = self.config, self.config.triplet == "squared"
        if config.triplet_feature == "pooled-normalized":
            features = functional.normalize(features)
        gaps = weighted_gaps(features, labels, config.weight_floor)
        if squared and self._counts:  # which an epoch begins with; a step alone has none
            self._counts[STUCK] += stuck_anchors(gaps.detach(), config.triplet_scale)
            self._counts[ANCHORS] += len(gaps)
        return difference_triplet(gaps, config.triplet_scale, squared=squared)
