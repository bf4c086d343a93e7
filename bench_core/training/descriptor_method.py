"""Methods that are a fixed descriptor of an image, and a metric that is learned on it if at all."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import nn

from bench_core.configuration import MethodConfig
from bench_core.contracts.images import INFRARED, MODALITIES, VISIBLE, Modality
from bench_core.contracts.method import Metric
from bench_core.metric_learning.embedding import LearnedMetric
from bench_core.metric_learning.learners import LearnerConfig
from bench_core.metric_learning.samples import Floats, LabelledFeatures
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.system.devices import arithmetic
from bench_core.system.progress import progress
from bench_core.training.batches import to_float
from bench_core.training.data import TrainingData
from bench_core.training.own_loop import LoopPlan
from bench_core.training.run import TrainingRun

ConfigT = TypeVar("ConfigT", bound=MethodConfig)
"""The configuration of a method."""

BATCH_PIXELS = 2**18
"""Pixels of the images that are described at once, as in an extraction on a processor."""


class Descriptor(nn.Module, ABC):
    """A function of an image that nothing is learned for.

    Attributes:
        num_features: Dimensions of what it returns.
    """

    num_features: int

    @abstractmethod
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Describe images (B, 3, H, W) in [0, 1] by float32 (B, num_features)."""


class DescriptorMethod(ABC, Generic[ConfigT]):
    """A descriptor, compared by Euclidean distance or by a metric learned on it.

    Its training describes all training images of both modalities as they are, without
    augmentation, and learns the metric from them at once. Where there is no learner, it learns
    nothing, and the networks stay as they are.

    Attributes:
        config: The configuration.
        num_identities: Number of training identities.
        metric: The distance between two embeddings.
        handcrafted: Its features are computed, not learned: it may have no parameters.
        networks: The descriptor, and the metric if there is a learner.
    """

    metric: ClassVar[Metric] = "euclidean"
    handcrafted: ClassVar[bool] = True
    networks: nn.ModuleDict

    def __init__(self, config: ConfigT, *, num_identities: int) -> None:
        self.config = config
        self.num_identities = num_identities
        descriptor, self._learner = self.build_descriptor(), self.learner()
        self.networks = nn.ModuleDict({"descriptor": descriptor})
        if self._learner is not None:
            self.networks["metric"] = self._learner.build(descriptor.num_features)

    @abstractmethod
    def build_descriptor(self) -> Descriptor:
        """Return the descriptor; called once."""

    @abstractmethod
    def learner(self) -> LearnerConfig | None:
        """Return what learns the metric; None for Euclidean distances of the descriptor."""

    @property
    def learns_nothing(self) -> bool:
        """Whether a training leaves the networks as they are."""
        return self._learner is None

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load nothing: there is no backbone."""

    def train(self, data: TrainingData, run: TrainingRun) -> None:
        """Describe the training images and learn the metric, in one epoch.

        Its line in the log has `images`, `features` and, where a metric is learned, `dimensions`,
        `describing_seconds` and `learning_seconds`. An interrupted training begins again.

        Raises:
            TrainingError: The metric cannot be learned from these images.
        """
        for epoch in run.loop(LoopPlan(name="metric", epochs=1, networks=self.networks)):
            descriptor, metric = self._parts()
            epoch.note(images=_num_images(data), features=descriptor.num_features)
            if self._learner is None or metric is None:
                continue
            started = time.perf_counter()
            samples = described(descriptor, data, run.device)
            ready = time.perf_counter()
            dimensions = self._learner.learn(metric, samples)
            epoch.note(
                dimensions=dimensions,
                describing_seconds=round(ready - started, 3),
                learning_seconds=round(time.perf_counter() - ready, 3),
            )

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch of one modality; see `bench_core.methods.Method.extract`."""
        descriptor, metric = self._parts()
        features: torch.Tensor = descriptor(images)
        return (features if metric is None else metric(features, modality))[:, None]

    def _parts(self) -> tuple[Descriptor, LearnedMetric | None]:
        """Return the networks by what they are; a copy of the method has its own."""
        descriptor = self.networks["descriptor"]
        assert isinstance(descriptor, Descriptor)  # noqa: S101
        metric = dict(self.networks.items()).get("metric")
        assert metric is None or isinstance(metric, LearnedMetric)  # noqa: S101
        return descriptor, metric


def described(descriptor: Descriptor, data: TrainingData, device: torch.device) -> LabelledFeatures:
    """Describe all training images, as they are, in float32.

    Args:
        descriptor: On the device.
        data: The images.
        device: Where to compute.
    """
    height, width = data.pixels.shape[1:3]
    batch = max(1, BATCH_PIXELS // (height * width))
    features: dict[Modality, Floats] = {}
    with progress(total=_num_images(data), description="describing images") as bar:
        for modality in MODALITIES:
            rows = data.rows[modality]
            features[modality] = np.empty((len(rows), descriptor.num_features))
            for start in range(0, len(rows), batch):
                pixels = torch.from_numpy(data.pixels[rows[start : start + batch]])
                with torch.inference_mode(), arithmetic(device, "float32"):
                    found = descriptor(to_float(pixels.to(device)))
                features[modality][start : start + len(pixels)] = found.cpu().numpy()
                bar.update(len(pixels))
    return LabelledFeatures(
        features[VISIBLE], features[INFRARED], data.labels[VISIBLE], data.labels[INFRARED]
    )


def _num_images(data: TrainingData) -> int:
    return sum(len(rows) for rows in data.rows.values())
