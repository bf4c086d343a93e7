"""Images per second and memory of training steps, and which networks the time goes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bench_core.contracts.method import Precision
from bench_core.profiling.memory import peak_memory
from bench_core.profiling.shares import forward_shares
from bench_core.profiling.steps import begin_stage, noise_batch
from bench_core.profiling.timing import Timing, measure
from bench_core.system.devices import arithmetic
from bench_core.system.progress import progress
from bench_core.training.batches import Batch
from bench_core.training.method import StagedMethod
from bench_core.training.stages import Stage
from bench_core.training.updates import Updates


@dataclass(frozen=True, kw_only=True)
class StageSpeed:
    """How fast a stage trains.

    Attributes:
        name: Name of the stage.
        num_images: Images of a batch, both modalities together.
        precision: Number format of the step.
        timing: Of a step.
        peak_memory_bytes: Of a step; see `bench_core.profiling.memory`.
        shares: Of the time of a step, in [0, 1]: the forward passes of each network.
    """

    name: str
    num_images: int
    precision: Precision
    timing: Timing
    peak_memory_bytes: int
    shares: Mapping[str, float]

    def as_document(self) -> dict[str, Any]:
        """Return the stage as `bench profile --json` lists it."""
        rest = 1 - sum(self.shares.values())
        return {
            "name": self.name,
            "images": self.num_images,
            "dtype": self.precision,
            "images_per_second": round(self.num_images / self.timing.median, 2),
            "images_per_second_quartiles": [
                round(self.num_images / self.timing.percentile(percent), 2) for percent in (75, 25)
            ],
            **self.timing.as_document(),
            "peak_memory_bytes": self.peak_memory_bytes,
            "shares": {name: round(share, 4) for name, share in self.shares.items()},
            "share_of_losses_backward_and_updates": round(rest, 4),
        }


def measure_training(
    method: StagedMethod,
    image_size: tuple[int, int],
    device: torch.device,
    precision: Precision,
    budget_seconds: float,
) -> tuple[StageSpeed, ...]:
    """Measure steps of each stage on whole batches of noise that lie on the device.

    Args:
        method: On the device; its networks are trained on noise and of no use afterwards.
        image_size: Height and width in pixels.
        device: The device.
        precision: Number format of the steps.
        budget_seconds: In all; each stage gets an equal share, and a slow one takes longer.
    """
    method.networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    stages = method.stages()
    measured = []
    for stage in progress(stages, description="measuring training", unit="stage"):
        step = _Step(method, stage, noise_batch(method, stage, image_size, device), precision)
        timing = measure(step, device, budget_seconds / len(stages))
        measured.append(
            StageSpeed(
                name=stage.name,
                num_images=step.num_images,
                precision=precision,
                timing=timing,
                peak_memory_bytes=peak_memory(step, device, step.resident()),
                shares=forward_shares(step, method.networks, device),
            )
        )
    return tuple(measured)


class _Step:
    """A step of a stage on a batch."""

    def __init__(
        self, method: StagedMethod, stage: Stage, batch: Batch, precision: Precision
    ) -> None:
        self._networks, self._stage, self._batch = method.networks, stage, batch
        self._precision = precision
        self._optimizers = begin_stage(method, stage)
        self._updates = Updates(self._optimizers)

    @property
    def num_images(self) -> int:
        return 2 * len(self._batch.labels)

    def __call__(self) -> None:
        with arithmetic(self._batch.labels.device, self._precision):
            self._stage.step(self._batch, self._updates)

    def resident(self) -> Iterator[torch.Tensor]:
        """Yield the tensors that outlive a step: networks, gradients, optimisers, batch."""
        yield from (self._batch.visible, self._batch.infrared, self._batch.labels)
        yield from self._networks.buffers()
        for parameter in self._networks.parameters():
            yield parameter
            if parameter.grad is not None:
                yield parameter.grad
        for optimizer in self._optimizers.values():
            for state in optimizer.state.values():
                yield from (value for value in state.values() if isinstance(value, torch.Tensor))
