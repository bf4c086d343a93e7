"""LFDA against loops over all pairs of samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench_core import TrainingError
from bench_core.metric_learning.lfda import lfda, local_affinities, local_scatters
from bench_core.metric_learning.samples import LabelledFeatures

Draw = Callable[..., LabelledFeatures]


def by_loops(features: np.ndarray, labels: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return S_b and S_w by Eqs. 8 to 13 of the paper."""
    number, affinity = len(features), np.zeros((len(features),) * 2)
    for i in range(number):
        for j in range(number):
            if labels[i] == labels[j]:
                scales = []
                for place in (i, j):
                    own = features[labels == labels[place]]
                    distances = sorted(np.linalg.norm(own - features[place], axis=1))
                    scales.append(distances[min(k, len(own) - 1)])
                gap = np.linalg.norm(features[i] - features[j])
                affinity[i, j] = np.exp(-(gap**2) / (scales[0] * scales[1]))
    between = within = 0.0
    for i in range(number):
        for j in range(number):
            outer = np.outer(features[i] - features[j], features[i] - features[j])
            own = (labels == labels[i]).sum()
            if labels[i] == labels[j]:
                within = within + affinity[i, j] / own * outer / 2
                between = between + affinity[i, j] * (1 / number - 1 / own) * outer / 2
            else:
                between = between + outer / number / 2
    return between, within


@pytest.mark.parametrize("neighbours", [2, 7])
def test_scatters_are_those_of_all_pairs(neighbours: int, draw: Draw) -> None:
    features, labels = draw(people=3, dimensions=3).together()
    for found, expected in zip(
        local_scatters(features, labels, neighbours),
        by_loops(features, labels, neighbours),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_axes_solve_the_eigenvalue_problem_and_are_weighted(draw: Draw) -> None:
    samples = draw(people=8)
    features, labels = samples.together()
    between, within = local_scatters(features, labels, 7)
    form = lfda(samples, dimensions=2)
    values = np.sort(np.linalg.eigvals(np.linalg.solve(within, between)).real)[::-1][:2]
    np.testing.assert_allclose(form.factor.T @ within @ form.factor, np.diag(values), atol=1e-8)
    np.testing.assert_allclose(
        between @ form.factor, within @ form.factor @ np.diag(values), atol=1e-7
    )
    assert (form.signs == 1).all()


def test_equal_samples_have_no_scale_and_no_affinity() -> None:
    affinities = local_affinities(np.array([[0.0], [0.0], [1.0]]), 1)
    assert np.array_equal(affinities, np.diag([0.0, 0.0, 1.0]))


def test_a_singular_scatter_is_refused(draw: Draw) -> None:
    with pytest.raises(TrainingError, match="scatter within people is singular in 40 dimensions"):
        lfda(draw(people=2, images=3, dimensions=40), dimensions=2)
