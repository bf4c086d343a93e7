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

from bench_core.methods import (
    Backbone,
    BNNeck,
    Losses,
    embed,
    identity_loss,
    prediction_divergence,
    recompute_blocks,
    running_statistics_kept,
)
from bench_jsia.config import JSIAConfig
from bench_jsia.losses import instance_alignment, triplet_loss
from bench_jsia.pairs import Pair, by_modality


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
        """Recognise images of both modalities that have these set-level maps.

        Args:
            maps: E^sl(X), (B, C, h, w), the visible half first.
            regions: Whether predictions of the regions are wanted.
        """
        refined = self._by_modality(self._refine, maps)
        features = Backbone.pool(refined)
        logits = self._by_modality(lambda part: self._neck(part)[1], features)
        predictions = self._by_modality(self._recognize_regions, refined) if regions else None
        return Recognition(features, logits, predictions)

    def recognize_generated(self, maps: torch.Tensor, *, regions: bool) -> Recognition:
        """Recognise generated images of both modalities.

        Running statistics are learned from them only where the configuration says so.
        """
        if self._config.running_statistics == "all":
            return self.recognize(maps, regions=regions)
        with running_statistics_kept(self.networks):
            return self.recognize(maps, regions=regions)

    def embed(self, maps: torch.Tensor) -> torch.Tensor:
        """Return what distances are taken between, (B, D), of set-level maps (Eq. 17)."""
        features = Backbone.pool(self._instance_level(maps))
        return embed(features, self._config.embedding, self._neck.normalization)

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

    def _by_modality(
        self, run: Callable[[torch.Tensor], torch.Tensor], joined: torch.Tensor
    ) -> torch.Tensor:
        return by_modality(run, joined, self._config.batch_statistics)

    def _refine(self, maps: torch.Tensor) -> torch.Tensor:
        if self._config.recompute_activations:
            return recompute_blocks(self._instance_level, maps)
        refined: torch.Tensor = self._instance_level(maps)
        return refined

    def _recognize_regions(self, refined: torch.Tensor) -> torch.Tensor:
        stripes = functional.adaptive_avg_pool2d(refined, (len(self._region_necks), 1))
        predictions = [
            neck(stripe)[1]
            for neck, stripe in zip(self._region_necks, stripes[..., 0].unbind(2), strict=True)
        ]
        return torch.stack(predictions, 1)
