"""What a method is: a paper, variants and presets as data, and a class that trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import torch
    from torch import nn

    from bench_core.contracts.images import Modality
    from bench_core.modeling.pretrained import PretrainedWeights
    from bench_core.training.data import TrainingData
    from bench_core.training.run import TrainingRun

Metric: TypeAlias = Literal["euclidean", "cosine"]
Precision: TypeAlias = Literal["float32", "bfloat16"]
"""Number format of training steps; bfloat16 is mixed precision under autocast."""


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Where a method was published."""

    title: str
    authors: str
    venue: str
    year: int


@dataclass(frozen=True, kw_only=True)
class VariantSpec:
    """A named ablation of a paper: what it changes against the full method.

    Attributes:
        name: Used as `method:name`.
        summary: One line, with the paper's table where it has one.
        values: Configuration values that the variant fixes.
    """

    name: str
    summary: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PresetSpec:
    """A named set of configuration values, such as the paper's or one for a laptop."""

    name: str
    summary: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MethodSpec:
    """A method as its plugin registers it; nothing here imports torch.

    Attributes:
        id: Short name, such as "xiv".
        title: Name for people.
        paper: The publication.
        variants: The first is the full method, used when a command names none.
        presets: Must include "paper" and "quick".
        method: "module:Class" of a `Method`.
        config: "module:Class" of its configuration, a `MethodConfig`.
    """

    id: str
    title: str
    paper: Paper
    variants: tuple[VariantSpec, ...]
    presets: tuple[PresetSpec, ...]
    method: str
    config: str


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
        """Initialise the backbones from pretrained weights; called once, before a new training."""
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
