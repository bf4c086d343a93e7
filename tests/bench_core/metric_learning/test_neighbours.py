"""Nearest neighbours against a full sort."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core.metric_learning import neighbours as module
from bench_core.metric_learning.neighbours import nearest


@pytest.mark.parametrize("rows", [3, 100])
def test_neighbours_are_those_of_a_full_sort(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", rows)
    features = np.random.default_rng(0).normal(size=(10, 3))
    squared = np.square(features[:, None] - features[None]).sum(2)
    places, found = nearest(features, 4)
    assert np.array_equal(places, np.argsort(squared, axis=1)[:, 1:5])
    np.testing.assert_allclose(found, np.sort(squared, axis=1)[:, 1:5])
