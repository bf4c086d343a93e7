"""The ranking losses against loops over images, in both directions."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_bdtr.losses import cross_modality_ranking, intra_modality_ranking, nearest_others

Rows = list[list[float]]


def units(features: torch.Tensor) -> Rows:
    return [[v / math.hypot(*row) for v in row] for row in features.tolist()]


def expected(visible: Rows, infrared: Rows, labels: list[int]) -> tuple[float, float]:
    """Cross- and intra-modality loss with margins 0.5 and 0.1, one image after another."""
    cross = intra = 0.0
    for queries, gallery in ((visible, infrared), (infrared, visible)):
        for i, query in enumerate(queries):
            others = [j for j, label in enumerate(labels) if label != labels[i]]
            nearest = min(others, key=lambda j: math.dist(query, gallery[j]))
            gap = math.dist(query, gallery[i]) - math.dist(query, gallery[nearest])
            cross += max(0.0, 0.5 + gap) / len(labels)
            between = math.dist(gallery[i], gallery[nearest])
            intra += max(0.0, 0.1 - between) / len(labels)
    return cross, intra


def near(seed: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features that lie so close together that no term is always clipped."""
    random = torch.Generator().manual_seed(seed)
    visible, infrared = 1 + 0.05 * torch.randn(2, number, 4, generator=random)
    return 3 * visible, infrared


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 99), st.lists(st.integers(0, 3), min_size=3, max_size=6))
def test_the_losses_are_those_of_loops_over_images(seed: int, labels: list[int]) -> None:
    labels = [*labels, 8, 9]
    visible, infrared = near(seed, len(labels))
    pairs = nearest_others(visible, infrared, torch.tensor(labels))
    cross, intra = expected(units(visible), units(infrared), labels)
    # Distances of nearly equal features are known to about 1e-4 in single precision.
    assert cross_modality_ranking(pairs, 0.5).item() == pytest.approx(cross, abs=2e-3)
    assert intra_modality_ranking(pairs, 0.1).item() == pytest.approx(intra, abs=2e-3)


def test_the_nearest_other_is_of_the_other_modality_and_another_person() -> None:
    """Person 0 looks like person 1 in infrared images; its own image is nearer, and no other."""
    visible = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
    infrared = torch.tensor([[1.0, 0], [0.8, 0.6], [-0.6, -0.8]])
    first, second = nearest_others(visible, infrared, torch.tensor([0, 1, 2]))
    apart = torch.cdist(visible, infrared)
    torch.testing.assert_close(first.to_person, apart.diagonal(), atol=1e-5, rtol=0)
    torch.testing.assert_close(first.to_other[0], apart[0, 1])
    torch.testing.assert_close(first.between[0], (infrared[0] - infrared[1]).norm())
    torch.testing.assert_close(second.to_other[1], apart[0, 1])
    torch.testing.assert_close(second.between[1], (visible[1] - visible[0]).norm())


def test_another_image_of_the_same_person_is_no_other() -> None:
    features = torch.tensor([[1.0, 0], [0.99, 0.1], [0, 1]])
    first, _ = nearest_others(features, features, torch.tensor([0, 0, 1]))
    torch.testing.assert_close(first.to_other[0], torch.tensor(2.0).sqrt())


def test_people_that_are_ranked_well_cost_nothing() -> None:
    features = torch.eye(3, requires_grad=True)
    pairs = nearest_others(features, 2 * torch.eye(3), torch.arange(3))
    loss = cross_modality_ranking(pairs, 0.5) + intra_modality_ranking(pairs, 0.1)
    loss.backward()
    assert loss.item() == 0
    assert features.grad is not None
    assert not features.grad.any()


def test_both_losses_pull_at_features_that_coincide_without_breaking() -> None:
    features = torch.ones(3, 4, requires_grad=True)
    pairs = nearest_others(features, features.detach(), torch.arange(3))
    loss = cross_modality_ranking(pairs, 0.5) + intra_modality_ranking(pairs, 0.1)
    loss.backward()
    assert loss.item() == pytest.approx(1.0 + 0.2, abs=1e-2)
    assert features.grad is not None
    assert bool(features.grad.isfinite().all())
