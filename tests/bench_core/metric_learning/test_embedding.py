"""Learned metrics as embeddings: what distances between modalities and within one are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.metric_learning.embedding import MARGIN, CommonSpaceMetric, QuadraticMetric
from bench_core.metric_learning.forms import CommonSpace, QuadraticForm
from bench_core.metric_learning.samples import LabelledFeatures

Draw = Callable[..., LabelledFeatures]


def squared_distances(first: torch.Tensor, second: torch.Tensor) -> np.ndarray:
    return np.square(first.numpy()[:, None].astype(float) - second.numpy()[None]).sum(2)


def a_form(seed: int, dimensions: int, directions: int) -> QuadraticForm:
    random = np.random.default_rng(seed)
    return QuadraticForm(
        random.normal(size=(dimensions, directions)), random.choice([-1.0, 1.0], directions)
    )


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 999),
    dimensions=st.integers(1, 6),
    directions=st.integers(1, 6),
    room=st.integers(0, 3),
)
def test_an_indefinite_form_is_exact_across_modalities(
    seed: int, dimensions: int, directions: int, room: int
) -> None:
    random = np.random.default_rng(seed)
    visible, infrared = random.normal(3, 1, (2, 7, dimensions))
    samples = LabelledFeatures(visible, infrared, np.arange(7), np.arange(7))
    form = a_form(seed, dimensions, directions)
    metric = QuadraticMetric(dimensions, directions + room, indefinite=True)
    metric.learn(form, samples)
    embedded = [
        metric(torch.from_numpy(features).float(), kind)
        for features, kind in ((visible, "visible"), (infrared, "infrared"))
    ]
    assert embedded[0].shape == (7, directions + room + 2)
    expected = form.distances(visible, infrared)
    found = squared_distances(*embedded) - 2 * metric.bound.item()
    scale = np.abs(expected).max() + 2 * metric.bound.item()
    np.testing.assert_allclose(found, expected, atol=1e-5 * scale)


def test_a_semidefinite_form_is_exact_between_any_images(draw: Draw) -> None:
    samples = draw()
    form = QuadraticForm(np.random.default_rng(0).normal(size=(4, 3)), np.ones(3))
    metric = QuadraticMetric(4, 5)
    metric.learn(form, samples)
    features = torch.from_numpy(samples.visible).float()
    embedded = metric(features, "visible")
    assert embedded.shape == (len(features), 5)
    assert torch.equal(embedded, metric(features, "infrared"))
    np.testing.assert_allclose(
        squared_distances(embedded, embedded),
        form.distances(samples.visible, samples.visible),
        atol=1e-4,
    )


def test_within_a_modality_negative_directions_count_as_positive(draw: Draw) -> None:
    samples, form = draw(), a_form(1, 4, 3)
    assert -1 in form.signs
    metric = QuadraticMetric(4, 3, indefinite=True)
    metric.learn(form, samples)
    for kind, features in (("visible", samples.visible), ("infrared", samples.infrared)):
        embedded = metric(torch.from_numpy(features).float(), kind)[:, :3]
        expected = QuadraticForm(form.factor, np.ones(3)).distances(features, features)
        np.testing.assert_allclose(squared_distances(embedded, embedded), expected, atol=1e-3)


def test_beyond_the_margin_a_root_is_cut_at_zero(draw: Draw) -> None:
    samples = draw()
    form = QuadraticForm(np.eye(4)[:, :1], np.array([-1.0]))
    metric = QuadraticMetric(4, 1, indefinite=True)
    metric.learn(form, samples)
    largest = max(
        np.square(features[:, 0] - samples.centre()[0]).max()
        for features in (samples.visible, samples.infrared)
    )
    assert metric.bound.item() == pytest.approx(2 * MARGIN * largest)
    far = metric.centre + torch.tensor([2.1 * float(largest) ** 0.5, 0, 0, 0])
    near = metric.centre + torch.tensor([1.9 * float(largest) ** 0.5, 0, 0, 0])
    roots = metric(torch.stack([far, near]), "visible")[:, 1]
    assert roots[0] == 0
    assert roots[1] > 0


def test_a_common_space_maps_each_modality_by_its_own_transform(draw: Draw) -> None:
    random = np.random.default_rng(0)
    space = CommonSpace(*random.normal(size=(2, 4, 2)), *random.normal(size=(2, 4)))
    metric = CommonSpaceMetric(4, 3)
    metric.learn(space, draw())
    features = random.normal(size=(5, 4))
    for kind in ("visible", "infrared"):
        found = metric(torch.from_numpy(features).float(), kind)
        expected = (features - getattr(space, f"{kind}_centre")) @ getattr(space, kind)
        np.testing.assert_allclose(found[:, :2], expected, atol=1e-5)
        assert not found[:, 2].any()


@pytest.mark.parametrize("kind", [QuadraticMetric, CommonSpaceMetric])
def test_before_it_has_learned_it_nearly_keeps_euclidean_distances(kind: type) -> None:
    torch.manual_seed(0)
    metric = kind(50, 400)
    features = torch.randn(6, 50)
    embedded = [metric(features, modality) for modality in ("visible", "infrared")]
    ratio = torch.pdist(embedded[0]) / torch.pdist(features)
    assert ((ratio - 1).abs() < 0.15).all()
    assert torch.equal(*embedded)


def test_the_metric_counts_as_parameters_that_no_optimiser_trains() -> None:
    metric = QuadraticMetric(7, 3, indefinite=True)
    assert sum(p.numel() for p in metric.parameters()) == 21
    assert not any(p.requires_grad for p in metric.parameters())
