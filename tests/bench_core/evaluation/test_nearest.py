"""The nearest of a gallery are those of a full sort of all distances, whatever the features are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.evaluation import nearest
from bench_core.evaluation.distances import pairwise_distances
from bench_core.evaluation.nearest import FeaturePart, find_nearest, squared_lengths

METRICS = ("euclidean", "cosine")


def parts_of(features: np.ndarray, *cuts: int) -> list[FeaturePart]:
    bounds = [0, *cuts, len(features)]
    slices = [features[start:stop] for start, stop in pairwise(bounds)]
    return [FeaturePart(part, squared_lengths(part)) for part in slices]


def find(query: np.ndarray, gallery: np.ndarray, metric: Any, top: int, **changes: Any) -> Any:
    nothing = [np.empty(0, dtype=np.int64)] * len(query)
    given = {"order": np.arange(len(gallery)), "hidden": nothing, **changes}
    return find_nearest(query, parts_of(gallery, len(gallery) // 3), metric, top, **given)


def sorted_by_definition(query: np.ndarray, gallery: np.ndarray, metric: str) -> np.ndarray:
    """Sort a gallery by distances from their definition in float64, one image at a time."""
    own, others = query.astype(np.float64), gallery.astype(np.float64)
    if metric == "cosine":
        own = own / np.linalg.norm(own, axis=1, keepdims=True)
        others = others / np.linalg.norm(others, axis=2, keepdims=True)
    lengths = np.linalg.norm(own - others, axis=2)
    distances = (lengths**2 / 2 if metric == "cosine" else lengths).sum(axis=1)
    return np.argsort(distances.round(13), kind="stable")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("views", [1, 2])
def test_the_order_and_the_distances_are_those_of_evaluation(metric: Any, views: int) -> None:
    rng = np.random.default_rng(0)
    query = rng.random((nearest.QUERIES_TOGETHER + 3, views, 64), dtype=np.float32)
    gallery = rng.random((700, views, 64), dtype=np.float32)
    distances = pairwise_distances(query, gallery, metric)
    for row, found in enumerate(find(query, gallery, metric, 25)):
        expected = np.argsort(distances[row], kind="stable")[:25]
        assert found.rows.tolist() == expected.tolist()
        np.testing.assert_allclose(found.distances, distances[row, expected], rtol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_what_float32_cannot_tell_apart_is_in_the_order_of_float64(metric: Any) -> None:
    """Far from the origin and near each other: the products agree in all digits of float32."""
    rng = np.random.default_rng(1)
    base = rng.random((1, 1, 512), dtype=np.float32) + np.float32(100)
    steps = rng.integers(-3, 4, (400, 1, 512)) * np.spacing(base)
    gallery = (base + steps).astype(np.float32)
    (found,) = find(base, gallery, metric, 50)
    expected = sorted_by_definition(base[0], gallery, metric)
    distances = np.sort(found.distances)
    assert found.distances.tolist() == distances.tolist()
    if metric == "euclidean":
        assert found.rows.tolist() == expected[:50].tolist()
    assert distances[-1] < 1e-2


@pytest.mark.parametrize("metric", METRICS)
def test_equal_features_are_equally_far_and_in_the_order_that_is_given(metric: Any) -> None:
    rng = np.random.default_rng(2)
    distinct = rng.random((4, 2, 100), dtype=np.float32)
    gallery = distinct[[3, 1, 1, 0, 1, 2, 1]]
    order = np.array([9, 8, 2, 7, 1, 6, 5])
    (found,) = find(distinct[1:2], gallery, metric, 3, order=order)
    assert found.rows.tolist() == [4, 2, 6]
    assert found.distances.tolist() == [0.0, 0.0, 0.0]


def test_of_a_collapsed_model_the_whole_gallery_is_equally_far() -> None:
    gallery = np.full((1000, 1, 8), 0.7, dtype=np.float32)
    (found,) = find(gallery[:1] * 2, gallery, "euclidean", 5, order=np.arange(1000)[::-1])
    assert found.rows.tolist() == [999, 998, 997, 996, 995]
    assert len(set(found.distances.tolist())) == 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", [1e-38, 1e-25, 1e25, 3e37])
def test_features_of_any_size_are_ranked(metric: Any, size: float) -> None:
    rng = np.random.default_rng(3)
    features = (rng.uniform(-1, 1, (60, 2, 16)) * size).astype(np.float32)
    (found,) = find(features[:1], features[1:], metric, 59)
    expected = sorted_by_definition(
        features[0].astype(np.float64) / size, features[1:].astype(np.float64) / size, metric
    )
    assert found.rows.tolist() == expected.tolist()


def test_a_few_images_of_another_size_change_nothing() -> None:
    rng = np.random.default_rng(4)
    gallery = rng.random((50, 1, 16), dtype=np.float32)
    gallery[[7, 30]] *= np.float32(1e30)
    (found,) = find(gallery[:1], gallery, "euclidean", 50)
    assert found.rows[0] == 0
    assert set(found.rows[-2:].tolist()) == {7, 30}


def test_hidden_rows_are_not_found() -> None:
    gallery = np.arange(6, dtype=np.float32).reshape(6, 1, 1)
    hidden = [np.array([0, 2]), np.arange(6)]
    first, second = find(gallery[[0, 0]], gallery, "euclidean", 3, hidden=hidden)
    assert first.rows.tolist() == [1, 3, 4]
    assert second.rows.tolist() == []


def test_a_small_gallery_is_found_as_a_whole() -> None:
    gallery = np.arange(3, dtype=np.float32).reshape(3, 1, 1)
    (found,) = find(gallery[2:], gallery, "euclidean", 100)
    assert found.rows.tolist() == [2, 1, 0]


def test_no_gallery_has_no_nearest() -> None:
    query = np.zeros((1, 1, 4), dtype=np.float32)
    (found,) = find_nearest(
        query, [], "euclidean", 3, order=np.arange(0), hidden=[np.empty(0, dtype=np.int64)]
    )
    assert found.rows.tolist() == []


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    spread=st.sampled_from([1e-7, 1e-4, 1.0]),
    metric=st.sampled_from(METRICS),
)
def test_bounds_hold(seed: int, spread: float, metric: Any) -> None:
    rng = np.random.default_rng(seed)
    query, gallery = (
        (1 + spread * rng.standard_normal((count, 2, 300))).astype(np.float32) for count in (3, 40)
    )
    lower, upper = nearest._bounds(query, parts_of(gallery, 11), metric)
    exact = np.stack(
        [nearest._exact_distances(row, iter([gallery.astype(np.float64)]), metric) for row in query]
    )
    assert np.all(lower <= exact)
    assert np.all(exact <= upper)


def test_the_parts_of_a_gallery_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "_BLOCK_NUMBERS", 100)
    monkeypatch.setattr(nearest, "_EXACT_NUMBERS", 100)
    rng = np.random.default_rng(5)
    features = rng.random((90, 2, 16), dtype=np.float32)
    none = [np.empty(0, dtype=np.int64)]
    for cuts in ((), (1,), (10, 10, 89)):
        (found,) = find_nearest(
            features[:1], parts_of(features, *cuts), "cosine", 90, order=np.arange(90), hidden=none
        )
        expected = sorted_by_definition(features[0], features, "cosine")
        assert found.rows.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("query", "gallery", "changes", "message"),
    [
        ((1, 2, 4), (3, 1, 4), {}, "do not fit queries"),
        ((1, 1, 4), (3, 1, 4), {"order": np.arange(2)}, "an order of 2 rows"),
        ((2, 1, 4), (3, 1, 4), {"hidden": []}, "hidden rows of 0 queries"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    query: tuple[int, ...], gallery: tuple[int, ...], changes: dict[str, Any], message: str
) -> None:
    first, second = np.zeros(query, np.float32), np.zeros(gallery, np.float32)
    with pytest.raises(ValueError, match=message):
        find(first, second, "euclidean", 1, **changes)
