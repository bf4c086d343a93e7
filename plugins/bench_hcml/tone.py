"""TONE: a two-stream network, its one training stage, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import (
    Batch,
    Losses,
    Stage,
    StagedMethod,
    Updates,
    identity_loss,
)
from bench_hcml.config import TONEConfig
from bench_hcml.losses import contrastive_loss
from bench_hcml.sampler import PairSampler

LEARNER = "learner"
ConfigT = TypeVar("ConfigT", bound=TONEConfig)


class TwoStreamLearning(StagedMethod[ConfigT]):
    """What TONE and HCML have in common: TONE's network and its training."""

    def __init__(self, config: ConfigT, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._normalization = config.build_normalization()
        self._paths = config.build_paths()
        self._top = config.build_top(num_identities)
        self.networks = nn.ModuleDict(
            {"normalization": self._normalization, "paths": self._paths, "top": self._top}
        )

    def stages(self) -> Sequence[Stage]:
        """Return the one stage that trains the network."""
        plan = self.config.plan(self._paths, self._top)
        sampler = partial(PairSampler, order=self.config.visible_order)
        return [self.config.stage("joint", self.step, {LEARNER: plan}, sampler=sampler)]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on identity loss and weighted contrastive loss."""
        weights = {"identity": 1.0, "contrastive": self.config.contrastive_weight}
        return updates.minimize(self.losses(batch), LEARNER, weights=weights)

    def losses(self, batch: Batch) -> Losses:
        """Return the identity loss of all images and the contrastive loss of their pairs.

        Both act behind the ReLU of fc7; the classifier has a dropout before it besides.
        """
        config = self.config
        labels = torch.cat([batch.labels_of[VISIBLE], batch.labels_of[INFRARED]])
        hidden = self._paths.both(
            self._normalization(config.cropped(batch.visible)),
            self._normalization(config.cropped(batch.infrared)),
        )
        _, features, logits = self._top(hidden)
        visible, infrared = features.chunk(2)
        return {
            "identity": identity_loss(logits, labels),
            "contrastive": contrastive_loss(
                visible,
                infrared,
                torch.eq(*labels.chunk(2)),
                margin=config.contrastive_margin,
                normalized_along=config.normalized_along,
            ),
        }

    def embed(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return TONE's feature (B, D), fc7 at unit length, of images (B, 3, H, W) in [0, 1]."""
        shown = self._normalization(self.config.shrunk(images))
        features = self._top.embed(self._paths(shown, modality))
        if self.config.embedding == "fc7":
            features = functional.relu(features)
        return functional.normalize(features)


class TONE(TwoStreamLearning[TONEConfig]):
    """Two-stream CNN: a path a modality, shared layers, identity and contrastive loss."""

    metric = "cosine"

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch by fc7 at unit length.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: Whose path they go.

        Returns:
            (B, 1, fc7_width).
        """
        return self.embed(images, modality)[:, None]
