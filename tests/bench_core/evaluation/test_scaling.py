"""The size of features changes no score: not at the ends of float64, and not beside others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench_core.contracts.errors import DataError
from bench_core.contracts.method import Metric
from bench_core.evaluation.distances import pairwise_distances
from bench_core.evaluation.engine import FeatureDistances, pool_trials, rank_pool
from bench_core.evaluation.query_table import TrialQueries
from bench_core.evaluation.reranking.distances import feature_distances
from bench_core.evaluation.reranking.k_reciprocal import k_reciprocal_distances
from bench_core.evaluation.scaling import scale_together, scale_views
from bench_core.evaluation.similarity import intra_class_similarity

NUM_QUERIES, NUM_GALLERY = 20, 30
IDENTITY = np.random.default_rng(0).integers(0, 6, NUM_QUERIES + NUM_GALLERY)
CAMERA = np.repeat([3, 1], [NUM_QUERIES, NUM_GALLERY])
TRIAL = (np.arange(NUM_QUERIES), NUM_QUERIES + np.arange(NUM_GALLERY))
EXPONENTS = st.integers(-1000, 1000) | st.sampled_from([-401, -400, -399, 399, 400, 401])


def make_features(views: int, seed: int = 0) -> np.ndarray:
    """Make features with exact zeros and digits that no scale in the tests pushes out of range.

    None is all zeros.
    """
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((NUM_QUERIES + NUM_GALLERY, views, 5))
    return np.where(np.abs(features) < 0.1, [0.1, 0.0, 0.0, 0.0, 0.0], features)


def rank(features: np.ndarray, metric: Metric) -> TrialQueries:
    pool = pool_trials(IDENTITY, CAMERA, [TRIAL], [])
    return rank_pool(FeatureDistances(features, pool, metric), pool, "identity")[0]


def scores_of(features: np.ndarray, metric: Metric) -> list[Any]:
    """Return all that is computed from features but for distances."""
    ranked = rank(features, metric)
    distances = feature_distances(features[TRIAL[0]], features[TRIAL[1]], metric)
    return [
        ranked.first_match_rank,
        ranked.average_precision,
        ranked.inverse_negative_penalty,
        k_reciprocal_distances(distances),
        intra_class_similarity(features, IDENTITY, CAMERA, [TRIAL], []),
    ]


@pytest.mark.slow
@settings(max_examples=40)
@given(
    exponent=EXPONENTS,
    metric=st.sampled_from(["euclidean", "cosine"]),
    views=st.integers(1, 2),
    seed=st.integers(0, 2**31),
)
def test_a_power_of_two_changes_nothing_at_all(
    *, exponent: int, metric: Metric, views: int, seed: int
) -> None:
    features = make_features(views, seed)
    scaled = np.ldexp(features, exponent)
    for expected, actual in zip(
        scores_of(features, metric), scores_of(scaled, metric), strict=True
    ):
        np.testing.assert_array_equal(actual, expected)
    distances, expected = (
        pairwise_distances(part[TRIAL[0]], part[TRIAL[1]], metric) for part in (scaled, features)
    )
    if metric == "euclidean":
        expected = np.ldexp(expected, exponent)
    np.testing.assert_array_equal(distances, expected)


@settings(max_examples=30)
@given(
    scale=st.sampled_from([1e160, 1e300, 1e-165, 1e-200, 1e-300, 3.7, 1e-9]),
    metric=st.sampled_from(["euclidean", "cosine"]),
    seed=st.integers(0, 2**31),
)
def test_another_scale_changes_nothing_beyond_rounding(
    *, scale: float, metric: Metric, seed: int
) -> None:
    """Distances are far enough apart that no rounding orders them in another way."""
    features = make_features(1, seed)
    distances = pairwise_distances(features, features, metric)
    pairs = distances[np.triu_indices(len(distances), 1)]
    assume(np.diff(np.sort(pairs)).min() > 1e-9)
    for expected, actual in zip(
        scores_of(features, metric), scores_of(features * scale, metric), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e30])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_float32_features_of_any_size_have_the_scores_of_float64(
    scale: float, metric: Metric
) -> None:
    features = (make_features(2) * scale).astype(np.float32)
    for narrow, wide in zip(
        scores_of(features, metric), scores_of(features.astype(np.float64), metric), strict=True
    ):
        np.testing.assert_array_equal(narrow, wide)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_smallest_numbers_there_are_can_be_compared(metric: Metric) -> None:
    whole = np.random.default_rng(0).integers(-9, 10, (NUM_QUERIES + NUM_GALLERY, 1, 5)) + 0.5
    tiny = (2 * whole).astype(np.float64)
    for expected, actual in zip(
        scores_of(tiny, metric), scores_of(np.ldexp(tiny, -1074), metric), strict=True
    ):
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("size", [1e160, 1e300, 1e-160, 1e-300])
def test_one_image_of_another_size_leaves_the_others_apart(size: float, views: int) -> None:
    features = make_features(views)
    features[[3, 40]] *= size
    wide = features.astype(np.longdouble)
    lengths = np.sqrt(((wide[TRIAL[0], None] - wide[None, TRIAL[1]]) ** 2).sum(axis=3)).sum(axis=2)
    ranked = rank(features, "euclidean")
    for query, order in enumerate(np.argsort(lengths, axis=1, kind="stable")):
        ranks = np.flatnonzero(IDENTITY[TRIAL[1]][order] == IDENTITY[query]) + 1
        precision = np.mean(np.arange(1, len(ranks) + 1) / ranks)
        assert ranked.average_precision[query] == pytest.approx(precision)


def test_features_too_far_apart_in_size_are_not_reranked() -> None:
    features = make_features(1)
    features[40] *= 1e300
    with pytest.raises(DataError, match=r"of sizes from .* to .*e\+300: too far apart"):
        feature_distances(features[TRIAL[0]], features[TRIAL[1]], "euclidean")
    assert np.isfinite(
        k_reciprocal_distances(feature_distances(features[TRIAL[0]], features[TRIAL[1]], "cosine"))
    ).all()


def test_features_that_do_not_count_do_not_decide_the_scale() -> None:
    features = np.concatenate([make_features(1), np.full((1, 1, 5), 1e300)])
    pool = pool_trials(np.append(IDENTITY, 9), np.append(CAMERA, 1), [TRIAL], [])
    ranked = rank_pool(FeatureDistances(features, pool, "euclidean"), pool, "identity")[0]
    np.testing.assert_array_equal(
        ranked.average_precision, rank(features[:-1], "euclidean").average_precision
    )


def test_ordinary_features_are_not_copied() -> None:
    for features in (make_features(2), make_features(1).astype(np.float32) * np.float32(1e30)):
        assert scale_views(features) is features
        (same,), exponent = scale_together(features)
        assert same is features
        assert exponent == 0


def test_features_of_zeros_have_no_size() -> None:
    zeros = np.zeros((2, 1, 3))
    assert scale_views(zeros) is zeros
    assert pairwise_distances(zeros, zeros, "euclidean").tolist() == [[0, 0], [0, 0]]
    with pytest.raises(DataError, match="all zeros"):
        pairwise_distances(zeros, zeros, "cosine")
