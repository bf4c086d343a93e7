"""Configurations of JSIA, and the smallest that trains."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

from bench_core.methods import Batch
from bench_core.testing import MethodBuilder, random_batch
from bench_jsia import bench_register_methods
from bench_jsia.config import JSIAConfig
from bench_jsia.method import JSIA

SMALL = (
    "backbone=small",
    "stem_relu=true",  # which is missing in ResNet-50 alone
    "image_height=32",
    "image_width=32",
    "style_width=2",
    "latent_channels=3",
    "num_regions=2",
    "sampling.identities=3",
    "sampling.images=2",
    "generation_sampling.identities=2",
    "generation_sampling.images=2",
    "recompute_activations=false",
)
BUILDER = MethodBuilder(*bench_register_methods(), SMALL)


@pytest.fixture(scope="session")
def config_of() -> Callable[..., JSIAConfig]:
    """Combine preset, variant and options as the command line does."""
    return BUILDER.choose


@pytest.fixture(scope="session")
def make() -> Callable[..., JSIA]:
    """Make the paper's JSIA of a variant with small networks, the same each time."""
    return BUILDER.build


@pytest.fixture
def batch() -> Batch:
    """Six images a modality of three identities, infrared with three equal channels."""
    return random_batch((32, 32))


@pytest.fixture
def parts_of() -> Callable[[JSIA], dict[str, nn.Module]]:
    """Return every network by name, the backbone as its two parts."""

    def split(method: JSIA) -> dict[str, nn.Module]:
        networks = dict(method.networks.items())
        set_level, instance_level = networks.pop("backbone").split(1)
        return {"set_level": set_level, "instance_level": instance_level, **networks}

    return split
