"""What the benchmarks measure on."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_core import Dataset
from bench_core.data.cache import ImageStore, open_images
from bench_core.data.fingerprint import fingerprint
from bench_core.plugins import Registry, load_object

SIZE = (256, 128)


@pytest.fixture(scope="session")
def dataset(registry: Registry, sysu_root: Path) -> Dataset:
    """The small synthetic SYSU-MM01."""
    read: Dataset = load_object(registry.dataset("sysu-mm01").reader)().read(sysu_root)
    return read


@pytest.fixture(scope="session")
def store(dataset: Dataset, cache: Path) -> ImageStore:
    """Its decoded images at the paper's size."""
    return open_images(dataset, fingerprint(dataset, cache), SIZE, cache)
