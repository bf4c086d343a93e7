"""Configurations of JSIA, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn

import bench_jsia
from bench_core.configuration import choose_method
from bench_core.methods import Batch, Losses, Updates
from bench_core.training.recipes import build_optimizer
from bench_jsia.config import JSIAConfig
from bench_jsia.method import JSIA

Calls = list[tuple[torch.Tensor, tuple[str, ...]]]

NUM_IDENTITIES = 5
SMALL = (
    "backbone=small",
    "stem_relu=true",  # which is missing in ResNet-50 alone
    "image_height=32",
    "image_width=32",
    "style_width=2",
    "latent_channels=3",
    "num_regions=2",
    "sampling.identities=3",
    "sampling.images=2",
    "recompute_activations=false",
)
PART = ("generation_sampling.identities=2", "generation_sampling.images=2")


class Recorder(Updates):
    """Keeps the losses that would be minimised, and for which optimisers, and changes nothing."""

    def __init__(self) -> None:
        super().__init__({})
        self.calls: Calls = []

    def minimize(self, losses: Losses, *optimizers: str, **options: Any) -> Losses:
        return self.minimize_together((losses, optimizers), **options)

    def minimize_together(
        self, *parts: tuple[Losses, tuple[str, ...]], weights: Mapping[str, float]
    ) -> Losses:
        for losses, optimizers in parts:
            total = sum(weights[name] * loss for name, loss in losses.items())
            self.calls.append((total, optimizers))
        return {name: loss for losses, _ in parts for name, loss in losses.items()}


def choose(preset: str = "paper", variant: str = "full", *assignments: str) -> JSIAConfig:
    """Combine preset, variant and options as the command line does."""
    (spec,) = bench_jsia.bench_register_methods()
    variants = {known.name: known for known in spec.variants}
    config: Any = choose_method(spec, variants[variant], preset, assignments).config
    assert isinstance(config, JSIAConfig)
    return config


def build(variant: str = "full", *assignments: str, preset: str = "paper") -> JSIA:
    """Make the JSIA of a variant on a small backbone, the same each time."""
    torch.manual_seed(0)
    settings = (*SMALL, *PART)
    named = {setting.partition("=")[0] for setting in assignments}
    kept = [setting for setting in settings if setting.partition("=")[0] not in named]
    return JSIA(choose(preset, variant, *kept, *assignments), num_identities=NUM_IDENTITIES)


def networks_of(method: JSIA) -> dict[str, nn.Module]:
    """Return every network by name, the backbone as its two parts."""
    networks = dict(method.networks.items())
    backbone = networks.pop("backbone")
    set_level, instance_level = backbone.split(1)
    return {"set_level": set_level, "instance_level": instance_level, **networks}


def updates_of(method: JSIA, stage: str) -> Updates:
    """Build the optimisers of a stage."""
    (chosen,) = [known for known in method.stages() if known.name == stage]
    plans = chosen.optimizers.items()
    return Updates({name: build_optimizer(plan.config, plan.groups) for name, plan in plans})


def batch_of(identities: int = 3, images: int = 2, size: int = 32) -> Batch:
    """Images of a few identities in blocks; infrared ones have three equal channels."""
    random = torch.Generator().manual_seed(3)
    number = identities * images
    return Batch(
        visible=torch.rand(number, 3, size, size, generator=random),
        infrared=torch.rand(number, 1, size, size, generator=random).repeat(1, 3, 1, 1),
        labels=torch.tensor([4, 0, 2])[:identities].repeat_interleave(images),
    )


def set_modes(method: JSIA, stage: str) -> None:
    """Put the networks into the modes of a stage."""
    (chosen,) = [known for known in method.stages() if known.name == stage]
    method.networks.train()
    for network in chosen.frozen:
        network.eval()


def run_step(method: JSIA, stage: str, batch: Batch, updates: Updates) -> Losses:
    """Run one step of a stage in its modes, with the same random numbers each time."""
    set_modes(method, stage)
    torch.manual_seed(1)
    step = method.joint_step if stage == "joint" else method.generation_step
    return step(batch, updates)


@pytest.fixture
def config_of() -> Callable[..., JSIAConfig]:
    """Return `choose`."""
    return choose


@pytest.fixture(scope="session")
def make() -> Callable[..., JSIA]:
    """Return `build`."""
    return build


@pytest.fixture
def parts_of() -> Callable[[JSIA], dict[str, nn.Module]]:
    """Return `networks_of`."""
    return networks_of


@pytest.fixture
def step() -> Callable[..., Losses]:
    """Return a function that takes one step with fresh optimisers, or with those given."""

    def take(method: JSIA, stage: str, batch: Batch, updates: Updates | None = None) -> Losses:
        return run_step(method, stage, batch, updates or updates_of(method, stage))

    return take


@pytest.fixture
def optimizers() -> Callable[[JSIA, str], Updates]:
    """Return `updates_of`."""
    return updates_of


@pytest.fixture
def record() -> Callable[[JSIA, str, Batch], tuple[Losses, Calls]]:
    """Return a function that runs a step without any update: losses, and what they are for."""

    def run(method: JSIA, stage: str, batch: Batch) -> tuple[Losses, Calls]:
        recorder = Recorder()
        return run_step(method, stage, batch, recorder), recorder.calls

    return run


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities."""
    return batch_of()
