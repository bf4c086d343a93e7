"""Stages: what a trainable method tells the loop, and the base class of such methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from pydantic import Field
from torch import nn

from bench_core.configuration import FrozenModel, MethodConfig
from bench_core.contracts.images import Modality
from bench_core.contracts.method import Metric
from bench_core.data.augmentation import AugmentationConfig
from bench_core.modeling.backbones import Backbone
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.training.batches import Batch
from bench_core.training.data import TrainingData
from bench_core.training.recipes import OptimizerConfig, ParameterGroup, ScheduleConfig
from bench_core.training.run import TrainingRun
from bench_core.training.updates import Updates


class SamplingConfig(FrozenModel):
    """How a batch is drawn.

    Attributes:
        identities: P, identities in a batch.
        images: K, images of each identity and modality.
        steps_per_epoch: Batches in an epoch; by default as many as the larger modality needs.
    """

    identities: int = Field(default=8, ge=2)
    images: int = Field(default=4, ge=1)
    steps_per_epoch: int | None = Field(default=None, ge=1)


@dataclass(frozen=True, kw_only=True)
class OptimizerPlan:
    """An optimiser, its parameters and its schedule."""

    config: OptimizerConfig
    groups: Sequence[ParameterGroup]
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a training.

    Attributes:
        name: Such as "warm-up" or "joint"; appears in logs, progress and errors.
        epochs: Number of epochs.
        step: Called for each batch, under autocast where the precision asks for it. It updates
            parameters through the second argument and returns its losses by name, for the log.
        optimizers: Named optimisers of this stage.
        sampling: How batches are drawn.
        augmentation: Applied to each batch.
        frozen: Networks that stay in evaluation mode.
        check: Called with the first batch of each epoch; raises TrainingError when the training
            cannot succeed any more.
    """

    name: str
    epochs: int
    step: Callable[[Batch, Updates], Mapping[str, torch.Tensor]]
    optimizers: Mapping[str, OptimizerPlan]
    sampling: SamplingConfig
    augmentation: AugmentationConfig
    frozen: Sequence[nn.Module] = field(default_factory=tuple)
    check: Callable[[Batch], None] | None = None


class StagedMethod(ABC):
    """A method that is a list of stages over a few networks.

    Attributes:
        metric: The distance between two views.
        networks: Every network by name; their state is what a checkpoint holds.
    """

    metric: ClassVar[Metric]
    networks: nn.ModuleDict

    def __init__(self, config: MethodConfig, *, num_identities: int) -> None:
        self.config = config
        self.num_identities = num_identities

    @abstractmethod
    def stages(self) -> Sequence[Stage]:
        """Return the stages, in order; called once, before training."""

    @abstractmethod
    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch of one modality; see `bench_core.contracts.method.Method.extract`."""

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Initialise every backbone from pretrained weights.

        Raises:
            CheckpointError: The weights are not there or do not fit.
        """
        for module in self.networks.modules():
            if isinstance(module, Backbone):
                module.load_pretrained(weights)

    def train(self, data: TrainingData, run: TrainingRun) -> None:
        """Run the stages, resuming where `run` was interrupted."""
        run.execute(self.networks, self.stages(), data)
