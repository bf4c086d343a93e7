"""The class that a method's spec names: what it must do, and a base for methods with stages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

from bench_core.configuration import MethodConfig
from bench_core.contracts.images import Modality
from bench_core.contracts.method import Metric
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.training.data import TrainingData
from bench_core.training.run import TrainingRun
from bench_core.training.stages import Stage

ConfigT = TypeVar("ConfigT", bound=MethodConfig)
"""The configuration of a method."""


class Method(Protocol):
    """A method bound to one configuration and one number of training identities.

    It is constructed as `cls(config, num_identities=N)`. `StagedMethod` implements everything but
    the networks, the stages and `extract`.

    Attributes:
        metric: The distance between two views.
        networks: Every network by name; their state is what a checkpoint holds.
    """

    metric: ClassVar[Metric]
    networks: nn.ModuleDict

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Initialise the backbones from pretrained weights; called once, before training."""
        ...

    def train(self, data: TrainingData, run: TrainingRun) -> None:
        """Train on `data`; `run` brings device, precision, logging, checkpoints and resume."""
        ...

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch of one modality.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1]; infrared is repeated to three channels.
            modality: "visible" or "infrared", for all of the batch.

        Returns:
            Float tensor (B, V, D): V views of D dimensions. The distance of two images is the
            sum over views of `metric`.
        """
        ...


class StagedMethod(ABC, Generic[ConfigT]):
    """A method that is a list of stages over a few networks: `StagedMethod[MyConfig]`.

    Attributes:
        config: The configuration.
        num_identities: Number of training identities.
        metric: The distance between two views.
        networks: Every network by name; their state is what a checkpoint holds.
    """

    metric: ClassVar[Metric]
    networks: nn.ModuleDict

    def __init__(self, config: ConfigT, *, num_identities: int) -> None:
        self.config = config
        self.num_identities = num_identities

    @abstractmethod
    def stages(self) -> Sequence[Stage]:
        """Return the stages, in order; called once, before training."""

    @abstractmethod
    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch of one modality; see `Method.extract`."""

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Initialise every network that has a `load_pretrained`, such as a `Backbone`.

        Raises:
            CheckpointError: The weights are not there or do not fit.
        """
        for module in _outermost(self.networks):
            module.load_pretrained(weights)

    def train(self, data: TrainingData, run: TrainingRun) -> None:
        """Run the stages, resuming where `run` was interrupted."""
        run.execute(self.networks, self.stages(), data)


@runtime_checkable
class LoadsPretrained(Protocol):
    """A network that knows how to start from pretrained weights, such as a `Backbone`."""

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load the weights, those of the modules within it too."""
        ...


def _outermost(network: nn.Module) -> Iterator[LoadsPretrained]:
    """Yield the modules of a network that load weights, but for what lies within one of them."""
    for module in network.children():
        if isinstance(module, LoadsPretrained):
            yield module
        else:
            yield from _outermost(module)
