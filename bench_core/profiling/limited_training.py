"""The first steps of a training, as the training itself takes them, and what they show of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import nn

from bench_core.data.augmentation import AugmentationConfig
from bench_core.profiling.memory import peak_memory
from bench_core.profiling.training_steps import TrainingStep
from bench_core.system.progress import progress
from bench_core.training.batches import Batch, BatchLoader
from bench_core.training.data import TrainingData
from bench_core.training.log import LossLog
from bench_core.training.own_loop import LoopPlan, OwnEpoch, OwnLoop
from bench_core.training.run import TrainingRun, divided_evenly
from bench_core.training.samplers import SamplingConfig
from bench_core.training.seeding import (
    STEPS,
    seed_global_generators,
)
from bench_core.training.stage_images import StageImages
from bench_core.training.stage_runner import StageRunner, enter_stages
from bench_core.training.stages import Stage


@dataclass(frozen=True, kw_only=True)
class SeenStage:
    """What the first steps of a stage showed.

    Attributes:
        name: Name of the stage.
        epochs: How many it has.
        epoch_steps: Steps of an epoch.
        num_steps: How many were taken.
        first_losses: Those of the first step, by name.
        last_losses: Those of the last.
        seconds_per_step: Median, with the wait for its batch. The first, which prepares, and the
            one whose memory was counted are left out where there are others.
        seconds_around: Of an epoch before its first step and after its last one.
        waiting_for_data: Share of the time of all steps spent waiting for batches, in [0, 1].
        peak_memory_bytes: Of the last step; None where it was not counted.
    """

    name: str
    epochs: int
    epoch_steps: int
    num_steps: int
    first_losses: Mapping[str, float]
    last_losses: Mapping[str, float]
    seconds_per_step: float
    seconds_around: float
    waiting_for_data: float
    peak_memory_bytes: int | None

    @property
    def projected_seconds(self) -> float:
        """How long the whole stage takes at this speed, without checkpoints and validation."""
        return self.epochs * (self.epoch_steps * self.seconds_per_step + self.seconds_around)


@dataclass(frozen=True, kw_only=True)
class LimitedRun(TrainingRun):
    """A training that ends each stage after a few steps of its first epoch.

    They are the steps that the training itself would take: the same batches, draws, rates and
    losses (of later stages, as far as earlier ones decide them). Nothing is saved, logged or told.

    Attributes:
        limit: Steps of each stage.
        seen: What they showed, by stage; filled while it runs.
    """

    limit: int
    seen: list[SeenStage] = field(default_factory=list)

    def execute(self, networks: nn.ModuleDict, stages: Sequence[Stage], data: TrainingData) -> None:
        """Run the first steps of each stage.

        Raises:
            TrainingError: A loss is not finite, or a stage's check failed.
            PluginError: A step returned no losses, or updates what it has no optimiser for.
            UsageError: Its batches have no even shares.
        """
        networks.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        what = self.description
        runners = enter_stages(
            networks,
            stages,
            precision=what.precision,
            seed=what.seed,
            division=divided_evenly(networks, stages, self.sharing),
        )
        for runner in runners:
            self.seen.append(_FirstSteps(self, networks, runner, data).take())

    def loop(self, plan: LoopPlan) -> OwnLoop:
        """Return a loop of the method's own with one epoch of a few batches."""
        return _LimitedLoop(self, plan)


