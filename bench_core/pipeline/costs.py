"""What a method costs: built from its specification, counted and measured, without a training."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from bench_core.configuration import MethodChoice, choose_method
from bench_core.contracts.dataset import TINY, USUAL_DATASET
from bench_core.contracts.errors import BenchError
from bench_core.data.opening import open_dataset
from bench_core.data.verification.recognition import recognize
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry
from bench_core.profiling.cost import InferenceCost, inference_cost
from bench_core.profiling.counting import simulated
from bench_core.profiling.speed import SpeedReport, SpeedSettings, measure_speed
from bench_core.profiling.training_steps import StageCost, stage_costs
from bench_core.synthetic import generate
from bench_core.system.escaping import in_one_line
from bench_core.system.progress import progress
from bench_core.training.method import Method, StagedMethod

NUM_IDENTITIES = 395
"""People that SYSU-MM01 trains on; a classifier has a row of weights for each."""

Counted = TypeVar("Counted")


@dataclass(frozen=True, kw_only=True)
class MethodCost:
    """What a method costs.

    Attributes:
        choice: The method.
        num_identities: Number of training identities.
        inference: What it costs to extract an image, and what only training needs.
        stages: What a training step of each stage costs; None where it was not counted.
    """

    choice: MethodChoice
    num_identities: int
    inference: InferenceCost
    stages: tuple[StageCost, ...] | None

    @property
    def training_macs(self) -> int | None:
        """Multiply-adds of a training step for each image, of the costliest stage."""
        return max((stage.macs for stage in self.stages or ()), default=None)

    def as_row(self) -> dict[str, Any]:
        """Return the figures that methods are compared by, named as in a result record."""
        return {
            "method": self.choice.name,
            "image_size": list(self.choice.config.image_size),
            "parameters": self.inference.parameters,
            "training_only_parameters": self.inference.training_only_parameters,
            **{f"macs_{modality}": macs for modality, macs in self.inference.macs.items()},
            "training_macs": self.training_macs,
        }

    def as_document(self) -> dict[str, Any]:
        """Return what `bench profile --json` says of what was counted."""
        macs = self.training_macs
        counted = self.inference.as_document()
        return {
            "method": self.choice.name,
            "preset": self.choice.preset.name,
            "overrides": list(self.choice.overridden_keys),
            "image_size": list(self.choice.config.image_size),
            "num_identities": self.num_identities,
            "inference": counted.pop("inference"),
            "training_only": {
                "macs": macs,
                "flops": None if macs is None else 2 * macs,
                "parameters": self.inference.training_only_parameters,
                "stages": None if self.stages is None else [s.as_document() for s in self.stages],
            },
            **counted,
        }


def count_cost(
    choice: MethodChoice,
    device: torch.device,
    *,
    num_identities: int = NUM_IDENTITIES,
    training: bool = True,
) -> MethodCost:
    """Count what a method costs.

    Its operators run on tensors without data, which takes neither memory nor a trained model. What
    reads a value of a tensor is counted on real ones instead.

    Args:
        choice: The method.
        device: Where real tensors lie, if they are needed.
        num_identities: Number of training identities.
        training: Whether to count training steps, too, which takes longer. Steps that fail are
            named on standard error and not counted.

    Raises:
        BenchError: The method cannot be built.
    """
    return MethodCost(
        choice=choice,
        num_identities=num_identities,
        inference=_count(inference_cost, choice, num_identities, device),
        stages=_training(choice, num_identities, device) if training else None,
    )


def count_costs(registry: Registry, *, training: bool) -> list[MethodCost]:
    """Count what every method costs: its full variant with the preset "paper".

    Args:
        registry: The plugins. A method that fails is named on standard error and left out.
        training: Whether to count training steps, too.
    """
    costs = []
    for spec in progress(registry.methods.values(), description="counting the cost", unit="method"):
        try:
            choice = choose_method(spec, spec.variants[0], "paper")
            costs.append(count_cost(choice, torch.device("cpu"), training=training))
        except Exception as error:  # noqa: BLE001  # a stranger's method may raise anything
            _say(f"Warning: the cost of {spec.id} could not be counted: {in_one_line(error)}")
    return costs


def speed_of(
    registry: Registry, choice: MethodChoice, settings: SpeedSettings, root: Path | None
) -> SpeedReport:
    """Measure how fast a method is, with random weights.

    Args:
        registry: Where the dataset's plugin is found.
        choice: The method.
        settings: What to measure, and for how long.
        root: Root of the dataset whose images go the whole way from files to features; without it,
            a few synthetic people are rendered.

    Raises:
        DataError: The root is no dataset that is known, or an image is damaged.
        BenchError: The method cannot be built.
    """
    with tempfile.TemporaryDirectory() as folder:
        if root is None:
            root = Path(folder) / "people"
            generate(root, registry.dataset(USUAL_DATASET), scale=TINY)
        spec = recognize(root, list(registry.datasets.values()))
        dataset = open_dataset(spec, root)
        method = build_method(choice, NUM_IDENTITIES)
        return measure_speed(method, choice.config.image_size, settings, dataset)


def _training(
    choice: MethodChoice, num_identities: int, device: torch.device
) -> tuple[StageCost, ...] | None:
    try:
        return _count(_stage_costs, choice, num_identities, device)
    except Exception as error:  # noqa: BLE001  # a stranger's step may raise anything
        _say(f"Warning: a training step of {choice.name} was not counted: {in_one_line(error)}")
        return None


def _stage_costs(
    method: Method, image_size: tuple[int, int], device: torch.device
) -> tuple[StageCost, ...] | None:
    """Count the stages of a method; one with a training loop of its own has none."""
    return stage_costs(method, image_size, device) if isinstance(method, StagedMethod) else None


def _count(
    count: Callable[[Method, tuple[int, int], torch.device], Counted],
    choice: MethodChoice,
    num_identities: int,
    device: torch.device,
) -> Counted:
    size = choice.config.image_size
    try:
        with simulated():
            return count(build_method(choice, num_identities), size, torch.device("cpu"))
    except BenchError:
        raise
    except Exception as error:  # noqa: BLE001  # on real tensors it works, or raises it again
        _say(
            f"Note: {choice.name} cannot be counted on tensors without data "
            f"({in_one_line(error)}); it is run on {device}"
        )
    method = build_method(choice, num_identities)
    method.networks.to(device)
    return count(method, size, device)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
