"""Covariances of pairs, in closed form and by loops over all pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core import TrainingError
from bench_core.metric_learning.samples import LabelledFeatures, pair_covariances

Draw = Callable[..., LabelledFeatures]


def by_loops(samples: LabelledFeatures) -> tuple[np.ndarray, np.ndarray]:
    sums = {True: 0.0, False: 0.0}
    counts = {True: 0, False: 0}
    for x, label in zip(samples.visible, samples.visible_labels, strict=True):
        for z, other in zip(samples.infrared, samples.infrared_labels, strict=True):
            same = bool(label == other)
            sums[same] = sums[same] + np.outer(x - z, x - z)
            counts[same] += 1
    return sums[True] / counts[True], sums[False] / counts[False]


@settings(max_examples=25, deadline=None)
@given(
    counts=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=4),
    dimensions=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_covariances_are_those_of_all_pairs(
    counts: list[tuple[int, int]], dimensions: int, seed: int
) -> None:
    """People may be in one modality only."""
    labels = [np.repeat(np.arange(len(counts)) * 7, [of[k] for of in counts]) for k in range(2)]
    random = np.random.default_rng(seed)
    visible, infrared = (random.normal(5, 2, (len(own), dimensions)) for own in labels)
    samples = LabelledFeatures(visible, infrared, *labels)
    pairs_of_one = sum(a * b for a, b in counts)
    if not pairs_of_one or pairs_of_one == len(visible) * len(infrared):
        with pytest.raises(TrainingError, match="from pairs of images across modalities"):
            pair_covariances(samples)
        return
    found = pair_covariances(samples)
    same, different = by_loops(samples)
    np.testing.assert_allclose(found.same, same, atol=1e-9)
    np.testing.assert_allclose(found.different, different, atol=1e-9)


def test_samples_are_mapped_about_a_centre(draw: Draw) -> None:
    samples = draw()
    axes = np.random.default_rng(3).normal(size=(4, 2))
    centre = samples.centre()
    np.testing.assert_allclose(centre, samples.together()[0].mean(0))
    mapped = samples.mapped(axes, centre)
    np.testing.assert_allclose(mapped.visible, (samples.visible - centre) @ axes)
    np.testing.assert_allclose(mapped.infrared, (samples.infrared - centre) @ axes)
    assert mapped.visible_labels is samples.visible_labels
    assert samples.of("infrared") == (samples.infrared, samples.infrared_labels)
    np.testing.assert_array_equal(samples.together()[0][: len(samples.visible)], samples.visible)
