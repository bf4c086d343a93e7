"""Without labels: a teacher that is a moving average, clusters of its features, a memory."""

from __future__ import annotations

import copy

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from torch import nn
from torch.nn import functional

from bench_core import Modality
from bench_core.methods import (
    Batch,
    BNNeck,
    CurveConfig,
    Epoch,
    ImageNormalization,
    Losses,
    OptimizerConfig,
    OptimizerPlan,
    PretrainedWeights,
    ReIDConfig,
    Stage,
    StagedMethod,
    Updates,
)

MODALITIES: tuple[Modality, ...] = ("visible", "infrared")


class Config(ReIDConfig):
    """Its configuration.

    Attributes:
        optimizer: Of the student.
        curve: Of its learning rate.
        clusters: How many there are of each modality.
        momentum: Share of the teacher and of a centre that a step leaves.
        temperature: Of the similarities to centres.
    """

    optimizer: OptimizerConfig = OptimizerConfig(kind="adamw", learning_rate=3.5e-4)
    curve: CurveConfig = CurveConfig(warmup_epochs=0.5, last_factor=0.01)
    clusters: int = 4
    momentum: float = 0.9
    temperature: float = 0.05


class Method(StagedMethod[Config]):
    metric = "cosine"

    def __init__(self, config: Config, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        backbone = config.build_backbone()
        neck = BNNeck(backbone.num_features, 1).normalization
        self.student = nn.Sequential(ImageNormalization(), backbone, neck)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.networks = nn.ModuleDict({"student": self.student, "teacher": self.teacher})
        self.memory: dict[str, torch.Tensor] = {}

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        super().load_pretrained(weights)
        self.teacher.load_state_dict(self.student.state_dict())

    def stages(self) -> list[Stage]:
        plan = OptimizerPlan.of(self.config.optimizer, self.student, schedule=self.config.curve)
        return [
            self.config.stage(
                "clusters",
                self.step,
                {"student": plan},
                frozen=[self.teacher],
                begin=self.cluster,
                end=self.count,
                memory=self.memory,
                labelled=False,
            )
        ]

    def cluster(self, epoch: Epoch) -> None:
        found = {modality: [] for modality in MODALITIES}
        for some in epoch.images():
            features = functional.normalize(self.teacher(some.images).float())
            found[some.modality].append(features.cpu())
        labels = {}
        for modality, parts in found.items():
            features = torch.cat(parts)
            start = features[epoch.generator.permutation(len(features))[: self.config.clusters]]
            _, labels[modality] = kmeans2(
                features.double().numpy(), start.double().numpy(), minit="matrix", missing="warn"
            )
            centres = [features[labels[modality] == each].mean(0) for each in range(len(start))]
            self.memory[modality] = functional.normalize(torch.stack(centres)).to(epoch.device)
        epoch.assign({modality: np.asarray(each) for modality, each in labels.items()})

    def count(self, epoch: Epoch) -> None:
        self.memory["epochs"] = torch.tensor(epoch.number + 1)

    def step(self, batch: Batch, updates: Updates) -> Losses:
        images = torch.cat([batch.visible, batch.infrared])
        features = functional.normalize(self.student(images).float())
        losses = {}
        for modality, part in zip(MODALITIES, features.chunk(2), strict=True):
            logits = part @ self.memory[modality].T / self.config.temperature
            losses[modality] = functional.cross_entropy(logits, batch.labels_of[modality])
        logged = updates.minimize(losses, "student")
        self.remember(batch, features.detach())
        return logged

    @torch.no_grad()
    def remember(self, batch: Batch, features: torch.Tensor) -> None:
        momentum = self.config.momentum
        for modality, part in zip(MODALITIES, features.chunk(2), strict=True):
            for label, feature in zip(batch.labels_of[modality].tolist(), part, strict=True):
                centre = momentum * self.memory[modality][label] + (1 - momentum) * feature
                self.memory[modality][label] = functional.normalize(centre, dim=0)
        states = (self.teacher.state_dict().values(), self.student.state_dict().values())
        for slow, fast in zip(*states, strict=True):
            if slow.is_floating_point():
                slow.lerp_(fast, 1 - momentum)

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        return self.teacher(images)[:, None]
