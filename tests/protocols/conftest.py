"""What the tests of rendered images share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, sobel

Pixels = NDArray[np.float64]


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
