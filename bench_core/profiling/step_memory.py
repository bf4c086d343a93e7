"""What a training step takes of a device's memory, counted on tensors without data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from bench_core.contracts.method import Precision
from bench_core.modeling.sharing import Sharing
from bench_core.profiling.memory import num_bytes, peak_memory
from bench_core.profiling.training_steps import training_steps
from bench_core.training.method import StagedMethod

PROCESSOR = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class StepMemory:
    """The bytes that a step of a stage takes.

    Attributes:
        stage: Name of the stage.
        weights: Of all networks of the method, buffers included.
        gradients: Of what the stage has trained.
        optimizers: State of optimisers, of later stages that go on with it too.
        peak: Of all tensors that are alive at the peak of the step.
    """

    stage: str
    weights: int
    gradients: int
    optimizers: int
    peak: int

    @property
    def activations(self) -> int:
        """What the peak has besides: activations, images, and what losses compare."""
        return max(0, self.peak - self.weights - self.gradients - self.optimizers)


def step_memories(
    method: StagedMethod[Any],
    image_size: tuple[int, int],
    precision: Precision,
    sharing: Sharing,
    *,
    at_most: int | None = None,
) -> tuple[StepMemory, ...]:
    """Count the memory of a step of each stage, in `bench_core.profiling.counting.simulated`.

    Args:
        method: The method, built there.
        image_size: Height and width in pixels.
        precision: Number format of the steps.
        sharing: How each batch is shared.
        at_most: Bytes; stages behind the first that takes more are not counted.

    Raises:
        UsageError: A batch has no even shares.
        PluginError: A network cannot be divided.
    """
    found = []
    for step in training_steps(method, method.stages(), image_size, PROCESSOR, precision, sharing):
        step()  # states of optimisers are there from the second on
        found.append(
            StepMemory(
                stage=step.name,
                weights=num_bytes(step.weights()),
                gradients=num_bytes(step.gradients()),
                optimizers=num_bytes(step.optimizer_states()),
                peak=peak_memory(step, PROCESSOR, step.resident()),
            )
        )
        if at_most is not None and found[-1].peak > at_most:
            break
    return tuple(found)
