"""Configurations of the three networks, and the smallest that train."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch
from bench_zeropadding import bench_register_methods
from bench_zeropadding.config import IdentityNetworkConfig
from bench_zeropadding.method import IdentityNetwork

SMALL = ("backbone=small", "image_height=32", "image_width=16")
BUILDERS = {spec.id: MethodBuilder(spec, SMALL) for spec in bench_register_methods()}


@pytest.fixture(scope="session")
def config_of() -> Callable[..., IdentityNetworkConfig]:
    """Combine method, preset, variant and options as the command line does."""
    return lambda method, *choice: BUILDERS[method].choose(*choice)


@pytest.fixture(scope="session")
def make() -> Callable[..., IdentityNetwork]:
    """Make a method of a variant with a small backbone, the same each time."""
    return lambda method, *choice: BUILDERS[method].build(*choice)


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities, infrared with three equal channels."""
    return random_batch((32, 16))
