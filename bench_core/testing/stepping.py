"""Steps of a method, one at a time: a stage's modes and optimisers, and what an update changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import nn

from bench_core.testing.building import random_batch, random_data
from bench_core.training.batches import Batch, BatchLoader
from bench_core.training.method import StagedMethod
from bench_core.training.stage_images import StageImages
from bench_core.training.stage_runner import enter_stages
from bench_core.training.stages import Stage, updates_of
from bench_core.training.updates import TOTAL, Losses, Part, Updates

IMAGES_OF_EACH = 4
"""Of each person and modality, where training images are random."""
Look: TypeAlias = Callable[[str], None]
"""Called with the name of an optimiser before or after it steps."""


class StopTrainingError(Exception):
    """Ends a training on purpose; see `note_steps`."""


class Update(NamedTuple):
    """One update: what was minimised, and what that did.

    Attributes:
        optimizers: Names of those that stepped.
        total: The sum that was minimised.
        changed: Names of the networks that have other parameters after it.
        reached: Names of the networks that a gradient has reached.
    """

    optimizers: tuple[str, ...]
    total: float
    changed: set[str]
    reached: set[str]


class RecordedUpdates(Updates):
    """Keeps what would be minimised, and changes nothing.

    Attributes:
        calls: The weighted sums, each with the names of its optimisers.
    """

    def __init__(self) -> None:
        super().__init__({})
        self.calls: list[tuple[torch.Tensor, tuple[str, ...]]] = []

    def minimize(self, losses: Losses, *optimizers: str, **options: Any) -> Losses:
        """Keep one sum."""
        return self.minimize_together((losses, optimizers), weights=options.get("weights"))

    def minimize_together(self, *parts: Part, weights: Mapping[str, float] | None = None) -> Losses:
        """Keep a sum for each part."""
        for losses, optimizers in parts:
            terms = [loss * (weights[name] if weights else 1) for name, loss in losses.items()]
            self.calls.append((torch.stack(terms).sum(), tuple(optimizers)))
        return {name: loss for losses, _ in parts for name, loss in losses.items()}

    def minimize_by(
        self,
        compute: Callable[[], Losses],
        optimizer: str,
        *,
        weights: Mapping[str, float] | None = None,
    ) -> Losses:
        """Keep one sum, of losses that are computed once."""
        return self.minimize_together((compute(), (optimizer,)), weights=weights)


class WatchedUpdates(Updates):
    """Notes what each update changes, and lets a test look before and after it.

    Attributes:
        seen: The updates so far.
    """

    def __init__(
        self,
        updates: Updates,
        networks: Mapping[str, nn.Module],
        before: Look | None = None,
        after: Look | None = None,
    ) -> None:
        self._updates, self._networks = updates, networks
        self._before, self._after = before, after
        self.seen: list[Update] = []

    def minimize(self, losses: Losses, *optimizers: str, **options: Any) -> Losses:
        """Watch one update."""
        return self._watch(
            optimizers, lambda: self._updates.minimize(losses, *optimizers, **options)
        )

    def minimize_together(self, *parts: Part, **options: Any) -> Losses:
        """Watch one update on several losses."""
        optimizers = tuple(dict.fromkeys(name for _, names in parts for name in names))
        return self._watch(optimizers, lambda: self._updates.minimize_together(*parts, **options))

    def minimize_by(self, compute: Callable[[], Losses], optimizer: str, **options: Any) -> Losses:
        """Watch one update by a closure."""
        return self._watch(
            (optimizer,), lambda: self._updates.minimize_by(compute, optimizer, **options)
        )

    def _watch(self, optimizers: tuple[str, ...], update: Callable[[], Losses]) -> Losses:
        self._tell(self._before, optimizers)
        old = {name: _parameters(network) for name, network in self._networks.items()}
        for network in self._networks.values():
            network.zero_grad(set_to_none=True)
        logged = update()
        changed = {
            name
            for name, network in self._networks.items()
            if not all(map(torch.equal, old[name], _parameters(network)))
        }
        reached = {
            name
            for name, network in self._networks.items()
            if any(value.grad is not None for value in network.parameters())
        }
        (total,) = [value.item() for name, value in logged.items() if name.startswith(TOTAL)]
        self.seen.append(Update(optimizers, total, changed, reached))
        self._tell(self._after, optimizers)
        return logged

    @staticmethod
    def _tell(look: Look | None, optimizers: Sequence[str]) -> None:
        if look is not None:
            for name in optimizers:
                look(name)


def _parameters(network: nn.Module) -> list[torch.Tensor]:
    return [value.detach().clone() for value in network.parameters()]


def stage_of(method: StagedMethod[Any], name: str) -> Stage:
    """Return a stage by its name."""
    return {stage.name: stage for stage in method.stages()}[name]


def batch_of(method: StagedMethod[Any], stage: Stage, size: tuple[int, int]) -> Batch:
    """Return a batch that a stage can learn from, the same each time.

    A stage that brings hooks, a sampler or views, or has no labels, gets the first batch of its
    first epoch on random images, after its `begin`; another one a random batch.

    Args:
        method: The method.
        stage: One of its stages.
        size: Height and width of the images.
    """
    own = stage.begin or stage.sampler or stage.views or not stage.labelled
    if not own:
        return random_batch(size, min(stage.sampling.identities, 5), stage.sampling.images)
    data, device = random_data(size, method.num_identities, IMAGES_OF_EACH), torch.device("cpu")
    images = StageImages(data, stage)
    (runner,) = enter_stages(method.networks, [stage], precision="float32", seed=0)
    runner.look(0, images, device, ends=False)
    rows = images.begin().rows(np.random.default_rng(0))
    loader = BatchLoader(data.pixels, device, stage.views, note=images.notes)
    return next(loader.load(islice(rows, 1), stage.augmentation, seed=0))


def build_updates(stage: Stage, networks: nn.Module | None = None) -> Updates:
    """Build the optimisers of a stage anew.

    Args:
        stage: The stage.
        networks: All that its steps run, where running statistics matter.
    """
    optimizers = {name: plan.build() for name, plan in stage.optimizers.items()}
    return updates_of(stage, optimizers, nn.ModuleDict() if networks is None else networks)


def enter_stage(method: StagedMethod[Any], name: str) -> Updates:
    """Put the networks into the modes of a stage, and build its optimisers anew."""
    stage = stage_of(method, name)
    _set_modes(method, stage)
    return build_updates(stage, method.networks)


def _set_modes(method: StagedMethod[Any], stage: Stage) -> None:
    method.networks.train()
    for network in stage.frozen:
        network.eval()


def take_step(
    method: StagedMethod[Any],
    name: str,
    batch: Batch,
    updates: Updates | None = None,
    *,
    seed: int = 1,
) -> Losses:
    """Take a step of a stage in its modes, with the same random numbers each time.

    Args:
        method: The method.
        name: Name of the stage.
        batch: What it learns from.
        updates: Optimisers of an earlier step, or updates that watch; by default new optimisers.
        seed: Of the random numbers.

    Returns:
        The losses by name.
    """
    stage = stage_of(method, name)
    _set_modes(method, stage)
    torch.manual_seed(seed)
    return stage.step(batch, updates or build_updates(stage, method.networks))


def record_step(
    method: StagedMethod[Any], name: str, batch: Batch
) -> tuple[Losses, list[tuple[torch.Tensor, tuple[str, ...]]]]:
    """Take a step as `take_step` does, but without any update.

    Returns:
        The losses by name, and what would be minimised, with the names of its optimisers.
    """
    recorded = RecordedUpdates()
    return take_step(method, name, batch, recorded), recorded.calls


def watch_step(
    method: StagedMethod[Any],
    name: str,
    batch: Batch,
    *,
    before: Look | None = None,
    after: Look | None = None,
    networks: Mapping[str, nn.Module] | None = None,
    seed: int = 1,
) -> tuple[Losses, list[Update]]:
    """Take a step as `take_step` does, and tell what its updates did.

    Args:
        method: The method.
        name: Name of the stage.
        batch: What it learns from.
        before: Called with the name of each optimiser before it steps.
        after: And after it has.
        networks: What is watched; by default all networks of the method.
        seed: Of the random numbers.

    Returns:
        The losses by name without their totals, and the updates, whose totals were logged.
    """
    watching = networks or dict(method.networks.items())
    updates = build_updates(stage_of(method, name), method.networks)
    watched = WatchedUpdates(updates, watching, before, after)
    losses = dict(take_step(method, name, batch, watched, seed=seed))
    totals = [losses.pop(loss).item() for loss in list(losses) if loss.startswith(TOTAL)]
    assert totals == [update.total for update in watched.seen]  # noqa: S101
    return losses, watched.seen


def note_steps(method: StagedMethod[Any], stop: int | None = None) -> list[str]:
    """Let a method note the steps that its training takes, and end it before one of them.

    Args:
        method: The method; its stages are those of this moment from now on.
        stop: Number of the step that raises StopTrainingError instead, from 0.

    Returns:
        The names of the stages of the steps, to which each step adds its own.
    """
    taken: list[str] = []

    def noted(stage: Stage) -> Stage:
        def step(batch: Batch, updates: Updates) -> Losses:
            if len(taken) == stop:
                raise StopTrainingError
            taken.append(stage.name)
            return stage.step(batch, updates)

        return replace(stage, step=step)

    stages = [noted(stage) for stage in method.stages()]
    method.stages = lambda: stages  # type: ignore[method-assign]
    return taken
