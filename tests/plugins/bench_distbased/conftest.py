"""Configurations of distance based training, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch
from bench_distbased import bench_register_methods
from bench_distbased.config import DistanceBasedConfig
from bench_distbased.method import DistanceBased

SMALL = ("backbone=small", "image_height=32", "image_width=16")
BUILDER = MethodBuilder(*bench_register_methods(), SMALL)


@pytest.fixture(scope="session")
def config_of() -> Callable[..., DistanceBasedConfig]:
    """Combine preset, variant and options as the command line does."""
    return BUILDER.choose


@pytest.fixture(scope="session")
def make() -> Callable[..., DistanceBased]:
    """Make the method of a variant with a small backbone, the same each time."""
    return BUILDER.build


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities."""
    return random_batch((32, 16))
