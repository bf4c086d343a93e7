"""What it means to run steps of a stage: modes, optimisers, number format, seeds, updates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import TypeAlias

import torch
from torch import nn

from bench_core.contracts.errors import PluginError
from bench_core.contracts.method import Precision
from bench_core.modeling.division import Division
from bench_core.system.devices import arithmetic
from bench_core.training.batches import Batch, BatchLoader
from bench_core.training.epochs import Epoch
from bench_core.training.log import describe
from bench_core.training.recipes import set_learning_rate
from bench_core.training.schedules import Moment
from bench_core.training.seeding import (
    AUGMENTATION,
    EPOCH_BEGIN,
    EPOCH_END,
    SAMPLING,
    STEPS,
    Place,
    numpy_generator,
    seed_global_generators,
    torch_generator,
)
from bench_core.training.stage_images import EpochBatches, StageImages
from bench_core.training.stages import Stage, updates_of

Optimizers: TypeAlias = dict[str, torch.optim.Optimizer]


class StageRunner:
    """A stage whose turn it is, step by step; made by `enter_stages`.

    Attributes:
        index: Its number, from 0.
        stage: What it is.
        optimizers: Its own by name, and those of earlier stages that a later one goes on with.
    """

    def __init__(
        self,
        networks: nn.ModuleDict,
        index: int,
        stage: Stage,
        optimizers: Optimizers,
        *,
        precision: Precision,
        seed: int,
        division: Division | None,
    ) -> None:
        self.index, self.stage, self.optimizers = index, stage, optimizers
        self._networks, self._precision, self._seed = networks, precision, seed
        self._division = division
        self._own = {name: optimizers[name] for name in stage.optimizers}
        self._updates = updates_of(stage, self._own, networks)
        self._num_steps = 1

    @property
    def learning_rates(self) -> dict[str, float]:
        """The rate of the first group of each optimiser of the stage."""
        return {name: each.param_groups[0]["lr"] for name, each in self._own.items()}

    def place(self, epoch: int, purpose: int, *step: int) -> Place:
        """Return what random draws depend on.

        Args:
            epoch: Number of the epoch, from 0.
            purpose: What they are for; see `bench_core.training.seeding`.
            step: Number of the step within the epoch, from 0, where they are for one.
        """
        return (self._seed, self.index, epoch, purpose, *step)

    def batches(
        self,
        drawn: EpochBatches,
        loader: BatchLoader,
        epoch: int,
        start: int = 0,
        stop: int | None = None,
    ) -> Iterator[Batch]:
        """Yield batches of an epoch, the same whatever came before.

        Args:
            drawn: What they are drawn by.
            loader: Gathers them.
            epoch: Number of the epoch, from 0.
            start: Number of the first within the epoch.
            stop: Number behind the last; by default the epoch's end.
        """
        rows = drawn.rows(numpy_generator(self.place(epoch, SAMPLING)))
        first = torch_generator(self.place(epoch, AUGMENTATION)).initial_seed() >> 1
        return loader.load(islice(rows, start, stop), self.stage.augmentation, first + start)

    def begin_epoch(self, epoch: int, num_steps: int = 1) -> None:
        """Put the networks into the modes of the stage, and set the rates of an epoch.

        Args:
            epoch: Number of the epoch, from 0.
            num_steps: Its steps, for schedules that go from step to step.
        """
        self._networks.train()
        for network in self.stage.frozen:
            network.eval()
        self._num_steps = num_steps
        self._set_rates(epoch, 0)

    def bring_memory(self, device: torch.device) -> None:
        """Move what the stage keeps to the device of its training."""
        for name, value in self.stage.memory.items():
            if isinstance(value, torch.Tensor):  # else the first checkpoint refuses it
                self.stage.memory[name] = value.to(device)

    def look(self, epoch: int, images: StageImages, device: torch.device, *, ends: bool) -> None:
        """Call the stage's hook before or after an epoch, if it has one.

        Args:
            epoch: Number of the epoch, from 0.
            images: The training images of the stage.
            device: Where the networks are.
            ends: Whether the epoch ends.
        """
        hook = self.stage.end if ends else self.stage.begin
        if hook is None:
            return
        self._networks.eval()
        place = self.place(epoch, EPOCH_END if ends else EPOCH_BEGIN)
        seed_global_generators(place)
        seen = Epoch(epoch, self.stage.epochs, images, device, numpy_generator(place))
        with torch.no_grad(), arithmetic(device, self._precision), self._divided():
            hook(seen)

    def _divided(self) -> AbstractContextManager[None]:
        return self._division.divided() if self._division else nullcontext()

    def _set_rates(self, epoch: int, step: int) -> None:
        moment = Moment(epoch=epoch, step=step, steps=self._num_steps, epochs=self.stage.epochs)
        for name, plan in self.stage.optimizers.items():
            set_learning_rate(self._own[name], plan.schedule.rate(moment))

    def step(self, batch: Batch, epoch: int, step: int) -> Mapping[str, torch.Tensor]:
        """Run a step, and before the first of an epoch the stage's check.

        Args:
            batch: The batch.
            epoch: Number of the epoch, from 0.
            step: Number of the step within the epoch, from 0; both decide the random draws.

        Returns:
            The losses by name.

        Raises:
            TrainingError: The check failed.
            PluginError: The step returned no losses, or updates what it has no optimiser for.
        """
        seed_global_generators(self.place(epoch, STEPS, step))
        self._set_rates(epoch, step)
        with arithmetic(batch.labels.device, self._precision), self._divided():
            if step == 0 and self.stage.check is not None:
                self.stage.check(batch)
            losses = self.stage.step(batch, self._updates)
        if not isinstance(losses, Mapping):
            raise PluginError(
                f"the step of stage '{self.stage.name}' returned {describe(losses)}; it must "
                "return scalar tensors by name"
            )
        return losses


def enter_stages(
    networks: nn.ModuleDict,
    stages: Sequence[Stage],
    *,
    precision: Precision,
    seed: int,
    division: Division | None = None,
) -> Iterator[StageRunner]:
    """Enter the stages one after another.

    An optimiser takes over the state of the earlier one of its name where its plan says so. Ask
    for a stage after the one before it has run.

    Args:
        networks: Every network by name.
        stages: The stages.
        precision: Number format of the steps.
        seed: Seed of their random draws.
        division: Of their batches among processes, where there are several.
    """
    optimizers: Optimizers = {}
    for index, stage in enumerate(stages):
        present = {name: plan.build() for name, plan in stage.optimizers.items()}
        for name in _continued(stage) & optimizers.keys():
            _take_over(optimizers[name], present[name])
        later = {name for each in stages[index + 1 :] for name in _continued(each)}
        waiting = (later & optimizers.keys()) - present.keys()
        optimizers = {name: optimizers[name] for name in sorted(waiting)} | present
        yield StageRunner(
            networks, index, stage, optimizers, precision=precision, seed=seed, division=division
        )


def _continued(stage: Stage) -> set[str]:
    return {name for name, plan in stage.optimizers.items() if plan.continued}


def _take_over(earlier: torch.optim.Optimizer, present: torch.optim.Optimizer) -> None:
    for group in present.param_groups:
        for parameter in group["params"]:
            if parameter in earlier.state:
                present.state[parameter] = earlier.state[parameter]
