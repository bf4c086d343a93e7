"""Learners as configurations: what their networks hold, with and without components."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bench_core.metric_learning.cdfe import Weights, cdfe
from bench_core.metric_learning.forms import QuadraticForm
from bench_core.metric_learning.kissme import kissme
from bench_core.metric_learning.learners import (
    CDFEConfig,
    KissmeConfig,
    LearnerConfig,
    LFDAConfig,
    XQDAConfig,
)
from bench_core.metric_learning.lfda import lfda
from bench_core.metric_learning.principal_components import principal_components
from bench_core.metric_learning.samples import LabelledFeatures
from bench_core.metric_learning.xqda import xqda

Draw = Callable[..., LabelledFeatures]


@pytest.mark.parametrize("components", [None, 3])
@pytest.mark.parametrize(
    ("kind", "learn", "values"),
    [
        (KissmeConfig, kissme, {}),
        (LFDAConfig, lambda x: lfda(x, dimensions=2, neighbours=3),
         {"dimensions": 2, "neighbours": 3}),
        (XQDAConfig, lambda x: xqda(x, ridge=0.1, dimensions=2), {"dimensions": 2, "ridge": 0.1}),
    ],
)  # fmt: skip
def test_a_quadratic_learner_learns_the_form_of_its_components(
    kind: type[LearnerConfig],
    learn: Callable[[LabelledFeatures], QuadraticForm],
    values: dict[str, float],
    components: int | None,
    draw: Draw,
) -> None:
    samples = draw(people=8)
    learner = kind(pca_dimensions=components, **values)  # type: ignore[arg-type]
    metric = learner.build(4)
    number = learner.learn(metric, samples)
    if components is None:
        form = learn(samples)
    else:
        found = principal_components(samples.together()[0], components)
        form = learn(samples.mapped(found.axes, found.centre)).before(found.axes)
    assert number == form.factor.shape[1]
    np.testing.assert_allclose(metric.factor[:, :number].numpy(), form.factor, rtol=1e-4, atol=1e-5)
    assert not metric.factor[:, number:].any()
    assert metric.signs[:number].tolist() == form.signs.tolist()


@pytest.mark.parametrize("components", [None, 3])
def test_cdfe_learns_the_common_space_of_its_components(components: int | None, draw: Draw) -> None:
    samples = draw(people=8)
    learner = CDFEConfig(
        pca_dimensions=components, dimensions=2, separation=0.5, consistency=0.2, neighbours=3
    )
    metric = learner.build(4)
    assert learner.learn(metric, samples) == 2
    weights = Weights(separation=0.5, consistency=0.2, neighbours=3)
    few, axes, centre = samples, np.eye(4), np.zeros(4)
    if components is not None:
        found = principal_components(samples.together()[0], components)
        few, axes, centre = samples.mapped(found.axes, found.centre), found.axes, found.centre
    space = cdfe(few, weights, dimensions=2)
    for kind in ("visible", "infrared"):
        features = getattr(samples, kind)
        mapped = (features - centre) @ axes - getattr(space, f"{kind}_centre")
        mapped = mapped @ getattr(space, kind)
        embedded = metric(torch.from_numpy(features).float(), kind)
        np.testing.assert_allclose(embedded.numpy(), mapped, atol=1e-4)


@pytest.mark.parametrize(
    ("learner", "shape"),
    [
        (KissmeConfig(), 10),
        (KissmeConfig(pca_dimensions=4), 4),
        (KissmeConfig(pca_dimensions=40), 10),
        (LFDAConfig(dimensions=7, pca_dimensions=4), 4),
        (XQDAConfig(dimensions=3), 3 + 2),
        (CDFEConfig(dimensions=15, pca_dimensions=6), 12),
    ],
)
def test_networks_have_room_for_the_most_that_can_be_learned(
    learner: LearnerConfig, shape: int
) -> None:
    metric = learner.build(10)
    assert metric(torch.rand(2, 10), "visible").shape == (2, shape)
