"""A training loop of a method's own that logs, saves, resumes and tells as the harness' does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from bench_core.data.augmentation import AugmentationConfig
from bench_core.system.progress import progress
from bench_core.training import checkpoint
from bench_core.training.batches import Batch, BatchLoader
from bench_core.training.checkpoint import Kept, Position, Progress
from bench_core.training.data import TrainingData
from bench_core.training.log import LOG_FILE, FinishedEpoch, JsonLines, LossLog
from bench_core.training.samplers import SamplingConfig
from bench_core.training.seeding import (
    AUGMENTATION,
    EPOCH_BEGIN,
    SAMPLING,
    STEPS,
    numpy_generator,
    seed_global_generators,
    torch_generator,
)

if TYPE_CHECKING:
    from bench_core.training.run import TrainingRun


@dataclass(frozen=True, kw_only=True)
class LoopPlan:
    """What `TrainingRun.loop` runs.

    Attributes:
        name: Of the stage, in log, progress and errors.
        epochs: How many there are.
        networks: What is trained, and saved as the model.
        optimizers: Theirs by name; checkpoints hold their state.
        memory: Other tensors by name that are kept from epoch to epoch; likewise.
        index: Number of the loop within the training, from 0; loops run in this order.
    """

    name: str
    epochs: int
    networks: nn.ModuleDict
    optimizers: Mapping[str, torch.optim.Optimizer] = field(default_factory=dict)
    memory: MutableMapping[str, torch.Tensor] = field(default_factory=dict)
    index: int = 0


class OwnEpoch:
    """An epoch of a loop of the method's own; `OwnLoop` yields it.

    Attributes:
        number: From 0.
        generator: Random numbers that follow from seed, loop and epoch.
    """

    def __init__(self, loop: OwnLoop, number: int, show: Any) -> None:
        self.number = number
        self.generator = numpy_generator(loop.place(number, EPOCH_BEGIN))
        self._loop, self._show = loop, show
        self._losses = LossLog(loop.plan.name, number, {}, 0)
        self._step, self._waited, self._images = 0, 0.0, 0
        self._noted: dict[str, float] = {}
        self._started = time.perf_counter()

    def batches(
        self, data: TrainingData, sampling: SamplingConfig, augmentation: AugmentationConfig
    ) -> Iterator[Batch]:
        """Yield identity-balanced batches on the device, as a stage gets them."""
        loop, sampler = self._loop, data.sampler(sampling)
        loader = BatchLoader(data.pixels, loop.device)
        rows = sampler.epoch(numpy_generator(loop.place(self.number, SAMPLING)))
        first = torch_generator(loop.place(self.number, AUGMENTATION)).initial_seed() >> 1
        for batch in loader.load(rows, augmentation, first):
            self._images += len(batch.visible) + len(batch.infrared)
            yield batch
        self._waited += loader.waited_seconds

    def add(self, losses: Mapping[str, torch.Tensor]) -> None:
        """Add the losses of a step to the means of the epoch, and seed torch for the next step.

        Raises:
            TrainingError: A loss is not finite.
            PluginError: A loss is no scalar tensor.
        """
        self._losses.add(self._step, losses)
        self._step += 1
        self._show(self._losses.means() if self._losses.num_steps else {})
        seed_global_generators(self._loop.place(self.number, STEPS, self._step))

    def note(self, **values: float) -> None:
        """Put further numbers into the epoch's line of the log."""
        self._noted |= {name: float(value) for name, value in values.items()}

    def report(self) -> dict[str, Any]:
        """Return the epoch's line of the log."""
        self._losses.read()
        seconds = time.perf_counter() - self._started
        line = {
            "stage": self._loop.plan.name,
            "epoch": self.number + 1,
            "losses": self.losses,
            "learning_rates": {
                name: each.param_groups[0]["lr"]
                for name, each in self._loop.plan.optimizers.items()
            },
            "seconds": round(seconds, 3),
            "images_per_second": round(self._images / seconds, 1),
            "waiting_for_data": round(self._waited / seconds, 4),
        }
        return {**self._noted, **line}

    @property
    def losses(self) -> dict[str, float]:
        """The mean of each loss over the steps so far."""
        return self._losses.means() if self._losses.num_steps else {}


class OwnLoop:
    """The epochs of a loop of the method's own, from where an interruption left it.

    Iterated, it yields each epoch that is not done. When the body has run, the epoch is logged, a
    checkpoint is written and observers are told of it. An epoch that was interrupted is run again
    from its start. Torch's generators are seeded at its start and by `OwnEpoch.add`.
    """

    def __init__(self, run: TrainingRun, plan: LoopPlan) -> None:
        """Load what an interrupted training left; made by `TrainingRun.loop`."""
        self.plan, self.device = plan, run.device
        self._run = run
        plan.networks.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        saved = run.saved(plan.networks, plan.index)
        self._log = JsonLines(run.folder / LOG_FILE, saved.log)
        self._first = self._resume(saved)

    def place(self, epoch: int, purpose: int, *step: int) -> tuple[int, ...]:
        """Return what random draws depend on."""
        return (self._run.description.seed, self.plan.index, epoch, purpose, *step)

    def __iter__(self) -> Iterator[OwnEpoch]:
        plan = self.plan
        with progress(
            total=plan.epochs, initial=self._first, description=plan.name, unit="epoch"
        ) as bar:
            for number in range(self._first, plan.epochs):
                title = f"{plan.name} epoch {number + 1}/{plan.epochs}"
                seed_global_generators(self.place(number, STEPS, 0))
                epoch = OwnEpoch(self, number, lambda means, title=title: bar.show(title, means))
                yield epoch
                self._finish(epoch)
                bar.update()

    def _finish(self, epoch: OwnEpoch) -> None:
        plan, run = self.plan, self._run
        line = epoch.report()
        self._log.append(line)
        checkpoint.save_progress(
            run.folder / checkpoint.CHECKPOINT_FILE,
            plan.networks,
            plan.optimizers,
            Position(stage=plan.index, epoch=epoch.number + 1),
            run.description.identity,
            self._log.text,
            Kept(memory=plan.memory),
        )
        run.on_epoch(
            FinishedEpoch(
                training=run.description.identity,
                folder=run.folder,
                stage=plan.name,
                epoch=epoch.number + 1,
                num_epochs=plan.epochs,
                losses=epoch.losses,
                line=line,
            )
        )

    def _resume(self, saved: Progress) -> int:
        """Take over what belongs to this loop, and return its first epoch."""
        position, plan = saved.position, self.plan
        if position.stage != plan.index:
            return plan.epochs if position.stage > plan.index else 0
        for name, state in saved.optimizers.items():
            checkpoint.restore_optimizer(plan.optimizers[name], state)
        if position.epoch:
            plan.memory.clear()
            plan.memory.update({n: each.to(self.device) for n, each in saved.kept.memory.items()})
        return position.epoch
