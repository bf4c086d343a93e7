"""The networks, the stage that trains them, and what is compared."""

from collections.abc import Sequence

import torch
from bench_core import Modality
from bench_core.methods import (
    Batch,
    BNNeck,
    ImageNormalization,
    Losses,
    OptimizerPlan,
    Stage,
    StagedMethod,
    Updates,
    batch_hard_triplet,
    embed,
    identity_loss,
)
from torch import nn

from hetero_center.config import HeteroCenterConfig
from hetero_center.losses import hetero_center_loss


class HeteroCenter(StagedMethod[HeteroCenterConfig]):
    """One backbone for both modalities, whose features of a person have one centre in both."""

    metric = "euclidean"

    def __init__(self, config: HeteroCenterConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        backbone = config.build_backbone()
        self.backbone = nn.Sequential(ImageNormalization(), backbone)
        self.neck = BNNeck(backbone.num_features, num_identities)
        self.networks = nn.ModuleDict({"backbone": self.backbone, "neck": self.neck})

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: everything learns together."""
        plan = OptimizerPlan.of(self.config.optimizer, self.networks, schedule=self.config.schedule)
        return [self.config.stage("joint", self.step, {"all": plan})]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Learn from a batch, both modalities together."""
        features = self.backbone(torch.cat([batch.visible, batch.infrared]))
        labels = batch.labels.repeat(2)
        visible, infrared = features.chunk(2)
        losses = {
            "identity": identity_loss(self.neck(features)[1], labels),
            "center": hetero_center_loss(visible, infrared, batch.labels),
            "triplet": batch_hard_triplet(features, labels, margin=self.config.margin),
        }
        weights = {
            "identity": 1.0,
            "center": self.config.center_weight,
            "triplet": self.config.triplet_weight,
        }
        return updates.minimize(losses, "all", weights=weights)

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:  # noqa: ARG002
        """Embed images as one view: (batch, 1, dimensions)."""
        features = embed(self.backbone(images), self.config.embedding, self.neck.normalization)
        return features[:, None]
