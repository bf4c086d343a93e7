"""KISSME against its definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench_core import TrainingError
from bench_core.metric_learning.kissme import kissme, likelihood_ratio
from bench_core.metric_learning.samples import LabelledFeatures, pair_covariances

Draw = Callable[..., LabelledFeatures]


def test_the_matrix_is_the_difference_of_inverses(draw: Draw) -> None:
    samples = draw(people=8)
    pairs = pair_covariances(samples)
    expected = np.linalg.inv(pairs.same) - np.linalg.inv(pairs.different)
    np.testing.assert_allclose(likelihood_ratio(samples).matrix(), expected, atol=1e-9)


def test_the_metric_is_its_projection(draw: Draw) -> None:
    samples = draw(seed=3, shift=4.0)
    matrix = likelihood_ratio(samples).matrix()
    values, vectors = np.linalg.eigh(matrix)
    assert values[0] < 0 < values[-1]
    expected = (vectors * values.clip(0)) @ vectors.T
    np.testing.assert_allclose(kissme(samples).matrix(), expected, atol=1e-9)


def test_distances_do_not_depend_on_the_units_of_the_features(draw: Draw) -> None:
    """Before the projection, which is of one system of axes."""
    samples = draw(seed=1)
    mixing = np.random.default_rng(9).normal(size=(4, 4)) + 3 * np.eye(4)
    mixed = samples.mapped(mixing, np.ones(4))
    expected = likelihood_ratio(samples).distances(samples.visible, samples.infrared)
    found = likelihood_ratio(mixed).distances(mixed.visible, mixed.infrared)
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_more_dimensions_than_pairs_span_are_refused(draw: Draw) -> None:
    with pytest.raises(TrainingError, match="of pairs of one person has rank"):
        kissme(draw(people=2, images=3, dimensions=30))
