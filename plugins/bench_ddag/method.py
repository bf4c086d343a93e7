"""DDAG: networks, the one training stage, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bench_core import Modality
from bench_core.methods import (
    Backbone,
    Batch,
    Epoch,
    ImageNormalization,
    Losses,
    Stage,
    StagedMethod,
    TwoStream,
    TwoStreamNeck,
    Updates,
    batch_hard_triplet,
    embed,
    identity_loss,
    sampler_of,
)
from bench_ddag.config import DDAGConfig
from bench_ddag.graph import SampleGraph
from bench_ddag.parts import WeightedParts
from bench_ddag.weighting import DynamicWeight

LEARNER = "learner"


class DDAG(StagedMethod[DDAGConfig]):
    """Dynamic dual-attentive aggregation: a two-stream network, IWPA and CGSA, one joint stage.

    A stem for each modality and shared layers give feature maps x; f is their average and b is f
    behind the neck. IWPA makes of x and b the attended feature, which is compared at test time.
    CGSA sees f in training alone, and its loss counts the more, the smaller the others have
    become.
    """

    metric = "euclidean"

    def __init__(self, config: DDAGConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._normalization = ImageNormalization()
        self._streams = TwoStream(config.build_backbone())
        num_features = self._streams.num_features
        self._neck = TwoStreamNeck(num_features, num_identities)
        self.networks = nn.ModuleDict(
            {
                "normalization": self._normalization,
                "streams": self._streams,
                "neck": self._neck,
            }
        )
        self._parts: WeightedParts | None = None
        if config.weighted_parts:
            self._parts = WeightedParts(num_features, config.num_parts)
            self.networks["parts"] = self._parts
        self._graph: SampleGraph | None = None
        if config.graph_attention:
            self._graph = SampleGraph(
                num_features,
                num_identities,
                heads=config.graph_heads,
                dropout=config.graph_dropout,
            )
            self.networks["graph"] = self._graph
        self._dynamic = DynamicWeight()

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: everything is learned end to end."""
        config = self.config
        networks = (self._neck, self._parts, self._graph)
        head = [network for network in networks if network is not None]
        has_graph = self._graph is not None
        return [
            config.stage(
                "joint",
                self.step,
                {LEARNER: config.plan(head=head, body=[self._streams])},
                sampler=sampler_of(config.image_draws),
                end=self.end_epoch if has_graph else None,
                memory=self._dynamic.memory if has_graph else {},
            )
        ]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on L = L_P + w L_G, both modalities together.

        L_P is all but the graph's loss L_G. The log has L_G as it is, and w beside it.
        """
        labels = batch.labels.repeat(2)
        maps = self._streams.both(
            self._normalization(batch.visible), self._normalization(batch.infrared)
        )
        pooled = Backbone.pool(maps)
        losses = self.part_losses(maps, pooled, labels)
        if self._graph is None:
            return updates.minimize(losses, LEARNER)
        graph = identity_loss(self._graph.classify(pooled, labels), labels)
        weight = self._dynamic.weight
        self._dynamic.note(torch.stack(list(losses.values())).sum())
        logged = updates.minimize({**losses, "graph": weight * graph}, LEARNER)
        return {**logged, "graph": graph, "graph-weight": weight}

    def part_losses(
        self, maps: torch.Tensor, pooled: torch.Tensor, labels: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return the terms of L_P: identity of b, triplet of f, identity of the attended feature.

        One classifier is asked for both identities.

        Args:
            maps: x, (2M, D, h, w), of both modalities.
            pooled: f, (2M, D).
            labels: int64 (2M,).
        """
        behind_neck, logits = self._neck(pooled)
        losses = {
            "identity": identity_loss(logits, labels),
            "triplet": batch_hard_triplet(pooled, labels, self.config.triplet_margin),
        }
        if self._parts is not None:
            attended = self._parts(maps, behind_neck)
            losses["part-identity"] = identity_loss(self._neck.classifier(attended), labels)
        return losses

    def end_epoch(self, epoch: Epoch) -> None:  # noqa: ARG002 - a hook is given it
        """Set w for the next epoch, from the mean of L_P over this one."""
        self._dynamic.end_epoch()

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch of one modality, by the layers of that modality: one view.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        maps = self._streams(self._normalization(images), modality)
        feature, normalization = Backbone.pool(maps), self._neck.normalization
        if self._parts is not None and self.config.scored_by == "attended":
            feature = self._parts.aggregate(maps, normalization(feature))
            normalization = self._parts.normalization
        return embed(feature, self.config.embedding, normalization)[:, None]
