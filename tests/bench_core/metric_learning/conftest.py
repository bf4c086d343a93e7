"""Labelled features of a few people in two modalities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench_core.metric_learning.samples import LabelledFeatures

Draw = Callable[..., LabelledFeatures]


def draw_samples(
    seed: int = 0, people: int = 5, images: int = 6, dimensions: int = 4, shift: float = 1.0
) -> LabelledFeatures:
    """Draw people with a number of images that differs; one modality is shifted."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(people, dimensions)) * 2
    labels = [
        np.repeat(np.arange(people), random.integers(images // 2, images + 1, people))
        for _ in range(2)
    ]
    mixing = np.eye(dimensions) + 0.3 * random.normal(size=(dimensions, dimensions))
    features = [
        centres[own] + random.normal(size=(len(own), dimensions)) @ mixing for own in labels
    ]
    order = random.permutation(len(labels[0]))
    return LabelledFeatures(
        features[0][order] + 3.0,
        features[1] + 3.0 + shift,
        labels[0][order],
        labels[1],
    )


@pytest.fixture
def draw() -> Draw:
    """Draw labelled samples, the same for the same arguments."""
    return draw_samples
