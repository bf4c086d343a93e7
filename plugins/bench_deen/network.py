"""The network of DEEN: from images of one modality to an original and two generated features."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from bench_core import Modality
from bench_core.methods import Backbone, TwoStream
from bench_deen.attention import FeatureAggregation
from bench_deen.expansion import NUM_GENERATED, DiverseEmbeddingExpansion


class DiverseEmbeddingNetwork(nn.Module):
    """A two-stream backbone with MFA behind each stage but the last, and DEE before that one.

    Args:
        backbone: "resnet50" or "small"; it becomes a part of this network.
        last_stage: The last stage that there is: 4, or 3 on RegDB.
        aggregates: Whether there is MFA.
        dropout: Of DEE; None for no DEE.

    Attributes:
        num_features: D, length of a feature.
        num_branches: 3 features an image, or 1 without DEE.
        two_stream: Stems and stages.
        aggregations: MFA by stage.
        expansion: DEE.
    """

    def __init__(
        self, backbone: Backbone, *, last_stage: int, aggregates: bool, dropout: float | None
    ) -> None:
        super().__init__()
        self.two_stream = TwoStream(backbone)
        # The backbone keeps its last stage to load weights, but nothing runs or saves it.
        del self.two_stream.shared[last_stage:]
        self.num_features = backbone.stage_channels[last_stage - 1]
        channels = (backbone.stem_channels, *backbone.stage_channels[: last_stage - 1])
        self.aggregations = nn.ModuleList()
        if aggregates:
            for (low, high), stage in zip(pairwise(channels), self.two_stream.shared, strict=False):
                self.aggregations.append(FeatureAggregation(high, low, _stride(stage)))
        self.expansion = (
            None if dropout is None else DiverseEmbeddingExpansion(channels[-1], dropout)
        )
        self.num_branches = 1 if dropout is None else 1 + NUM_GENERATED

    def forward(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed normalised images (B, 3, H, W) of one modality.

        Returns:
            Pooled features (B, branches, D), the original one first.
        """
        return self._embed(self.two_stream.stems[modality](images))

    def both(self, visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
        """Embed images of both modalities, which share batch statistics behind the stems.

        Args:
            visible: Normalised images (M, 3, H, W).
            infrared: Likewise.

        Returns:
            Pooled features (2M, branches, D), visible images first.
        """
        stems = self.two_stream.stems
        return self._embed(torch.cat([stems["visible"](visible), stems["infrared"](infrared)]))

    def _embed(self, maps: torch.Tensor) -> torch.Tensor:
        *early, last = self.two_stream.shared
        for place, stage in enumerate(early):
            low, maps = maps, stage(maps)
            if self.aggregations:
                maps = self.aggregations[place](maps, low)
        branches = maps[:, None] if self.expansion is None else self.expansion(maps)
        features = Backbone.pool(last(branches.flatten(0, 1)))
        return features.view(*branches.shape[:2], -1)


def _stride(stage: nn.Module) -> int:
    """Return how many times smaller a stage makes maps: once, by one of its convolutions."""
    return max(layer.stride[0] for layer in stage.modules() if isinstance(layer, nn.Conv2d))
