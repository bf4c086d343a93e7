"""The smallest BCTR and BDTR that train."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_bdtr import bench_register_methods
from bench_bdtr.method import BCTR, BDTR
from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch

SMALL = (
    *("backbone=small", "image_height=32", "image_width=16", "crop_margin=4"),
    *("fc6_width=16", "fc7_width=12", "weights=none"),
)
OF_BCTR, OF_BDTR = bench_register_methods()
BUILDERS = {"bctr": MethodBuilder(OF_BCTR, SMALL), "bdtr": MethodBuilder(OF_BDTR, SMALL)}


@pytest.fixture(scope="session")
def make() -> Callable[..., BCTR | BDTR]:
    """Make the paper's BCTR or BDTR with small networks, the same each time."""
    return lambda name, *assignments: BUILDERS[name].build("full", *assignments)


@pytest.fixture
def batch() -> Batch:
    """Five images a modality, each of another person."""
    return random_batch((32, 16), identities=5, images=1)
