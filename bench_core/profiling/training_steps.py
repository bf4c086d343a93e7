"""Steps of training on batches of noise: their multiply-adds, speed, memory, where time goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from bench_core.contracts.images import INFRARED, MODALITIES, VISIBLE
from bench_core.contracts.method import Precision
from bench_core.modeling.sharing import WHOLE_BATCH, Sharing
from bench_core.profiling.counting import flop_counter, watched
from bench_core.profiling.memory import peak_memory
from bench_core.profiling.timing import Call, Moment, Timing, elapsed_seconds, measure, now
from bench_core.system.escaping import in_one_line
from bench_core.system.progress import progress
from bench_core.training.batches import Batch
from bench_core.training.data import TrainingData
from bench_core.training.method import StagedMethod
from bench_core.training.run import divided_evenly
from bench_core.training.stage_images import StageImages
from bench_core.training.stage_runner import StageRunner, enter_stages
from bench_core.training.stages import Stage

ANY_BUT_THE_FIRST = 1
"""The number that a step has: with the first of an epoch, a stage checks how its training goes."""


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
            **self.timing.as_document(self.num_images),
            "peak_memory_bytes": self.peak_memory_bytes,
            "shares": {name: round(share, 4) for name, share in self.shares.items()},
            "share_of_losses_backward_and_updates": round(rest, 4),
        }


class HookError(Exception):
    """A stage's hook needs more than images of noise."""


class TrainingStep:
    """A step of the first epoch of a stage on a whole batch.

    The batch is that of the stage: a step may learn from parts of it, so that a smaller one does
    not cost the same for each image.

    Args:
        networks: All networks of the method.
        runner: The stage.
        batch: What it learns from.
        number: Of the step within the epoch, from 0.
        epoch_steps: Steps of the epoch, for schedules that go by the step.

    Attributes:
        name: Name of the stage.
        num_images: Images of the batch, both modalities together.
        losses: What the step returned when it was last run, by name.
    """

    def __init__(
        self,
        networks: nn.ModuleDict,
        runner: StageRunner,
        batch: Batch,
        *,
        number: int = ANY_BUT_THE_FIRST,
        epoch_steps: int = 1,
    ) -> None:
        self.name, self.num_images = runner.stage.name, 2 * len(batch.visible)
        self.losses: Mapping[str, torch.Tensor] = {}
        self._networks, self._runner, self._batch = networks, runner, batch
        self._number = number
        runner.begin_epoch(0, epoch_steps)

    def __call__(self) -> None:
        """Run it, as a training does."""
        self.losses = self._runner.step(self._batch, 0, self._number)

    def resident(self) -> Iterator[torch.Tensor]:
        """Yield the tensors that outlive a step: networks, gradients, optimisers, batch."""
        yield from (self._batch.visible, self._batch.infrared, self._batch.labels)
        yield from self.weights()
        yield from self.gradients()
        yield from self.optimizer_states()

    def weights(self) -> Iterator[torch.Tensor]:
        """Yield all parameters and buffers."""
        yield from self._networks.buffers()
        yield from self._networks.parameters()

    def gradients(self) -> Iterator[torch.Tensor]:
        """Yield the gradients that the last step has left."""
        for parameter in self._networks.parameters():
            if parameter.grad is not None:
                yield parameter.grad

    def optimizer_states(self) -> Iterator[torch.Tensor]:
        """Yield what optimisers keep."""
        for optimizer in self._runner.optimizers.values():
            for state in optimizer.state.values():
                yield from (value for value in state.values() if isinstance(value, torch.Tensor))


def training_steps(
    method: StagedMethod[Any],
    stages: Sequence[Stage],
    image_size: tuple[int, int],
    device: torch.device,
    precision: Precision = "float32",
    sharing: Sharing = WHOLE_BATCH,
) -> Iterator[TrainingStep]:
    """Yield a step of each stage on noise; ask for one after the one before it has run.

    Args:
        method: The method; its networks are trained on noise and of no use afterwards.
        stages: Its stages.
        image_size: Height and width in pixels.
        device: Where its networks are.
        precision: Number format of the steps.
        sharing: How each batch is shared.

    Raises:
        UsageError: A batch has no even shares.
        PluginError: A network cannot be divided.
        HookError: A stage's hook before an epoch fails on images of noise.
    """
    division = divided_evenly(method.networks, stages, sharing)
    for runner in enter_stages(
        method.networks, stages, precision=precision, seed=0, division=division
    ):
        batch = _noise(runner.stage, method.num_identities, image_size, device)
        if runner.stage.begin is not None:
            batch = _after_hook(runner, batch, method.num_identities)
        yield TrainingStep(method.networks, runner, batch)


def stage_costs(
    method: StagedMethod[Any], image_size: tuple[int, int], device: torch.device
) -> tuple[StageCost, ...]:
    """Count the multiply-adds of a step of each stage.

    Args:
        method: The method; its networks are trained for a step of each stage.
        image_size: Height and width in pixels.
        device: Where its networks are.
    """
    costs = []
    for step in training_steps(method, method.stages(), image_size, device):
        with flop_counter() as counter:
            step()
        macs = counter.get_total_flops() // 2
        costs.append(StageCost(name=step.name, num_images=step.num_images, step_macs=macs))
    return tuple(costs)


