"""Like AGW: two streams, non-local attention, generalised mean, weighted regularised triplet."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from bench_core import Modality
from bench_core.methods import (
    Batch,
    BNNeck,
    ImageNormalization,
    Losses,
    OptimizerConfig,
    OptimizerPlan,
    ParameterGroup,
    ReIDConfig,
    ScheduleConfig,
    Stage,
    StagedMethod,
    TwoStream,
    Updates,
    embed,
    identity_loss,
)


class Config(ReIDConfig):
    """Its configuration.

    Attributes:
        optimizer: Of neck and classifier; the rest learns at a tenth of its rate.
    """

    epochs: int = 81
    optimizer: OptimizerConfig = OptimizerConfig(kind="sgd", learning_rate=0.1, nesterov=True)
    schedule: ScheduleConfig = ScheduleConfig(
        warmup_epochs=10, warmup_factor=0, milestones=(21, 51), told="start"
    )


class NonLocal(nn.Module):
    """Attention over all pairs of places, which starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.value, self.query, self.key = (nn.Conv2d(channels, 1, 1) for _ in range(3))
        self.out = nn.Conv2d(1, channels, 1)
        self.normalization = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.normalization.weight)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        value, query, key = (each(maps).flatten(2) for each in (self.value, self.query, self.key))
        pairs = query.transpose(1, 2) @ key / key.shape[2]
        mixed = (pairs @ value.transpose(1, 2)).transpose(1, 2)
        mixed = self.out(mixed.reshape(len(maps), 1, *maps.shape[2:]))
        return maps + self.normalization(mixed)


def generalized_mean(maps: torch.Tensor, power: float = 3.0) -> torch.Tensor:
    return (maps.clamp(min=0).pow(power).mean((2, 3)) + 1e-12).pow(1 / power)


def gaps(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """For each anchor, the weighted distance of its own images minus that of the others."""
    squared = (features[:, None] - features[None]).square().sum(2)
    distances = squared.clamp(min=1e-12).sqrt()
    same = labels[:, None] == labels[None]
    near = functional.softmax(distances.masked_fill(~same, -torch.inf), 1)
    far = functional.softmax((-distances).masked_fill(same, -torch.inf), 1)
    return (near * distances).sum(1) - (far * distances).sum(1)


class Method(StagedMethod[Config]):
    metric = "cosine"

    def __init__(self, config: Config, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        backbone = config.build_backbone()
        self.normalization = ImageNormalization()
        self.streams = TwoStream(backbone, 0)
        self.attention = nn.ModuleList(NonLocal(c) for c in backbone.stage_channels[1:3])
        self.neck = BNNeck(backbone.num_features, num_identities)
        self.networks = nn.ModuleDict(
            {
                "normalization": self.normalization,
                "streams": self.streams,
                "attention": self.attention,
                "neck": self.neck,
            }
        )

    def stages(self) -> list[Stage]:
        head = ParameterGroup.of(self.neck)
        rest = ParameterGroup.of(self.streams, self.attention, learning_rate_scale=0.1)
        plan = OptimizerPlan(
            config=self.config.optimizer, groups=[head, rest], schedule=self.config.schedule
        )
        return [self.config.stage("joint", self.step, {"all": plan})]

    def features(self, **given: torch.Tensor) -> torch.Tensor:
        """Embed images by modality, those of both together."""
        stems = [
            self.streams.stems[modality](self.normalization(images))
            for modality, images in given.items()
        ]
        first, second, third, fourth = self.streams.shared
        maps = self.attention[0](second(first(torch.cat(stems))))
        return generalized_mean(fourth(self.attention[1](third(maps))))

    def step(self, batch: Batch, updates: Updates) -> Losses:
        features = self.features(visible=batch.visible, infrared=batch.infrared)
        labels = batch.labels.repeat(2)
        triplet = functional.softplus(gaps(features, labels)).mean()
        identity = identity_loss(self.neck(features)[1], labels)
        return updates.minimize({"identity": identity, "triplet": triplet}, "all")

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        features = self.features(**{modality: images})
        return embed(features, self.config.embedding, self.neck.normalization)[:, None]
