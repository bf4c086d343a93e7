"""Configurations of AlignGAN, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import bench_aligngan
from bench_aligngan.config import AlignGANConfig
from bench_aligngan.method import AlignGAN
from bench_core.configuration import choose_method
from bench_core.methods import Batch, Losses, Stage, Updates
from bench_core.training.recipes import build_optimizer

Choose = Callable[..., AlignGANConfig]
Make = Callable[..., AlignGAN]
StageOf = Callable[[AlignGAN, str], Stage]
Look = Callable[[str], None]

NUM_IDENTITIES = 5
SMALL = (
    "backbone=small",
    "image_height=64",
    "image_width=32",
    "feature_height=32",
    "feature_width=16",
    "hidden_features=8",
    "generator_width=4",
    "generator_blocks=1",
    "discriminator_width=4",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
)


def choose(preset: str = "paper", variant: str = "full", *assignments: str) -> AlignGANConfig:
    """Combine preset, variant and options as the command line does."""
    (spec,) = bench_aligngan.bench_register_methods()
    variants = {known.name: known for known in spec.variants}
    config: Any = choose_method(spec, variants[variant], preset, assignments).config
    assert isinstance(config, AlignGANConfig)
    return config


@pytest.fixture
def config_of() -> Choose:
    """Return `choose`."""
    return choose


@pytest.fixture
def make() -> Make:
    """Make the paper's AlignGAN of a variant on small networks, the same each time."""

    def build(variant: str = "full", *assignments: str, preset: str = "paper") -> AlignGAN:
        torch.manual_seed(0)
        config = choose(preset, variant, *SMALL, *assignments)
        return AlignGAN(config, num_identities=NUM_IDENTITIES)

    return build


@pytest.fixture
def batch() -> Batch:
    """Six images a modality, two of each of three identities; infrared has three equal channels."""
    random = torch.Generator().manual_seed(3)
    return Batch(
        visible=torch.rand(6, 3, 64, 32, generator=random),
        infrared=torch.rand(6, 1, 64, 32, generator=random).repeat(1, 3, 1, 1),
        labels=torch.tensor([4, 4, 0, 0, 2, 2]),
    )


class WatchedUpdates(Updates):
    """Updates that note what each of them changes, and let a test look before and after it.

    Attributes:
        changed: For each update, its optimiser and the networks whose parameters it changed.
        reached: For each update, the networks that had a gradient after it.
        totals: The losses that were minimised.
    """

    def __init__(
        self, method: AlignGAN, stage: Stage, before: Look | None = None, after: Look | None = None
    ) -> None:
        plans = stage.optimizers.items()
        super().__init__({name: build_optimizer(plan.config, plan.groups) for name, plan in plans})
        self._networks = method.networks
        self._before, self._after = before, after
        self.changed: list[tuple[str, set[str]]] = []
        self.reached: list[set[str]] = []
        self.totals: list[float] = []

    def minimize(self, losses: Losses, *optimizers: str, **options: Any) -> Losses:
        (optimizer,) = optimizers
        if self._before is not None:
            self._before(optimizer)
        self._networks.zero_grad(set_to_none=True)
        old = snapshot(self._networks)
        logged = super().minimize(losses, optimizer, **options)
        new = snapshot(self._networks)
        changed = {name.split(".")[0] for name in old if not torch.equal(old[name], new[name])}
        named = self._networks.named_parameters()
        self.changed.append((optimizer, changed))
        self.reached.append({name.split(".")[0] for name, value in named if value.grad is not None})
        total = next(value for name, value in logged.items() if name.startswith("total"))
        self.totals.append(total.item())
        if self._after is not None:
            self._after(optimizer)
        return logged


def snapshot(networks: nn.Module) -> dict[str, torch.Tensor]:
    """Copy every parameter."""
    return {name: value.detach().clone() for name, value in networks.named_parameters()}


@pytest.fixture
def stage_of() -> StageOf:
    """Find a stage by its name."""

    def find(method: AlignGAN, name: str) -> Stage:
        return next(stage for stage in method.stages() if stage.name == name)

    return find


@pytest.fixture
def take_step(stage_of: StageOf) -> Callable[..., Any]:
    """Take one watched step of a stage; returns the updates and the losses by name."""

    def take(
        method: AlignGAN,
        name: str,
        batch: Batch,
        before: Look | None = None,
        after: Look | None = None,
    ) -> tuple[WatchedUpdates, dict[str, torch.Tensor]]:
        torch.manual_seed(1)
        stage = stage_of(method, name)
        updates = WatchedUpdates(method, stage, before, after)
        losses = dict(stage.step(batch, updates))
        totals = [losses.pop(name) for name in list(losses) if name.startswith("total")]
        assert [total.item() for total in totals] == updates.totals  # what is logged
        return updates, losses

    return take
