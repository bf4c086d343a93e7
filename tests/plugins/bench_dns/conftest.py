"""Configurations of DNS, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch
from bench_dns import bench_register_methods
from bench_dns.config import DNSConfig
from bench_dns.method import DNS

SMALL = ("backbone=small", "image_height=32", "image_width=16")
BUILDER = MethodBuilder(*bench_register_methods(), SMALL)


@pytest.fixture(scope="session")
def config_of() -> Callable[..., DNSConfig]:
    """Combine preset, variant and options as the command line does."""
    return BUILDER.choose


@pytest.fixture(scope="session")
def make() -> Callable[..., DNS]:
    """Make the paper's DNS of a variant with small networks, the same each time."""
    return BUILDER.build


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities, infrared with three equal channels."""
    return random_batch((32, 16))
