"""Configurations of ViT, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch
from bench_vit import bench_register_methods
from bench_vit.config import ViTConfig
from bench_vit.method import ViT

SMALL = (
    "image_height=32",
    "image_width=16",
    "transformer.patch_size=8",
    "transformer.patch_stride=8",
    "transformer.width=16",
    "transformer.depth=2",
    "transformer.heads=2",
)
BUILDER = MethodBuilder(*bench_register_methods(), SMALL)


@pytest.fixture(scope="session")
def config_of() -> Callable[..., ViTConfig]:
    """Combine preset, variant and options as the command line does."""
    return BUILDER.choose


@pytest.fixture(scope="session")
def make() -> Callable[..., ViT]:
    """Make ViT with a small transformer, the same each time."""
    return BUILDER.build


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities, infrared with three equal channels."""
    return random_batch((32, 16))
