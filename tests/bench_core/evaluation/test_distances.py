"""Distances in float64: their definition, their digits and their edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench_core.contracts.errors import DataError
from bench_core.evaluation.distances import pairwise_distances

FEATURES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.just(2), st.just(3)),
    elements=st.floats(-8, 8, allow_subnormal=False).map(lambda value: round(value, 3)),
)


def direct(query: np.ndarray, gallery: np.ndarray, metric: str) -> np.ndarray:
    """Compute distances from their definition, one pair at a time."""
    result = np.zeros((len(query), len(gallery)))
    for row, one in enumerate(query):
        for column, other in enumerate(gallery):
            for a, b in zip(one, other, strict=True):
                if metric == "euclidean":
                    result[row, column] += np.sqrt(((a - b) ** 2).sum())
                else:
                    result[row, column] += 1 - a @ b / np.sqrt((a @ a) * (b @ b))
    return result


@settings(max_examples=60)
@given(query=FEATURES, gallery=FEATURES)
def test_euclidean_is_the_sum_over_views_of_the_distance_not_squared(
    query: np.ndarray, gallery: np.ndarray
) -> None:
    # Near 0 the square root turns a rounding error of 1e-15 in the square into 3e-8.
    np.testing.assert_allclose(
        pairwise_distances(query, gallery, "euclidean") ** 2,
        direct(query, gallery, "euclidean") ** 2,
        rtol=1e-9,
        atol=1e-5,
    )


@settings(max_examples=60)
@given(query=FEATURES, gallery=FEATURES)
def test_cosine_is_the_sum_over_views_of_one_minus_similarity(
    query: np.ndarray, gallery: np.ndarray
) -> None:
    query, gallery = query + 9, gallery + 9
    np.testing.assert_allclose(
        pairwise_distances(query, gallery, "cosine"),
        direct(query, gallery, "cosine"),
        rtol=0,
        atol=1e-13,
    )


def test_two_views_add_up() -> None:
    query = np.array([[[0.0, 0.0], [1.0, 0.0]]])
    gallery = np.array([[[3.0, 4.0], [1.0, 12.0]]])
    np.testing.assert_allclose(pairwise_distances(query, gallery, "euclidean"), [[17.0]])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_blocks_change_nothing(metric: str) -> None:
    rng = np.random.default_rng(0)
    query, gallery = rng.standard_normal((2100, 1, 2)), rng.standard_normal((2300, 1, 2))
    whole = pairwise_distances(query, gallery, metric)  # type: ignore[arg-type]
    rows, columns = [0, 2047, 2048, 2099], [0, 2047, 2048, 2299]
    np.testing.assert_allclose(
        whole[np.ix_(rows, columns)],
        direct(query[rows], gallery[columns], metric),
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_collapsed_model_has_exactly_equal_distances(metric: str) -> None:
    feature = np.random.default_rng(1).standard_normal(64).astype(np.float32)
    query, gallery = np.tile(feature, (7, 1, 1)), np.tile(feature, (301, 1, 1))
    distances = pairwise_distances(query, gallery, metric)  # type: ignore[arg-type]
    assert not distances.any()


def test_float32_features_are_compared_in_float64() -> None:
    rng = np.random.default_rng(2)
    query = (1000 + rng.standard_normal((3, 1, 256))).astype(np.float32)
    gallery = (1000 + rng.standard_normal((5, 1, 256))).astype(np.float32)
    expected = direct(query.astype(np.float64), gallery.astype(np.float64), "euclidean")
    np.testing.assert_allclose(
        pairwise_distances(query, gallery, "euclidean"), expected, rtol=1e-12
    )


def test_a_far_outlier_costs_the_others_no_digits() -> None:
    rng = np.random.default_rng(3)
    query, gallery = rng.standard_normal((3, 1, 8)), rng.standard_normal((9, 1, 8))
    gallery[0] = 1e9
    expected = direct(query, gallery, "euclidean")
    np.testing.assert_allclose(
        pairwise_distances(query, gallery, "euclidean"), expected, rtol=1e-12
    )


def test_a_feature_of_zeros_has_no_cosine() -> None:
    query = np.ones((2, 1, 3))
    gallery = np.array([[[1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]]])
    with pytest.raises(
        DataError, match="1 of 2 gallery features are all zeros, the first in row 1"
    ):
        pairwise_distances(query, gallery, "cosine")
    with pytest.raises(DataError, match="1 of 2 query features are all zeros, the first in row 1"):
        pairwise_distances(gallery, query, "cosine")
    assert pairwise_distances(query, gallery, "euclidean").shape == (2, 2)


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="same views"):
        pairwise_distances(np.ones((1, 1, 3)), np.ones((1, 1, 4)), "euclidean")
    with pytest.raises(ValueError, match="same views"):
        pairwise_distances(np.ones((1, 3)), np.ones((1, 3)), "euclidean")


def test_without_images_there_are_no_distances() -> None:
    assert pairwise_distances(np.ones((0, 1, 3)), np.ones((2, 1, 3)), "euclidean").shape == (0, 2)
