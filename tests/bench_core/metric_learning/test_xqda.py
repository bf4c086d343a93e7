"""XQDA against its definition, with and without the reduction to the span of the samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench_core.metric_learning.samples import LabelledFeatures, pair_covariances
from bench_core.metric_learning.xqda import RIDGE, xqda

Draw = Callable[..., LabelledFeatures]


def by_definition(samples: LabelledFeatures, ridge: float, number: int | None = None) -> np.ndarray:
    pairs = pair_covariances(samples)
    same = pairs.same + ridge * np.eye(samples.num_features)
    axes, values, _ = np.linalg.svd(np.linalg.inv(same) @ pairs.different)
    kept = axes[:, : number or max(1, (values > 1).sum())]
    inner = np.linalg.inv(kept.T @ same @ kept) - np.linalg.inv(kept.T @ pairs.different @ kept)
    return kept @ inner @ kept.T


@pytest.mark.parametrize("ridge", [RIDGE, 0.5])
def test_the_form_is_that_of_the_definition(ridge: float, draw: Draw) -> None:
    samples = draw(people=8, dimensions=5)
    expected = by_definition(samples, ridge)
    np.testing.assert_allclose(xqda(samples, ridge=ridge).matrix(), expected, atol=1e-8)


def test_more_dimensions_than_samples_change_nothing(draw: Draw) -> None:
    samples = draw(people=3, images=4, dimensions=40)
    assert len(samples.visible) + len(samples.infrared) < 40
    np.testing.assert_allclose(
        xqda(samples).matrix(), by_definition(samples, RIDGE), rtol=1e-6, atol=1e-6
    )


def test_as_many_directions_are_kept_as_are_allowed(draw: Draw) -> None:
    samples = draw(people=8, dimensions=5)
    form = xqda(samples, dimensions=2)
    assert form.factor.shape == (5, 2)
    np.testing.assert_allclose(form.matrix(), by_definition(samples, RIDGE, 2), atol=1e-8)


def test_one_direction_is_kept_where_no_singular_value_exceeds_one(draw: Draw) -> None:
    samples = draw()
    assert xqda(samples, ridge=1e6).factor.shape == (4, 1)


def test_distances_depend_neither_on_rotation_nor_on_origin(draw: Draw) -> None:
    samples = draw(seed=4)
    turned = samples.mapped(
        np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0], np.ones(4)
    )
    np.testing.assert_allclose(
        xqda(turned).distances(turned.visible, turned.infrared),
        xqda(samples).distances(samples.visible, samples.infrared),
        atol=1e-8,
    )
