"""Configurations of cmGAN, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_cmgan import bench_register_methods
from bench_cmgan.config import CMGANConfig
from bench_cmgan.method import CMGAN
from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch

SMALL = ("backbone=small", "last_stride=1", "image_height=32", "image_width=16")
BUILDER = MethodBuilder(*bench_register_methods(), SMALL)


@pytest.fixture(scope="session")
def config_of() -> Callable[..., CMGANConfig]:
    """Combine preset, variant and options as the command line does."""
    return BUILDER.choose


@pytest.fixture(scope="session")
def make() -> Callable[..., CMGAN]:
    """Make cmGAN of a variant with small networks, the same each time."""
    return BUILDER.build


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities."""
    return random_batch((32, 16))
