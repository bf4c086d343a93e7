"""Two dimensions keep what they promise: variance, or who is near whom; and are the same twice."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from bench_core.contracts.errors import UsageError
from bench_core.evaluation.projection import (
    perplexity_of,
    points_of,
    principal_components,
    t_sne,
    u_map,
)

GROUPS = np.repeat(np.arange(4), 10)


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    """Four groups far from each other."""
    rng = np.random.default_rng(0)
    points: np.ndarray = 8 * rng.standard_normal((4, 12))[GROUPS] + rng.standard_normal((40, 12))
    return points


def nearest_group(places: np.ndarray) -> np.ndarray:
    """Return the group of each point's nearest other point."""
    squared = ((places[:, np.newaxis] - places) ** 2).sum(axis=2)
    np.fill_diagonal(squared, np.inf)
    found: np.ndarray = GROUPS[squared.argmin(axis=1)]
    return found


def test_components_hold_the_variance_that_their_axes_say(points: np.ndarray) -> None:
    found = principal_components(points)
    values = np.linalg.eigvalsh(np.cov(points.T))[::-1]
    assert found.shares == pytest.approx((values[:2] / values.sum()).tolist())
    assert found.places.var(axis=0, ddof=1) == pytest.approx(values[:2])


def test_components_never_flip(points: np.ndarray) -> None:
    shuffled = np.random.default_rng(1).permutation(40)
    again = principal_components(points[shuffled]).places
    assert again == pytest.approx(principal_components(points).places[shuffled])


@pytest.mark.parametrize("points", [np.zeros((3, 4)), np.ones((2, 1))])
def test_points_that_are_alike_lie_on_each_other(points: np.ndarray) -> None:
    found = principal_components(points)
    assert not found.places.any()
    assert found.shares == (0, 0)


def test_t_sne_keeps_groups_and_is_the_same_twice(points: np.ndarray) -> None:
    components = principal_components(points)
    places = t_sne(points, components)
    assert (nearest_group(places) == GROUPS).all()
    assert places.tobytes() == t_sne(points, components).tobytes()


def test_few_points_have_a_smaller_perplexity() -> None:
    assert (perplexity_of(10), perplexity_of(400)) == (3, 30)


def test_umap_is_asked_for_the_same_every_time(
    points: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Library:
        def __init__(self, **settings: object) -> None:
            asked.append(settings)

        def fit_transform(self, given: np.ndarray) -> np.ndarray:
            return given[:, :2].astype(np.float32)

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Library))
    assert u_map(points) == pytest.approx(points[:, :2], rel=1e-6)
    assert len(u_map(points[:10])) == 10
    assert [settings["n_neighbors"] for settings in asked] == [15, 9]
    assert all((one["random_state"], one["n_jobs"]) == (0, 1) for one in asked)


@pytest.mark.slow
def test_umap_keeps_groups_and_is_the_same_twice(points: np.ndarray) -> None:
    pytest.importorskip("umap.umap_", reason="the extra 'maps' is not installed")
    places = u_map(points)
    assert (nearest_group(places) == GROUPS).all()
    assert places.tobytes() == u_map(points).tobytes()


@pytest.mark.parametrize(
    ("module", "name"), [("sklearn.manifold", "scikit-learn"), ("umap", "umap-learn")]
)
def test_a_library_that_is_missing_is_named(
    module: str, name: str, points: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=rf"needs {name}; pip install 'vireid-bench\[maps\]'"):
        u_map(points) if module == "umap" else t_sne(points, principal_components(points))


def test_views_of_a_cosine_have_length_1() -> None:
    features = np.array([[[3.0, 4.0], [0.0, 2.0]]])
    assert points_of(features, "cosine").tolist() == [pytest.approx([0.6, 0.8, 0, 1])]
    assert points_of(features, "euclidean").tolist() == [[3, 4, 0, 2]]
