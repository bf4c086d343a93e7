"""BCTR and BDTR: networks, the one training stage, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional

from bench_bdtr.config import BCTRConfig, BDTRConfig
from bench_bdtr.losses import (
    NearestOthers,
    cross_modality_ranking,
    intra_modality_ranking,
    nearest_others,
)
from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import (
    Batch,
    Losses,
    Stage,
    StagedMethod,
    Updates,
    identity_loss,
)

LEARNER = "learner"
ConfigT = TypeVar("ConfigT", bound=BCTRConfig)


class TopRanking(StagedMethod[ConfigT]):
    """What BCTR and BDTR have in common: all but which ranking losses there are.

    Each modality has convolutions, fc6 and a normalisation of its own; fc7 and the classifier are
    shared.
    """

    metric = "cosine"

    def __init__(self, config: ConfigT, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._input = config.build_normalization()
        self._paths = config.build_paths()
        self._norms = nn.ModuleDict(
            {modality: nn.BatchNorm1d(config.fc6_width) for modality in (VISIBLE, INFRARED)}
        )
        self._top = config.build_top(num_identities)
        self.networks = nn.ModuleDict(
            {
                "normalization": self._input,
                "paths": self._paths,
                "fc6_normalization": self._norms,
                "top": self._top,
            }
        )

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: everything is learned end to end."""
        plan = self.config.plan(self._paths, self._norms, self._top)
        return [self.config.stage("joint", self.step, {LEARNER: plan})]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on the weighted sum of the losses."""
        return updates.minimize(self.losses(batch), LEARNER, weights=self.config.loss_weights)

    def losses(self, batch: Batch) -> Losses:
        """Return the identity loss of all images and the ranking losses, behind the ReLU of fc7."""
        hidden = [
            self._fc6(self.config.cropped(images), modality)
            for images, modality in ((batch.visible, VISIBLE), (batch.infrared, INFRARED))
        ]
        _, features, logits = self._top(torch.cat(hidden))
        visible, infrared = features.chunk(2)
        pairs = nearest_others(visible, infrared, batch.labels)
        return {
            "identity": identity_loss(logits, batch.labels.repeat(2)),
            **self.ranking_losses(pairs),
        }

    def ranking_losses(self, pairs: tuple[NearestOthers, NearestOthers]) -> Losses:
        """Return the cross-modality ranking loss."""
        margin = self.config.cross_margin
        return {"cross-modality": cross_modality_ranking(pairs, margin)}

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch by fc7 at unit length.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: Whose path they go.

        Returns:
            (B, 1, fc7_width).
        """
        features = self._top.embed(self._fc6(self.config.shrunk(images), modality))
        if self.config.embedding == "fc7":
            features = functional.relu(features)
        return functional.normalize(features)[:, None]

    def _fc6(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return fc6 (B, fc6_width) behind its normalisation."""
        hidden: torch.Tensor = self._norms[modality](self._paths(self._input(images), modality))
        return hidden


class BCTR(TopRanking[BCTRConfig]):
    """Bi-directional cross-modality top-ranking."""


class BDTR(TopRanking[BDTRConfig]):
    """Bi-directional dual-constrained top-ranking."""

    def ranking_losses(self, pairs: tuple[NearestOthers, NearestOthers]) -> Losses:
        """Return both ranking losses."""
        intra = intra_modality_ranking(pairs, self.config.intra_margin)
        return {**super().ranking_losses(pairs), "intra-modality": intra}