def measure_training(
    method: StagedMethod[Any],
    image_size: tuple[int, int],
    device: torch.device,
    precision: Precision,
    budget_seconds: float,
) -> tuple[StageSpeed, ...]:
    """Measure steps of each stage on batches that lie on the device.

    Args:
        method: On the device; its networks are trained on noise and of no use afterwards.
        image_size: Height and width in pixels.
        device: The device.
        precision: Number format of the steps.
        budget_seconds: In all; each stage gets an equal share, and a slow one takes longer.
    """
    method.networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    stages = method.stages()
    steps = training_steps(method, stages, image_size, device, precision)
    bar = progress(steps, total=len(stages), description="measuring training", unit="stage")
    return tuple(
        StageSpeed(
            name=step.name,
            num_images=step.num_images,
            precision=precision,
            timing=measure(step, device, budget_seconds / len(stages)),
            peak_memory_bytes=peak_memory(step, device, step.resident()),
            shares=forward_shares(step, method.networks, device),
        )
        for step in bar
    )


def forward_shares(call: Call, networks: nn.ModuleDict, device: torch.device) -> dict[str, float]:
    """Return the shares of a call's time that pass in the forward passes of each network.

    A network that another one calls is a part of that. A forward pass that is computed again in the
    backward pass counts, too.

    Args:
        call: What is measured.
        networks: The networks by name.
        device: Where they compute.

    Returns:
        By name, shares in [0, 1], 0 for a network that does not run.
    """
    spans: list[tuple[str, Moment, Moment]] = []
    running: list[Moment] = []

    def enter(_name: str) -> None:
        running.append(now(device))

    def leave(name: str) -> None:
        began = running.pop()
        if not running:
            spans.append((name.partition(".")[0], began, now(device)))

    with watched(networks, enter, leave):
        started = now(device)
        call()
        total = elapsed_seconds(started, now(device))
    seconds = dict.fromkeys(networks, 0.0)
    for name, first, last in spans:
        seconds[name] += elapsed_seconds(first, last)
    return {name: value / total for name, value in seconds.items()}


def _noise(
    stage: Stage, num_identities: int, image_size: tuple[int, int], device: torch.device
) -> Batch:
    """Return a batch of noise; in a stage without labels, its people are the clusters."""
    sampling = stage.sampling
    labels = torch.arange(sampling.identities, device=device) % num_identities
    labels = labels.repeat_interleave(sampling.images)
    visible, infrared = _images(labels, image_size), _images(labels, image_size)
    views = {VISIBLE: visible, INFRARED: infrared}
    return Batch(
        visible=visible,
        infrared=infrared,
        labels=labels if stage.labelled else labels[:0],
        rows=dict.fromkeys(MODALITIES, torch.arange(len(labels), device=device)),
        cameras=dict.fromkeys(MODALITIES, torch.zeros_like(labels)),
        labels_of=dict.fromkeys(MODALITIES, labels),
        views=views | {name: _images(labels, image_size) for name in stage.views.keys() - views},
    )


def _after_hook(runner: StageRunner, batch: Batch, num_identities: int) -> Batch:
    """Let a stage look at images of noise as before an epoch; return a batch of them.

    They are as many as a batch has. Of pseudo-labels, which a hook may assign, an image that is in
    no cluster has that of the first.

    Raises:
        HookError: The hook fails on them.
    """
    stage, device = runner.stage, batch.visible.device
    people = np.arange(stage.sampling.identities) % num_identities
    kinds = np.repeat(people, stage.sampling.images)
    number, (height, width) = len(kinds), batch.visible.shape[2:]
    draw = np.random.default_rng(0)
    data = TrainingData(
        pixels=draw.integers(0, 256, (2 * number, height, width, 3), dtype=np.uint8),
        rows={VISIBLE: np.arange(number), INFRARED: np.arange(number, 2 * number)},
        labels=dict.fromkeys(MODALITIES, kinds),
        identities=tuple(range(int(kinds.max()) + 1)),
        cameras=dict.fromkeys(MODALITIES, np.zeros(number, dtype=np.int64)),
    )
    images = StageImages(data, stage)
    runner.bring_memory(device)
    try:
        runner.look(0, images, device, ends=False)
    except Exception as error:
        raise HookError(
            f"the hook before an epoch of its stage '{stage.name}' fails on {number} images of "
            f"noise of each modality ({in_one_line(error)})"
        ) from error
    known = {
        modality: torch.from_numpy(np.maximum(labels, 0)).to(device)
        for modality, labels in images.labels.items()
    }
    return replace(batch, labels_of={**batch.labels_of, **known})


def _images(labels: torch.Tensor, image_size: tuple[int, int]) -> torch.Tensor:
    """Return noise for as many images as there are labels."""
    images = torch.rand(len(labels), 3, *image_size, device=labels.device)
    return images.to(memory_format=torch.channels_last)
