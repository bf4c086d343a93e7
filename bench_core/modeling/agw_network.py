"""The network of AGW, which CAJ takes over: two stems, attention, a pooling and a neck."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from bench_core.contracts.images import Modality
from bench_core.modeling.backbones import Backbone
from bench_core.modeling.necks import Embedding, embed
from bench_core.modeling.non_local import InnerChannels, NonLocalTwoStream
from bench_core.modeling.normalization import ImageNormalization
from bench_core.modeling.pooling import generalized_mean
from bench_core.modeling.two_stream_neck import TwoStreamNeck


class Recognition(NamedTuple):
    """What the losses of a batch need.

    Attributes:
        features: Pooled, before the neck (B, D).
        logits: (B, identities).
    """

    features: torch.Tensor
    logits: torch.Tensor


class AGWNetwork(nn.Module):
    """From images of either modality to features and logits (AGW, Ye et al. 2022).

    It is not called: a step calls its parts, each of which a divided batch may run in shares.

    Args:
        backbone: "resnet50" or "small"; it becomes a part of this network.
        num_identities: Training identities.
        inner: Width of the non-local blocks inside; None for none.
        gem_power: p of the generalised mean that pools the maps; None for the average.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_identities: int,
        *,
        inner: InnerChannels | None,
        gem_power: float | None,
    ) -> None:
        super().__init__()
        self.normalization = ImageNormalization()
        self.backbone = NonLocalTwoStream(backbone, inner)
        self.neck = TwoStreamNeck(self.backbone.num_features, num_identities)
        self.gem_power = gem_power

    def recognize(self, visible: torch.Tensor, infrared: torch.Tensor) -> Recognition:
        """Embed and classify images of both modalities, which share batch statistics.

        Args:
            visible: (V, 3, H, W) in [0, 1].
            infrared: (I, 3, H, W), likewise.

        Returns:
            Features and logits of V + I images, visible ones first.
        """
        images = self.normalization(visible), self.normalization(infrared)
        features = self._pool(self.backbone.both(*images))
        _, logits = self.neck(features)
        return Recognition(features, logits)

    def embed(self, images: torch.Tensor, modality: Modality, embedding: Embedding) -> torch.Tensor:
        """Return what distances are taken between: (B, D) of images (B, 3, H, W) in [0, 1]."""
        features = self._pool(self.backbone(self.normalization(images), modality))
        return embed(features, embedding, self.neck.normalization)

    def _pool(self, maps: torch.Tensor) -> torch.Tensor:
        if self.gem_power is None:
            return Backbone.pool(maps)
        return generalized_mean(maps, self.gem_power)
