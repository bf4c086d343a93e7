"""MSR: the training of all, the metric that may be learned after it, and what is compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from bench_core import INFRARED, VISIBLE, Modality, UsageError
from bench_core.methods import (
    Batch,
    Epoch,
    LabelledFeatures,
    LearnedMetric,
    LoopPlan,
    Losses,
    OptimizerPlan,
    Stage,
    StagedMethod,
    TrainingData,
    TrainingRun,
    Updates,
    identity_loss,
)
from bench_msr.config import MSRConfig
from bench_msr.losses import euclidean_constraint
from bench_msr.networks import Recognition, SpecificNetworks

LEARNER = "learner"
EMBEDDED_AT_ONCE = 64
"""Training images, of whose features a metric is learned."""


class MSR(StagedMethod[MSRConfig]):
    """Modality-specific representations: a network for each modality, tied by what they share.

    Both learn identities by a head of their own and by one that they share, and the centres that
    an identity has in the two are drawn together. A metric may be learned of the features then.
    """

    metric = "euclidean"

    def __init__(self, config: MSRConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._network = SpecificNetworks(config, num_identities=num_identities)
        self.networks = nn.ModuleDict({"network": self._network})
        self._metric: LearnedMetric | None = None
        if config.metric == "xqda":
            self._metric = config.xqda.build(self._network.num_features)
            self.networks["metric"] = self._metric

    def stages(self) -> Sequence[Stage]:
        """Return the training of all, behind that of the baseline where it starts from it."""
        config, network = self.config, self._network
        plan = OptimizerPlan.of(config.optimizer, network, schedule=config.schedule)
        if not config.warm_start_epochs:
            return [config.stage("joint", self.step, {LEARNER: plan})]
        baseline = OptimizerPlan.of(
            config.optimizer,
            network.backbones[VISIBLE],
            network.shared,
            schedule=config.warm_start_schedule,
        )
        idle = [network.backbones[INFRARED], network.specific] if config.specific else []
        epochs = config.warm_start_epochs
        return [
            config.stage(
                "baseline", self.baseline_step, {LEARNER: baseline}, epochs=epochs, frozen=idle
            ),
            config.stage(
                "joint",
                self.step,
                {LEARNER: plan},
                begin=self.start_alike if config.specific else None,
            ),
        ]

    def train(self, data: TrainingData, run: TrainingRun) -> None:
        """Run the stages; then learn the metric, if there is one, of all training images.

        Raises:
            UsageError: A metric is to be learned, and several processes train, of which each would
                learn one; or the model is selected by validation, which has none yet.
            TrainingError: A metric cannot be learned of these features.
        """
        if self._metric is not None:
            _refuse_what_knows_no_metric(run)
        stages = self.stages()
        run.execute(self.networks, stages, data)
        if self._metric is None:
            return
        plan = LoopPlan(name="metric", epochs=1, networks=self.networks, index=len(stages))
        for epoch in run.loop(plan):
            self.networks.eval()
            samples = self._samples(data, run.device)
            epoch.note(dimensions=self.config.xqda.learn(self._metric, samples))

    def start_alike(self, epoch: Epoch) -> None:
        """Let both networks start from the baseline, when the training of all begins."""
        if epoch.number == 0:
            self._network.start_alike()

    def baseline_step(self, batch: Batch, updates: Updates) -> Losses:
        """Train the baseline: one backbone and the shared head, on both modalities."""
        shared = self._network.recognize_alike(batch.visible, batch.infrared)
        logits = torch.cat([shared[VISIBLE].logits, shared[INFRARED].logits])
        return updates.minimize({"shared": identity_loss(logits, batch.labels.repeat(2))}, LEARNER)

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on the weighted sum of the losses."""
        weights = {"specific": 1.0, "shared": 1.0, "constraint": self.config.constraint_weight}
        return updates.minimize(self.losses(batch), LEARNER, weights=weights)

    def losses(self, batch: Batch) -> Losses:
        """Return the losses that the variant has: specific, shared and constraint."""
        labels = batch.labels
        recognized = self._network.recognize(batch.visible, batch.infrared)
        shared = recognized.shared
        logits = torch.cat([shared[VISIBLE].logits, shared[INFRARED].logits])
        losses = {"shared": identity_loss(logits, labels.repeat(2))}
        if recognized.specific:
            each = [identity_loss(head.logits, labels) for head in recognized.specific.values()]
            losses["specific"] = torch.stack(each).sum()
        if self.config.constraint_weight:
            visible = self._constrained(recognized, VISIBLE)
            infrared = self._constrained(recognized, INFRARED)
            losses["constraint"] = euclidean_constraint(visible, infrared, labels)
        return losses

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch by the network of its modality, and by the metric: one view.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        features = self._network.embed(images, modality, self.config.embedding)
        if self._metric is not None:
            features = self._metric(features, modality)
        return features[:, None]

    def _constrained(self, recognized: Recognition, modality: Modality) -> torch.Tensor:
        """Return the embeddings (M, D) of a modality that the constraint is about."""
        by_head = {"specific": recognized.specific, "shared": recognized.shared}
        which = self.config.constrained
        heads = by_head.values() if which == "both" else [by_head[which]]
        features = torch.cat([head[modality].features for head in heads], dim=1)
        return functional.normalize(features.float())

    def _samples(self, data: TrainingData, device: torch.device) -> LabelledFeatures:
        """Embed all training images."""
        return LabelledFeatures(
            self._features(data, VISIBLE, device),
            self._features(data, INFRARED, device),
            data.labels[VISIBLE],
            data.labels[INFRARED],
        )

    @torch.no_grad()
    def _features(
        self, data: TrainingData, modality: Modality, device: torch.device
    ) -> NDArray[np.float64]:
        """Return what the metric is learned of: (N, D) of all training images of a modality."""
        rows, found = data.rows[modality], []
        for start in range(0, len(rows), EMBEDDED_AT_ONCE):
            pixels = np.asarray(data.pixels[rows[start : start + EMBEDDED_AT_ONCE]])
            images = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float().div_(255)
            features = self._network.embed(images, modality, self.config.embedding)
            found.append(features.double().cpu().numpy())
        return np.concatenate(found)


def _refuse_what_knows_no_metric(run: TrainingRun) -> None:
    if run.sharing.num_shares > run.sharing.parts:
        raise UsageError(
            "--processes: metric=xqda is learned by one process; train msr in one process, or set "
            "metric=none"
        )
    if run.validate is not None:
        raise UsageError(
            "--select validation: metric=xqda is learned after the networks, of the last model; "
            "use --select last, or set metric=none"
        )
