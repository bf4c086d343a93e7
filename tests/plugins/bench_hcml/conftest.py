"""The smallest TONE and HCML that train, and features for the metric learning."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_core.testing import MethodBuilder
from bench_hcml import bench_register_methods
from bench_hcml.hcml import HCML
from bench_hcml.objective import Features, Objective
from bench_hcml.tone import TONE

SMALL = (
    *("backbone=small", "image_height=32", "image_width=16", "crop_margin=4"),
    *("fc6_width=16", "fc7_width=12", "weights=none"),
)
OF_TONE, OF_HCML = bench_register_methods()
TONES = MethodBuilder(OF_TONE, SMALL)
HCMLS = MethodBuilder(OF_HCML, (*SMALL, "pca_dimensions=5"))


@pytest.fixture(scope="session")
def make() -> Callable[..., TONE]:
    """Make the paper's TONE with small networks, the same each time."""
    return TONES.build


@pytest.fixture(scope="session")
def make_hcml() -> Callable[..., HCML]:
    """Make the paper's HCML likewise."""
    return HCMLS.build


def people(
    seed: int, dimensions: int = 3, persons: int = 4, images: int = 3
) -> tuple[Features, ...]:
    """Features of both modalities in double precision; the second modality lacks a person."""
    random = torch.Generator().manual_seed(seed)
    found = []
    for count in (persons, persons - 1):
        labels = torch.arange(count).repeat_interleave(images)
        centers = torch.randn(persons, dimensions, generator=random, dtype=torch.float64)
        noise = torch.randn(len(labels), dimensions, generator=random, dtype=torch.float64)
        found.append(Features.of(centers[labels] + 0.5 * noise, labels))
    return tuple(found)


@pytest.fixture
def objective() -> Objective:
    """Of four people with three images in one modality, of whom the other one has three."""
    return Objective(*people(0), within_weight=0.2)
