"""Learns where the loss is flat, by an optimiser that computes it twice a step (SAM)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from bench_core import Modality
from bench_core.methods import (
    Batch,
    BNNeck,
    ClippingConfig,
    ImageNormalization,
    Losses,
    OptimizerConfig,
    OptimizerPlan,
    ReIDConfig,
    Stage,
    StagedMethod,
    Updates,
    embed,
    identity_loss,
)


class Config(ReIDConfig):
    """Its configuration.

    Attributes:
        optimizer: It steps on the gradients of the worst place near by.
        radius: How near.
        dropout: Share of the features that a step does not see.
        clipping: Of the gradients at both places.
    """

    epochs: int = 20
    optimizer: OptimizerConfig = OptimizerConfig(kind="sgd", learning_rate=0.05)
    radius: float = 0.05
    dropout: float = 0.25
    clipping: ClippingConfig = ClippingConfig(norm=20.0)


class Sam(torch.optim.SGD):
    """Sharpness-aware minimisation (Foret et al., ICLR 2021) around gradient descent."""

    def __init__(self, groups: Any, radius: float) -> None:
        super().__init__(groups)
        self.radius = radius

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        loss = closure()
        moved = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        before = [p.clone() for p in moved]
        norm = torch.stack([p.grad.norm() for p in moved if p.grad is not None]).norm() + 1e-12
        for p in moved:
            p.add_(self.radius * p.grad / norm)
        closure()
        for p, old in zip(moved, before, strict=True):
            p.copy_(old)
        super().step()
        return loss


class Method(StagedMethod[Config]):
    metric = "euclidean"

    def __init__(self, config: Config, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        backbone = config.build_backbone()
        self.backbone = nn.Sequential(ImageNormalization(), backbone)
        self.dropout = nn.Dropout(config.dropout)
        self.neck = BNNeck(backbone.num_features, num_identities)
        parts = {"backbone": self.backbone, "dropout": self.dropout, "neck": self.neck}
        self.networks = nn.ModuleDict(parts)

    def stages(self) -> list[Stage]:
        plan = OptimizerPlan.of(
            self.config.optimizer,
            self.networks,
            factory=lambda groups: Sam(groups, self.config.radius),
            clipping=self.config.clipping,
        )
        return [self.config.stage("joint", self.step, {"all": plan})]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        images, labels = torch.cat([batch.visible, batch.infrared]), batch.labels.repeat(2)

        def losses() -> Losses:
            features = self.dropout(self.backbone(images))
            return {"identity": identity_loss(self.neck(features)[1], labels)}

        return updates.minimize_by(losses, "all")

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        features = self.backbone(images)
        return embed(features, self.config.embedding, self.neck.normalization)[:, None]
