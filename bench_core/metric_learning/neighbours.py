"""The nearest neighbours of samples among themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench_core.metric_learning.samples import Floats

ROWS = 1024
"""LabelledFeatures whose distances to all are held at once."""


def squared_distances(first: Floats, second: Floats) -> Floats:
    """Return |x - y|^2 (n, m), none below 0."""
    norms = (first**2).sum(1)[:, None] + (second**2).sum(1)
    return np.asarray((norms - 2 * first @ second.T).clip(0))


def nearest(features: Floats, number: int) -> tuple[NDArray[np.int64], Floats]:
    """Return the nearest other samples of each sample, and how far they are.

    Args:
        features: float64 (N, D).
        number: How many; fewer than N.

    Returns:
        Places int64 (N, number) from near to far, and squared distances (N, number).
    """
    places = np.empty((len(features), number), dtype=np.int64)
    found = np.empty(places.shape)
    for start in range(0, len(features), ROWS):
        rows = np.arange(start, min(start + ROWS, len(features)))
        squared = squared_distances(features[rows], features)
        squared[rows - start, rows] = np.inf
        order = np.argpartition(squared, number - 1, axis=1)[:, :number]
        chosen = np.take_along_axis(squared, order, axis=1)
        turned = np.argsort(chosen, axis=1, kind="stable")
        places[rows] = np.take_along_axis(order, turned, axis=1)
        found[rows] = np.take_along_axis(chosen, turned, axis=1)
    return places, found
