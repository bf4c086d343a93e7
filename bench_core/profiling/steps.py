"""Multiply-adds of a training step, counted on a step of each stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from bench_core.profiling.flops import flop_counter
from bench_core.training.batches import Batch
from bench_core.training.method import StagedMethod
from bench_core.training.recipes import build_optimizer
from bench_core.training.stages import Stage
from bench_core.training.updates import Updates


@dataclass(frozen=True, kw_only=True)
class StageCost:
    """What a step of a stage costs.

    Attributes:
        name: Name of the stage.
        num_images: Images of a batch, both modalities together.
        step_macs: Multiply-adds of a step: forward and backward, of all that the step runs.
    """

    name: str
    num_images: int
    step_macs: int

    @property
    def macs(self) -> int:
        """Multiply-adds of a step for each image of its batch, rounded."""
        return round(self.step_macs / self.num_images)

    def as_document(self) -> dict[str, Any]:
        """Return the stage as `bench profile --json` lists it."""
        return {
            "name": self.name,
            "images": self.num_images,
            "macs": self.macs,
            "flops": 2 * self.macs,
        }


def stage_costs(
    method: StagedMethod[Any], image_size: tuple[int, int], device: torch.device
) -> tuple[StageCost, ...]:
    """Take one step of each stage on a whole batch of noise, and count its multiply-adds.

    The batch is that of the stage: a step may learn from parts of it, so that a smaller one does
    not cost the same for each image.

    Args:
        method: The method; its networks are trained for a step of each stage.
        image_size: Height and width in pixels.
        device: Where its networks are.
    """
    return tuple(
        _stage_cost(method, stage, noise_batch(method, stage, image_size, device))
        for stage in method.stages()
    )


def _stage_cost(method: StagedMethod[Any], stage: Stage, batch: Batch) -> StageCost:
    updates = Updates(begin_stage(method, stage))
    with flop_counter() as counter:
        stage.step(batch, updates)
    return StageCost(
        name=stage.name,
        num_images=2 * len(batch.labels),
        step_macs=counter.get_total_flops() // 2,
    )


def begin_stage(method: StagedMethod[Any], stage: Stage) -> dict[str, torch.optim.Optimizer]:
    """Put the networks into the modes of a stage and build its optimisers."""
    method.networks.train()
    for network in stage.frozen:
        network.eval()
    return {
        name: build_optimizer(plan.config, plan.groups) for name, plan in stage.optimizers.items()
    }


def noise_batch(
    method: StagedMethod[Any], stage: Stage, image_size: tuple[int, int], device: torch.device
) -> Batch:
    """Return a whole batch of a stage, of images of noise."""
    sampling = stage.sampling
    labels = torch.arange(sampling.identities, device=device) % method.num_identities
    labels = labels.repeat_interleave(sampling.images)
    visible, infrared = (
        torch.rand(len(labels), 3, *image_size, device=device).to(memory_format=torch.channels_last)
        for _ in range(2)
    )
    return Batch(visible=visible, infrared=infrared, labels=labels)
