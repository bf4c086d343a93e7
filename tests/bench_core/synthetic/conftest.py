"""Fixtures: one small dataset of each layout, rendered once for the tests that read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, sobel

from bench_core.synthetic import generate

SEED = 3

Pixels = NDArray[np.float64]


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a "tiny" dataset in the SYSU-MM01 layout."""
    return _rendered(tmp_path_factory, "sysu-mm01")


@pytest.fixture(scope="session")
def regdb_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a "tiny" dataset in the RegDB layout."""
    return _rendered(tmp_path_factory, "regdb")


@pytest.fixture(scope="session")
def llcm_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a "tiny" dataset in the LLCM layout."""
    return _rendered(tmp_path_factory, "llcm")


@pytest.fixture(scope="session")
def edges() -> Callable[[Pixels], Pixels]:
    """Return a feature that finds people a little: where the edges of an image (H, W, 3) are."""
    return _edges


def _edges(image: Pixels) -> Pixels:
    """Return where the edges of an image are, coarsely, as a unit vector without mean."""
    grey = gaussian_filter(image.mean(axis=2), 1)
    strength = np.hypot(sobel(grey, 0), sobel(grey, 1))
    strength /= gaussian_filter(strength, 12) + 1e-3
    vector = gaussian_filter(strength, 1.5)[4::4, 2::4].ravel()
    vector -= vector.mean()
    return np.asarray(vector / np.linalg.norm(vector))


def _rendered(tmp_path_factory: pytest.TempPathFactory, layout: str) -> Path:
    root = tmp_path_factory.mktemp("synthetic") / layout
    generate(root, layout=layout, scale="tiny", seed=SEED, workers=1)
    return root
