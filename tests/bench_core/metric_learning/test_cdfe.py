"""CDFE against loops over pairs and neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench_core import TrainingError
from bench_core.metric_learning.cdfe import Weights, cdfe, objective
from bench_core.metric_learning.samples import LabelledFeatures

Draw = Callable[..., LabelledFeatures]
WEIGHTS = Weights(separation=0.7, consistency=0.3, neighbours=2)


def by_loops(samples: LabelledFeatures, of_visible: np.ndarray, of_infrared: np.ndarray) -> float:
    """Return J_1 + beta J_2 of two transforms."""
    terms: dict[bool, list[float]] = {True: [], False: []}
    for x, label in zip(samples.visible, samples.visible_labels, strict=True):
        for z, other in zip(samples.infrared, samples.infrared_labels, strict=True):
            gap = of_visible.T @ x - of_infrared.T @ z
            terms[bool(label == other)].append(gap @ gap)
    total = np.mean(terms[True]) - WEIGHTS.separation * np.mean(terms[False])
    pairs = ((samples.visible, of_visible), (samples.infrared, of_infrared))
    for features, transform in pairs:
        squared = np.square(features[:, None] - features[None]).sum(2)
        near = [np.argsort(row)[1 : 1 + WEIGHTS.neighbours] for row in squared]
        scale = np.mean([squared[i, j] for i, places in enumerate(near) for j in places])
        smoothness = 0.0
        for i, places in enumerate(near):
            for j in places:
                gap = transform.T @ (features[i] - features[j])
                smoothness += np.exp(-squared[i, j] / scale) * (gap @ gap)
        total += WEIGHTS.consistency * smoothness / len(features)
    return float(total)


def test_the_objective_is_that_of_all_pairs_and_neighbours(draw: Draw) -> None:
    samples = draw(people=3, dimensions=3)
    stacked = np.random.default_rng(2).normal(size=(6, 2))
    found = np.trace(stacked.T @ objective(samples, WEIGHTS) @ stacked)
    assert found == pytest.approx(by_loops(samples, stacked[:3], stacked[3:]))


def test_transforms_are_of_unit_covariance_and_minimise(draw: Draw) -> None:
    samples = draw(people=6)
    space = cdfe(samples, WEIGHTS, dimensions=2)
    maps = {"visible": space.visible, "infrared": space.infrared}
    summed = sum(
        np.cov((samples.of(kind)[0] @ each).T, bias=True)  # type: ignore[arg-type]
        for kind, each in maps.items()
    )
    np.testing.assert_allclose(summed, np.eye(2), atol=1e-9)
    centred = LabelledFeatures(
        samples.visible - samples.visible.mean(0),
        samples.infrared - samples.infrared.mean(0),
        samples.visible_labels,
        samples.infrared_labels,
    )
    everything = cdfe(samples, WEIGHTS, dimensions=8)
    stacked = np.concatenate([everything.visible, everything.infrared])
    values = np.diag(stacked.T @ objective(centred, WEIGHTS) @ stacked)
    assert (np.diff(values) > 0).all()
    np.testing.assert_allclose(np.abs(everything.visible[:, :2]), np.abs(space.visible))


def test_a_shift_of_a_modality_does_not_count(draw: Draw) -> None:
    near, far = (cdfe(draw(shift=shift), WEIGHTS, dimensions=3) for shift in (0.0, 50.0))
    np.testing.assert_allclose(np.abs(near.infrared), np.abs(far.infrared), atol=1e-6)
    np.testing.assert_allclose(far.infrared_centre - near.infrared_centre, np.full(4, 50.0))


def test_what_cannot_be_learned_from_is_refused(draw: Draw) -> None:
    with pytest.raises(TrainingError, match="covariance of a modality is singular"):
        cdfe(draw(people=2, images=3, dimensions=40), WEIGHTS, dimensions=2)
    one = draw(people=1)
    with pytest.raises(TrainingError, match="of one person and of two"):
        cdfe(one, WEIGHTS, dimensions=2)
