"""Configurations of CAJ, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_caj import bench_register_methods
from bench_caj.config import CAJConfig
from bench_caj.method import CAJ
from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch

SMALL = ("backbone=small", "image_height=32", "image_width=16")
BUILDER = MethodBuilder(*bench_register_methods(), SMALL)


@pytest.fixture(scope="session")
def config_of() -> Callable[..., CAJConfig]:
    """Combine preset, variant and options as the command line does."""
    return BUILDER.choose


@pytest.fixture(scope="session")
def make() -> Callable[..., CAJ]:
    """Make the CAJ of a variant with small networks, the same each time."""
    return BUILDER.build


@pytest.fixture
def batch() -> Batch:
    """Six images a stream of three identities."""
    return random_batch((32, 16), views=("exchanged",))
