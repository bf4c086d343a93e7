"""Frechet distance and mean distance of pairs, against closed forms and matrix roots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from bench_core.evaluation.image_quality import frechet_distance, mean_pair_distance


def gaussian_rows(mean: Any, covariance: Any, seed: int = 0) -> np.ndarray[Any, Any]:
    """Rows whose sample mean and covariance are exactly those given."""
    mean, covariance = np.array(mean, dtype=float), np.array(covariance, dtype=float)
    rows = np.random.default_rng(seed).normal(size=(4 * len(mean) + 6, len(mean)))
    rows -= rows.mean(0)
    white = rows @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T).reshape(covariance.shape)).T)
    return np.asarray(white @ np.linalg.cholesky(covariance).T + mean)


def frechet_by_roots(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    """The formula as it is written, by the root of a matrix."""
    covariances = np.atleast_2d(np.cov(a.T)), np.atleast_2d(np.cov(b.T))
    root = linalg.sqrtm(covariances[0] @ covariances[1])
    gap = a.mean(0) - b.mean(0)
    return float(gap @ gap + np.trace(covariances[0] + covariances[1] - 2 * np.real(root)))


def test_diagonal_gaussians_have_the_closed_form() -> None:
    """|m - m'|^2 + sum over dimensions of (s - s')^2."""
    a = gaussian_rows([0, 1, 2], np.diag([1, 4, 9]))
    b = gaussian_rows([1, 1, 0], np.diag([4, 4, 1]), seed=1)
    assert frechet_distance(a, b) == pytest.approx((1 + 0 + 4) + (1 + 0 + 4), rel=1e-9)


def test_gaussians_whose_covariances_do_not_commute_have_the_closed_form() -> None:
    """In two dimensions tr (AB)^(1/2) is (tr AB + 2 det(AB)^(1/2))^(1/2)."""
    first, second = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[5.0, -2.0], [-2.0, 1.0]])
    product = first @ second
    shared = math.sqrt(np.trace(product) + 2 * math.sqrt(np.linalg.det(product)))
    expected = 1 + np.trace(first) + np.trace(second) - 2 * shared
    measured = frechet_distance(gaussian_rows([0, 0], first), gaussian_rows([0, 1], second, 1))
    assert measured == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(8, 30), st.integers(8, 30), st.integers(1, 6))
def test_it_is_the_formula_with_the_root_of_a_matrix(
    seed: int, num_a: int, num_b: int, dimensions: int
) -> None:
    random = np.random.default_rng(seed)
    mix = random.normal(size=(dimensions, dimensions))
    a = random.normal(size=(num_a, dimensions)) @ mix
    b = random.normal(size=(num_b, dimensions)) + 0.5
    assert frechet_distance(a, b) == pytest.approx(frechet_by_roots(a, b), rel=1e-6, abs=1e-9)


def test_it_needs_no_more_images_than_dimensions() -> None:
    """Zeros in further dimensions change nothing, though the covariances become singular."""
    random = np.random.default_rng(0)
    a, b = random.normal(size=(9, 3)), random.normal(size=(7, 3)) * 2
    wide_a, wide_b = (np.pad(rows, ((0, 0), (0, 60))) for rows in (a, b))
    assert frechet_distance(wide_a, wide_b) == pytest.approx(frechet_distance(a, b), rel=1e-9)
    turn = np.linalg.qr(random.normal(size=(63, 63)))[0]
    turned = frechet_distance(wide_a @ turn, wide_b @ turn)
    assert turned == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_a_set_is_at_no_distance_from_itself_in_any_order() -> None:
    a = np.random.default_rng(0).normal(size=(50, 8))
    assert frechet_distance(a, a[::-1]) == pytest.approx(0, abs=1e-9)


def test_it_is_symmetric_and_a_shift_adds_its_square() -> None:
    a = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    b = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)
    assert frechet_distance(a, a + np.float32(2)) == pytest.approx(4 * 2**2, rel=1e-5)


def test_low_precision_features_are_computed_in_float64() -> None:
    """In float32 the variance of 1 beside a mean of 10,000 would be lost."""
    a = gaussian_rows([1e4], [[1.0]]).astype(np.float32)
    b = gaussian_rows([1e4], [[4.0]]).astype(np.float32)
    assert frechet_distance(a, b) == pytest.approx(1, rel=2e-2)


def test_the_mean_distance_of_pairs_is_taken_row_by_row() -> None:
    a = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    b = np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 1.0]])
    assert mean_pair_distance(a, b) == pytest.approx((5 + 0 + 1) / 3)
    assert mean_pair_distance(a, a) == 0


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((1, 3)), np.zeros((4, 3)), r"features_a has shape \(1, 3\)"),
        (np.zeros((4, 3)), np.zeros(3), r"features_b has shape \(3,\)"),
        (np.zeros((4, 3)), np.zeros((4, 2)), "3 and 2 dimensions"),
        (np.full((4, 3), np.nan), np.zeros((4, 3)), "features_a holds NaN or infinite"),
    ],
)
def test_sets_that_do_not_fit_are_refused(a: Any, b: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        frechet_distance(a, b)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((2, 3)), np.zeros((3, 3)), r"equal shapes, not \(2, 3\) and \(3, 3\)"),
        (np.zeros((0, 3)), np.zeros((0, 3)), r"a has shape \(0, 3\)"),
        (np.zeros((2, 3)), np.full((2, 3), np.inf), "b holds NaN or infinite"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(a: Any, b: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mean_pair_distance(a, b)
