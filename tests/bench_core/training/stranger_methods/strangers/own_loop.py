"""With a training loop of its own, which logs, saves and tells as the harness' does."""

from __future__ import annotations

import torch
from torch import nn

from bench_core import Modality
from bench_core.methods import (
    ImageNormalization,
    LoopPlan,
    PretrainedWeights,
    ReIDConfig,
    TrainingData,
    TrainingRun,
    batch_hard_triplet,
)


class Config(ReIDConfig):
    """Its configuration."""


class Method:
    metric = "euclidean"

    def __init__(self, config: Config, *, num_identities: int) -> None:
        self.config = config
        self.backbone = config.build_backbone()
        self.embedder = nn.Sequential(ImageNormalization(), self.backbone)
        self.networks = nn.ModuleDict({"embedder": self.embedder})

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        self.backbone.load_pretrained(weights)

    def train(self, data: TrainingData, run: TrainingRun) -> None:
        config = self.config
        optimizer = torch.optim.Adam(self.networks.parameters(), lr=1e-3)
        plan = LoopPlan(
            name="own", epochs=config.epochs, networks=self.networks, optimizers={"all": optimizer}
        )
        for epoch in run.loop(plan):
            self.networks.train()
            hardest = 0.0
            for batch in epoch.batches(data, config.sampling, config.augmentation):
                features = self.embedder(torch.cat([batch.visible, batch.infrared]))
                loss = batch_hard_triplet(features, batch.labels.repeat(2), margin=0.3)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                hardest = max(hardest, loss.item())
                epoch.add({"triplet": loss})
            epoch.note(hardest=hardest)

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        return self.embedder(images)[:, None]
