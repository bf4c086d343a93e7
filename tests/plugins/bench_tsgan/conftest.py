"""Configurations of TS-GAN, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch
from bench_tsgan import bench_register_methods
from bench_tsgan.config import TSGANConfig
from bench_tsgan.method import TSGAN

SMALL = (
    "backbone=small",
    "image_height=64",
    "image_width=32",
    "generator_width=2",
    "generator_blocks=1",
    "discriminator_width=2",
)
BUILDER = MethodBuilder(*bench_register_methods(), SMALL)


@pytest.fixture(scope="session")
def config_of() -> Callable[..., TSGANConfig]:
    """Combine preset, variant and options as the command line does."""
    return BUILDER.choose


@pytest.fixture(scope="session")
def make() -> Callable[..., TSGAN]:
    """Make the paper's TS-GAN of a variant with small networks, the same each time."""
    return BUILDER.build


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities, infrared with three equal channels."""
    return random_batch((64, 32))
