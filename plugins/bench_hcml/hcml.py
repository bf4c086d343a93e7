"""HCML: TONE's training, then metric learning on its features."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from bench_core import INFRARED, VISIBLE, Modality, UsageError
from bench_core.methods import LoopPlan, OwnEpoch, TrainingData, TrainingRun
from bench_hcml.config import HCMLConfig
from bench_hcml.objective import Features, Objective
from bench_hcml.optimization import Progress, advance, square_root
from bench_hcml.tone import TwoStreamLearning

STEPS_PER_EPOCH = 10
"""Of the metric learning; a checkpoint holds the network too, and is written after each epoch."""
EMBEDDED_AT_ONCE = 64
"""Training images, of which the metric learning has the features."""


class LearnedMetric(nn.Module):
    """What is learned behind TONE: mean, principal components, V, T and P, none by an optimiser.

    Before it is learned, it keeps the first dimensions of a feature.

    Args:
        fc7_width: Dimensions of TONE's feature.
        dimensions: Those that are left.

    Attributes:
        mean: (fc7_width,) of the training features of both modalities.
        components: (fc7_width, dimensions), their principal components.
        visible: V (dimensions, dimensions).
        infrared: T likewise.
        root: P likewise.
    """

    mean: torch.Tensor
    components: torch.Tensor
    visible: torch.Tensor
    infrared: torch.Tensor
    root: torch.Tensor

    def __init__(self, fc7_width: int, dimensions: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(fc7_width))
        self.register_buffer("components", torch.eye(fc7_width, dimensions))
        for name in ("visible", "infrared", "root"):
            self.register_buffer(name, torch.eye(dimensions))

    def reduce(self, features: torch.Tensor) -> torch.Tensor:
        """Return the principal components (B, dimensions) of features (B, fc7_width)."""
        return functional.linear(features - self.mean, self.components.T)

    def forward(self, features: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return x V P or z T P (B, dimensions) of features (B, fc7_width)."""
        transform = self.visible if modality == VISIBLE else self.infrared
        transformed = functional.linear(self.reduce(features), transform.T)
        return functional.linear(transformed, self.root.T)

    @torch.no_grad()
    def fit_components(self, features: torch.Tensor) -> None:
        """Take mean and principal components of features (N, fc7_width).

        Fewer features than dimensions have no more components than features; the rest is any
        directions in which they do not vary.
        """
        rows = features.double()
        centered = rows - rows.mean(0)
        _, vectors = torch.linalg.eigh(centered.T @ centered)
        self.mean.copy_(rows.mean(0))
        self.components.copy_(vectors.flip(1)[:, : self.components.shape[1]])

    @torch.no_grad()
    def take(self, progress: Progress) -> None:
        """Take V, T and P = M^(1/2) from where the optimisation is."""
        self.visible.copy_(progress.at.visible)
        self.infrared.copy_(progress.at.infrared)
        self.root.copy_(square_root(progress.at.metric))


class HCML(TwoStreamLearning[HCMLConfig]):
    """Hierarchical cross-modality metric learning on features of TONE.

    A transform of each modality tightens each person, a metric that both share tells people apart.
    """

    metric = "euclidean"

    def __init__(self, config: HCMLConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._metric = LearnedMetric(config.fc7_width, config.pca_dimensions)
        self.networks["metric"] = self._metric

    def train(self, data: TrainingData, run: TrainingRun) -> None:
        """Train TONE; then learn the metric.

        Raises:
            UsageError: Several processes train, of which each would learn a metric; or the model is
                selected by validation.
        """
        if run.sharing.num_shares > run.sharing.parts:
            raise UsageError(
                "--processes: hcml ends with a metric learning that one process does; train it in "
                "one process"
            )
        if run.validate is not None:
            raise UsageError(
                "--select validation: hcml ends with a metric learning, which keeps its last "
                "model; use --select last"
            )
        super().train(data, run)
        epochs = -(-self.config.metric_steps // STEPS_PER_EPOCH)
        plan = LoopPlan(name="metric", epochs=epochs, networks=self.networks, index=1)
        self.networks.eval()
        objective: Objective | None = None
        for epoch in run.loop(plan):
            if plan.memory and Progress.kept(plan.memory).converged:
                break
            objective = objective or self._objective(data, run.device, fresh=not plan.memory)
            self._learn(epoch, objective, plan, run.device)

    def _learn(
        self, epoch: OwnEpoch, objective: Objective, plan: LoopPlan, device: torch.device
    ) -> None:
        """Take the steps of an epoch."""
        config = self.config
        progress = (
            Progress.kept(plan.memory)
            if plan.memory
            else Progress.start(config.pca_dimensions, device)
        )
        end = min(progress.step + STEPS_PER_EPOCH, config.metric_steps)
        while progress.step < end and not progress.converged:
            cross, within = objective.cross(progress.at), objective.within(progress.at)
            progress = advance(progress, objective, config)
            total = cross + config.within_weight * within
            epoch.add({"total": total, "cross-modality": cross, "within-modality": within})
        progress.keep(plan.memory)
        self._metric.take(progress)
        epoch.note(metric_steps=progress.step, rank=_rank(progress.at.metric))

    @torch.no_grad()
    def _objective(self, data: TrainingData, device: torch.device, *, fresh: bool) -> Objective:
        """Embed all training images, and return what is minimised.

        Args:
            data: The images.
            device: Where the networks are.
            fresh: Whether principal components are to be found; a resumed training has them.
        """
        features = {
            modality: torch.cat(list(self._embedded(data, modality, device)))
            for modality in (VISIBLE, INFRARED)
        }
        if fresh:
            self._metric.fit_components(torch.cat([features[VISIBLE], features[INFRARED]]))
        visible, infrared = (
            Features.of(
                self._metric.reduce(features[modality]).double(),
                torch.from_numpy(data.labels[modality]).to(device),
            )
            for modality in (VISIBLE, INFRARED)
        )
        return Objective(
            visible,
            infrared,
            within_weight=self.config.within_weight,
            infrared_gradient=self.config.infrared_gradient,
        )

    def _embedded(
        self, data: TrainingData, modality: Modality, device: torch.device
    ) -> Iterator[torch.Tensor]:
        """Yield TONE's features of all training images of a modality, in their order."""
        rows = data.rows[modality]
        for start in range(0, len(rows), EMBEDDED_AT_ONCE):
            pixels = np.asarray(data.pixels[rows[start : start + EMBEDDED_AT_ONCE]])
            images = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float().div_(255)
            yield self.embed(images, modality)

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch by x V P or z T P, of principal components x or z of TONE's feature.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: Whose path they go, and whose transform.

        Returns:
            (B, 1, pca_dimensions), of which the Euclidean distance is that of the metric.
        """
        transformed: torch.Tensor = self._metric(self.embed(images, modality), modality)
        return transformed[:, None]


def _rank(metric: torch.Tensor) -> int:
    return int(torch.linalg.matrix_rank(metric, hermitian=True))
