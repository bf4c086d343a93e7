"""Configurations of XIV, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import bench_xiv
from bench_core.configuration import choose_method
from bench_core.methods import Batch
from bench_xiv.config import XIVConfig
from bench_xiv.method import XIV

Choose = Callable[..., XIVConfig]
Make = Callable[..., XIV]

NUM_IDENTITIES = 5
SMALL = ("backbone=small", "image_height=32", "image_width=16")


def choose(preset: str = "paper", variant: str = "full", *assignments: str) -> XIVConfig:
    """Combine preset, variant and options as the command line does."""
    (spec,) = bench_xiv.bench_register_methods()
    variants = {known.name: known for known in spec.variants}
    config: Any = choose_method(spec, variants[variant], preset, assignments).config
    assert isinstance(config, XIVConfig)
    return config


@pytest.fixture
def config_of() -> Choose:
    """Return `choose`."""
    return choose


@pytest.fixture
def make() -> Make:
    """Make the paper's XIV of a variant on a small backbone, the same each time."""

    def build(variant: str = "full", *assignments: str, preset: str = "paper") -> XIV:
        torch.manual_seed(0)
        config = choose(preset, variant, *SMALL, *assignments)
        return XIV(config, num_identities=NUM_IDENTITIES)

    return build


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities, infrared with three equal channels."""
    random = torch.Generator().manual_seed(3)
    return Batch(
        visible=torch.rand(6, 3, 32, 16, generator=random),
        infrared=torch.rand(6, 1, 32, 16, generator=random).repeat(1, 3, 1, 1),
        labels=torch.tensor([4, 4, 0, 0, 2, 2]),
    )
