"""Configurations of PMT, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch
from bench_pmt import bench_register_methods
from bench_pmt.config import PMTConfig
from bench_pmt.method import PMT

SMALL = (
    "image_height=32",
    "image_width=16",
    "transformer.patch_size=8",
    "transformer.patch_stride=6",
    "infrared_blur_kernel=5",
    "transformer.width=16",
    "transformer.depth=2",
    "transformer.heads=2",
)
BUILDER = MethodBuilder(*bench_register_methods(), SMALL)


@pytest.fixture(scope="session")
def config_of() -> Callable[..., PMTConfig]:
    """Combine preset, variant and options as the command line does."""
    return BUILDER.choose


@pytest.fixture(scope="session")
def make() -> Callable[..., PMT]:
    """Make PMT of a variant with a small transformer, the same each time."""
    return BUILDER.build


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities, infrared with three equal channels."""
    return random_batch((32, 16))
