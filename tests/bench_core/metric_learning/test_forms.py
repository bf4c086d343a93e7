"""Quadratic forms: their factors, distances and projections."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core import TrainingError
from bench_core.metric_learning.forms import CommonSpace, QuadraticForm, inverse


def symmetric(number: int, seed: int = 0) -> np.ndarray:
    matrix = np.random.default_rng(seed).normal(size=(number, number))
    return matrix + matrix.T


def test_a_form_is_that_of_its_matrix_behind_its_axes() -> None:
    axes, matrix = np.random.default_rng(1).normal(size=(5, 3)), symmetric(3)
    form = QuadraticForm.of(axes, matrix)
    np.testing.assert_allclose(form.matrix(), axes @ matrix @ axes.T)
    assert set(form.signs) == {1.0, -1.0}
    others = np.random.default_rng(2).normal(size=(6, 5))
    np.testing.assert_allclose(form.before(others).matrix(), others @ form.matrix() @ others.T)


def test_distances_are_those_of_the_definition() -> None:
    form = QuadraticForm.of(np.eye(4), symmetric(4))
    random = np.random.default_rng(5)
    first, second = random.normal(size=(3, 4)), random.normal(size=(2, 4))
    expected = [[(x - z) @ form.matrix() @ (x - z) for z in second] for x in first]
    np.testing.assert_allclose(form.distances(first, second), expected)


def test_the_projection_keeps_positive_eigenvalues() -> None:
    matrix = symmetric(4)
    values, vectors = np.linalg.eigh(matrix)
    expected = (vectors * values.clip(0)) @ vectors.T
    projected = QuadraticForm.of(np.eye(4), matrix).semidefinite()
    np.testing.assert_allclose(projected.matrix(), expected, atol=1e-12)
    assert (projected.signs == 1).all()


def test_an_inverse_is_one_and_a_singular_matrix_is_refused() -> None:
    matrix = symmetric(4) @ symmetric(4)
    np.testing.assert_allclose(inverse(matrix, "pairs") @ matrix, np.eye(4), atol=1e-9)
    thin = np.random.default_rng(0).normal(size=(4, 2))
    with pytest.raises(TrainingError, match="covariance of pairs has rank 2 in 4 dimensions"):
        inverse(thin @ thin.T, "pairs")


def test_a_common_space_before_a_projection_maps_the_same() -> None:
    random = np.random.default_rng(7)
    space = CommonSpace(*random.normal(size=(2, 3, 2)), *random.normal(size=(2, 3)))
    axes, centre = random.normal(size=(5, 3)), random.normal(size=5)
    features = random.normal(size=(4, 5))
    axes = np.linalg.qr(axes)[0]
    whole = space.before(axes, centre)
    for maps, own in (("visible", "visible_centre"), ("infrared", "infrared_centre")):
        expected = ((features - centre) @ axes - getattr(space, own)) @ getattr(space, maps)
        found = (features - getattr(whole, own)) @ getattr(whole, maps)
        np.testing.assert_allclose(found, expected)
