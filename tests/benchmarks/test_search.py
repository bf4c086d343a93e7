"""How fast a search in 100,000 pictures is once their features are kept, beside the plain way.

The plain way computes all distances in float64 and sorts them. Target, on a machine that does
nothing else: less than a second a query on two cores, with features of two views of 2,048
dimensions (1.6 GB, XIV with a ResNet-50).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench_core.evaluation.distances import pairwise_distances
from bench_core.evaluation.nearest import FeaturePart, Nearest, find_nearest, squared_lengths
from bench_core.image_search.kept_features import PART_ROWS

NUM_GALLERY, NUM_VIEWS, NUM_DIMENSIONS = 100_000, 2, 2048
TOP = 10


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> list[FeaturePart]:
    """Parts as a search keeps them, memory-mapped; features are those after a ReLU."""
    rng = np.random.default_rng(0)
    parts = []
    for number, start in enumerate(range(0, NUM_GALLERY, PART_ROWS)):
        shape = (min(PART_ROWS, NUM_GALLERY - start), NUM_VIEWS, NUM_DIMENSIONS)
        path = tmp_path_factory.getbasetemp() / f"part-{number}.npy"
        np.save(path, np.maximum(rng.standard_normal(shape, dtype=np.float32), 0))
        features = np.load(path, mmap_mode="r").view(np.ndarray)
        parts.append(FeaturePart(features, squared_lengths(features)))
    return parts


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_query_in_a_large_gallery_beside_a_full_sort(
    compare: Callable[..., None], gallery: list[FeaturePart], metric: Any
) -> None:
    rng = np.random.default_rng(1)
    shape = (1, NUM_VIEWS, NUM_DIMENSIONS)
    query = np.maximum(rng.standard_normal(shape, dtype=np.float32), 0)
    order, hidden = np.arange(NUM_GALLERY), [np.empty(0, dtype=np.int64)]
    found: list[Nearest] = []
    sorted_rows: list[np.ndarray] = []

    def search() -> None:
        found[:] = find_nearest(query, gallery, metric, TOP, order=order, hidden=hidden)

    def sort_all() -> None:
        parts = [pairwise_distances(query, part.features, metric)[0] for part in gallery]
        sorted_rows[:] = [np.argsort(np.concatenate(parts), kind="stable")[:TOP]]

    compare(search, sort_all, rounds=3)
    assert found[0].rows.tolist() == sorted_rows[0].tolist()
