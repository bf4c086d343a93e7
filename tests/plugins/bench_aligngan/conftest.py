"""Configurations of AlignGAN, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_aligngan import bench_register_methods
from bench_aligngan.config import AlignGANConfig
from bench_aligngan.method import AlignGAN
from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch

SMALL = (
    "backbone=small",
    "image_height=64",
    "image_width=32",
    "feature_height=32",
    "feature_width=16",
    "hidden_features=8",
    "generator_width=4",
    "generator_blocks=1",
    "discriminator_width=4",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
)
BUILDER = MethodBuilder(*bench_register_methods(), SMALL)


@pytest.fixture(scope="session")
def config_of() -> Callable[..., AlignGANConfig]:
    """Combine preset, variant and options as the command line does."""
    return BUILDER.choose


@pytest.fixture(scope="session")
def make() -> Callable[..., AlignGAN]:
    """Make the paper's AlignGAN of a variant with small networks, the same each time."""
    return BUILDER.build


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities, infrared with three equal channels."""
    return random_batch((64, 32))
