"""Principal components: exact, and by random projections."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core.metric_learning import principal_components as module
from bench_core.metric_learning.principal_components import principal_components


def features(rows: int, columns: int, rank: int = 6) -> np.ndarray:
    random = np.random.default_rng(0)
    spread = random.normal(size=(rows, rank)) * 3.0 ** -np.arange(rank)
    return spread @ np.linalg.qr(random.normal(size=(columns, rank)))[0].T + 2.0


@pytest.mark.parametrize("shape", [(40, 12), (12, 40)])
@pytest.mark.parametrize("exact", [True, False])
def test_axes_are_those_of_the_largest_variance(
    exact: bool, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exact:
        monkeypatch.setattr(module, "EXACT_UP_TO", 0)
        monkeypatch.setattr(module, "OVERSAMPLED", 2)
    given = features(*shape)
    found = principal_components(given, 3)
    np.testing.assert_allclose(found.centre, given.mean(0))
    _, _, expected = np.linalg.svd(given - given.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(found.axes.T), np.abs(expected[:3]), atol=1e-6)
    assert (found.axes[np.abs(found.axes).argmax(0), range(3)] > 0).all()


def test_directions_without_variance_are_left_out() -> None:
    found = principal_components(features(30, 10, rank=4), 8)
    assert found.axes.shape == (10, 4)
    np.testing.assert_allclose(found.axes.T @ found.axes, np.eye(4), atol=1e-9)
