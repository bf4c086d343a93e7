"""Configurations of TS-GAN, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import bench_tsgan
from bench_core.configuration import choose_method
from bench_core.methods import Batch, Stage, Updates
from bench_core.training.recipes import build_optimizer
from bench_tsgan.config import TSGANConfig
from bench_tsgan.method import TSGAN

Choose = Callable[..., TSGANConfig]
Make = Callable[..., TSGAN]
Train = Callable[[TSGAN, str], Updates]

NUM_IDENTITIES = 5
SIZE = (64, 32)
SMALL = (
    "backbone=small",
    "image_height=64",
    "image_width=32",
    "generator_width=2",
    "generator_blocks=1",
    "discriminator_width=2",
)


def choose(preset: str = "paper", variant: str = "full", *assignments: str) -> TSGANConfig:
    """Combine preset, variant and options as the command line does."""
    (spec,) = bench_tsgan.bench_register_methods()
    variants = {known.name: known for known in spec.variants}
    config: Any = choose_method(spec, variants[variant], preset, assignments).config
    assert isinstance(config, TSGANConfig)
    return config


def stage_of(method: TSGAN, name: str) -> Stage:
    """Return a stage by its name."""
    return {stage.name: stage for stage in method.stages()}[name]


@pytest.fixture
def config_of() -> Choose:
    """Return `choose`."""
    return choose


@pytest.fixture(scope="session")
def make() -> Make:
    """Make the paper's TS-GAN of a variant with small networks, the same each time."""

    def build(variant: str = "full", *assignments: str, preset: str = "paper") -> TSGAN:
        torch.manual_seed(0)
        given = {assignment.partition("=")[0] for assignment in assignments}
        small = [default for default in SMALL if default.partition("=")[0] not in given]
        config = choose(preset, variant, *small, *assignments)
        return TSGAN(config, num_identities=NUM_IDENTITIES)

    return build


@pytest.fixture
def enter() -> Train:
    """Put a method's networks into the modes of a stage, and return the stage's optimisers."""

    def start(method: TSGAN, name: str) -> Updates:
        stage = stage_of(method, name)
        method.networks.train()
        for network in stage.frozen:
            network.eval()
        return Updates(
            {
                plan_name: build_optimizer(plan.config, plan.groups)
                for plan_name, plan in stage.optimizers.items()
            }
        )

    return start


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities, infrared with three equal channels."""
    random = torch.Generator().manual_seed(3)
    return Batch(
        visible=torch.rand(6, 3, *SIZE, generator=random),
        infrared=torch.rand(6, 1, *SIZE, generator=random).repeat(1, 3, 1, 1),
        labels=torch.tensor([4, 4, 0, 0, 2, 2]),
    )
