"""Configurations of D2RL, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch
from bench_d2rl import bench_register_methods
from bench_d2rl.config import D2RLConfig
from bench_d2rl.method import D2RL

SMALL = (
    "backbone=small",
    "last_stride=1",
    "image_height=32",
    "image_width=16",
    "translation_height=16",
    "translation_width=16",
    "translator_width=2",
    "own_blocks=1",
    "discriminator_width=2",
    "discriminator_scales=1",
)
BUILDER = MethodBuilder(*bench_register_methods(), SMALL)


@pytest.fixture(scope="session")
def config_of() -> Callable[..., D2RLConfig]:
    """Combine preset, variant and options as the command line does."""
    return BUILDER.choose


@pytest.fixture(scope="session")
def make() -> Callable[..., D2RL]:
    """Make D2RL of a variant with small networks, the same each time."""
    return BUILDER.build


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities, infrared with three equal channels."""
    return random_batch((32, 16))
