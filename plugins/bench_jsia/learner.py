"""The feature alignment module F: features, predictions and their losses (Sec. 3.3).

B: batch, D: dimensions, N: identities, n: regions. A batch of both modalities has the visible half
first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from bench_core import (
    Backbone,
    BNNeck,
    identity_loss,
    prediction_divergence,
    recompute_blocks,
    running_statistics_kept,
)
from bench_jsia.config import JSIAConfig
from bench_jsia.losses import instance_alignment, triplet_loss
from bench_jsia.pairs import Losses, Pair


class Recognition(NamedTuple):
    """What is recognised in images.

    Attributes:
        features: V, the pooled maps T = E^il(E^sl(X)): (B, D).
        logits: Of the classifier C, (B, N); their softmax is p of Eqs. 11, 13 and 15.
        regions: Of the classifiers C^1 ... C^n of the regions, (B, n, N); None where not wanted.
    """

    features: torch.Tensor
    logits: torch.Tensor
    regions: torch.Tensor | None

    def of(self, chosen: Callable[[torch.Tensor], torch.Tensor]) -> Recognition:
        """Return what is recognised in some of the images, chosen along the first dimension."""
        regions = None if self.regions is None else chosen(self.regions)
        return Recognition(chosen(self.features), chosen(self.logits), regions)


class Learner:
    """E^il with its classifiers.

    Args:
        config: The method's configuration.
        instance_level: E^il.
        neck: Batch normalisation and classifier C of V.
        region_necks: The same of each horizontal stripe of T; none without local regions.
    """

    def __init__(
        self,
        config: JSIAConfig,
        instance_level: nn.Module,
        neck: BNNeck,
        region_necks: Sequence[BNNeck],
    ) -> None:
        self._config, self._instance_level = config, instance_level
        self._neck, self._region_necks = neck, region_necks
        self.networks = nn.ModuleList([instance_level, neck, *region_necks])

    def recognize(self, maps: torch.Tensor, *, regions: bool) -> Recognition:
        """Recognise the images that have these set-level maps.

        Args:
            maps: E^sl(X), (B, C, h, w).
            regions: Whether predictions of the regions are wanted.
        """
        if self._config.recompute_activations:
            refined = recompute_blocks(self._instance_level, maps)
        else:
            refined = self._instance_level(maps)
        features = Backbone.pool(refined)
        predictions = self._recognize_regions(refined) if regions else None
        return Recognition(features, self._neck(features)[1], predictions)

    def recognize_generated(self, maps: torch.Tensor, *, regions: bool) -> Recognition:
        """Recognise generated images; no running statistics are learned from them."""
        with running_statistics_kept(self.networks):
            return self.recognize(maps, regions=regions)

    def embed(self, maps: torch.Tensor) -> torch.Tensor:
        """Return what distances are taken between, (B, D), of set-level maps (Eq. 17)."""
        features = Backbone.pool(self._instance_level(maps))
        if self._config.embedding == "pooled":
            return features
        normalized: torch.Tensor = self._neck.normalization(features)
        return normalized

    def identity_losses(self, real: Recognition, labels: torch.Tensor) -> Losses:
        """Return L_id of real images by name (Eq. 13), and what their regions alone can teach.

        Print gives the classifiers of the regions no loss on identities, without which they would
        know none. Unpaired regions (Table 3, index 8) are those of two real images of a person.

        Args:
            real: What is recognised in both modalities.
            labels: int64 (B / 2,), of either.
        """
        config, both = self._config, labels.repeat(2)
        features = Pair.parted(real.features)
        losses = {
            "identity": identity_loss(real.logits, both, config.label_smoothing),
            "triplet": triplet_loss(features, labels, config.margin, config.triplet_mining),
        }
        if real.regions is not None:
            flat = real.regions.flatten(0, 1), both.repeat_interleave(real.regions.shape[1])
            losses["region-identity"] = identity_loss(*flat, config.label_smoothing)
            if config.local_regions == "unpaired":
                regions = Pair.parted(flat[0])
                losses["region"] = prediction_divergence(regions.infrared, regions.visible)
        return losses

    def alignment_losses(self, real: Recognition, maps: torch.Tensor) -> Losses:
        """Return the losses of instance-level alignment by name (Eqs. 11 and 12).

        Args:
            real: What is recognised in real images.
            maps: E^sl of their paired images, by the modality that these look like.
        """
        config, losses = self._config, {}
        paired = self.recognize_generated(maps, regions=config.local_regions == "paired")
        if config.instance_level:
            losses["instance"] = instance_alignment(
                Pair.parted(real.logits), Pair.parted(paired.logits), config.divergence
            )
        if real.regions is not None and paired.regions is not None:
            pairs = [Pair.parted(each.flatten(0, 1)) for each in (real.regions, paired.regions)]
            losses["region"] = instance_alignment(pairs[0], pairs[1], config.divergence)
        return losses

    def _recognize_regions(self, refined: torch.Tensor) -> torch.Tensor:
        stripes = functional.adaptive_avg_pool2d(refined, (len(self._region_necks), 1))
        predictions = [
            neck(stripe)[1]
            for neck, stripe in zip(self._region_necks, stripes[..., 0].unbind(2), strict=True)
        ]
        return torch.stack(predictions, 1)