class _FirstSteps:
    """The first steps of a stage."""

    def __init__(
        self, run: LimitedRun, networks: nn.ModuleDict, runner: StageRunner, data: TrainingData
    ) -> None:
        self._run, self._networks, self._runner = run, networks, runner
        self._stage = runner.stage
        self._images = StageImages(data, self._stage)
        self._loader = BatchLoader(
            data.pixels, run.device, self._stage.views, note=self._images.notes
        )
        self._seconds: list[float] = []
        self._losses: list[dict[str, float]] = []

    def take(self) -> SeenStage:
        """Take them, between the hooks of an epoch."""
        for name, value in self._stage.memory.items():
            self._stage.memory[name] = value.to(self._run.device)
        before = self._look(ends=False)
        drawn = self._images.begin()
        limit = min(self._run.limit, drawn.steps)
        batches = self._runner.batches(drawn, self._loader, epoch=0, stop=limit)
        peak = self._steps(batches, limit, drawn.steps)
        after = self._look(ends=True)
        return SeenStage(
            name=self._stage.name,
            epochs=self._stage.epochs,
            epoch_steps=drawn.steps,
            num_steps=limit,
            first_losses=self._losses[0],
            last_losses=self._losses[-1],
            seconds_per_step=_typical(self._seconds),
            seconds_around=before + after,
            waiting_for_data=self._loader.waited_seconds / sum(self._seconds),
            peak_memory_bytes=peak,
        )

    def _look(self, *, ends: bool) -> float:
        """Call the hook before or after an epoch; return the seconds that it takes."""
        started = time.perf_counter()
        self._runner.look(0, self._images, self._run.device, ends=ends)
        return time.perf_counter() - started

    def _steps(self, batches: Iterator[Batch], limit: int, epoch_steps: int) -> int:
        """Take the steps, and return the peak of the memory of the last one."""
        log, peak, sums = LossLog(self._stage.name, 0, {}, 0), 0, dict[str, float]()
        with progress(total=limit, description=f"trying {self._stage.name}", unit="step") as bar:
            started = time.perf_counter()
            for number, batch in enumerate(batches):
                step = TrainingStep(
                    self._networks, self._runner, batch, number=number, epoch_steps=epoch_steps
                )
                if number + 1 == limit:
                    peak = peak_memory(step, self._run.device, step.resident())
                else:
                    step()
                log.add(number, step.losses)
                log.read()  # which waits for the device
                ended = time.perf_counter()
                self._seconds.append(ended - started)
                self._losses.append({k: v - sums.get(k, 0.0) for k, v in log.sums.items()})
                sums, started = dict(log.sums), ended
                bar.update()
        return peak


class _LimitedLoop(OwnLoop):
    """One epoch of a loop of the method's own, of a few batches."""

    def __init__(self, run: LimitedRun, plan: LoopPlan) -> None:
        super().__init__(run, plan)
        self._limited = run

    def __iter__(self) -> Iterator[OwnEpoch]:
        plan, run = self.plan, self._limited
        with progress(total=run.limit, description=f"trying {plan.name}", unit="step") as bar:
            seed_global_generators(self.place(0, STEPS, 0))
            epoch = _LimitedEpoch(self, run.limit, bar)
            yield epoch
        report = epoch.report()
        steps = max(1, epoch.num_steps)
        run.seen.append(
            SeenStage(
                name=plan.name,
                epochs=plan.epochs,
                epoch_steps=max(epoch.epoch_steps, steps),
                num_steps=epoch.num_steps,
                first_losses=epoch.first,
                last_losses=epoch.last,
                seconds_per_step=report["seconds"] / steps,
                seconds_around=0.0,
                waiting_for_data=report["waiting_for_data"],
                peak_memory_bytes=None,
            )
        )


class _LimitedEpoch(OwnEpoch):
    """An epoch that yields a few batches, and keeps the losses of the first and the last step.

    Attributes:
        num_steps: Steps whose losses were handed over.
        epoch_steps: Batches that the whole epoch would have had.
        first: Losses of the first step.
        last: Losses of the last step.
    """

    def __init__(self, loop: OwnLoop, limit: int, bar: Any) -> None:
        super().__init__(loop, 0, lambda _means: bar.update())
        self.num_steps, self.epoch_steps = 0, 0
        self.first: dict[str, float] = {}
        self.last: dict[str, float] = {}
        self._limit = limit

    def batches(
        self, data: TrainingData, sampling: SamplingConfig, augmentation: AugmentationConfig
    ) -> Iterator[Batch]:
        """Yield the first batches of the epoch."""
        self.epoch_steps += data.sampler(sampling).steps_per_epoch
        yield from islice(super().batches(data, sampling, augmentation), self._limit)

    def add(self, losses: Mapping[str, torch.Tensor]) -> None:
        """Keep the losses of a step; raises as `OwnEpoch.add` does."""
        super().add(losses)
        self.last = {name: float(loss) for name, loss in losses.items()}
        self.first = self.first or self.last
        self.num_steps += 1


def _typical(seconds: Sequence[float]) -> float:
    """Return the median of the steps that are neither the first nor the last, if there are such."""
    return statistics.median(seconds[1:-1] or seconds[:-1] or seconds)
