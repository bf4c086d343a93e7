"""The losses of PMT against loops over their definitions, in double precision."""

from __future__ import annotations

import math
from statistics import mean

import pytest
import torch

from bench_pmt.losses import (
    discriminative_center,
    modality_identity,
    modality_shared_enhancement,
    modality_triplet,
)

LABELS = torch.tensor([3, 3, 3, 0, 0, 0, 2, 2, 2])
Points = list[list[float]]


def draw(seed: int, number: int = 9) -> torch.Tensor:
    return torch.rand(number, 4, generator=torch.Generator().manual_seed(seed))


VISIBLE, INFRARED = draw(0), draw(1)


def distance(first: list[float], second: list[float]) -> float:
    return math.dist(first, second)


def test_the_identity_loss_is_the_sum_of_a_mean_for_each_modality() -> None:
    logits, labels = draw(2, 6), torch.tensor([0, 1, 3])
    logarithms = logits.double().log_softmax(1)
    expected = sum(
        -mean(logarithms[first + i, label].item() for i, label in enumerate(labels))
        for first in (0, 3)
    )
    assert modality_identity(logits, labels).item() == pytest.approx(expected, rel=1e-5)


def test_triplets_stay_within_a_modality() -> None:
    expected = 0.0
    for features in (VISIBLE.tolist(), INFRARED.tolist()):
        gaps = []
        for i, label in enumerate(LABELS):
            same = [
                distance(features[i], f)
                for f, k in zip(features, LABELS, strict=True)
                if k == label
            ]
            others = [
                distance(features[i], f)
                for f, k in zip(features, LABELS, strict=True)
                if k != label
            ]
            gaps.append(max(0.0, 0.1 + max(same) - min(others)))
        expected += mean(gaps)
    found = modality_triplet(torch.cat([VISIBLE, INFRARED]), LABELS, 0.1)
    assert found.item() == pytest.approx(expected, rel=1e-4)


def enhancement(visible: Points, infrared: Points, labels: list[int]) -> float:
    halves = []
    for own, other in ((visible, infrared), (infrared, visible)):
        squares = []
        for i, label in enumerate(labels):
            same = [j for j, k in enumerate(labels) if k == label]
            within = mean(distance(own[i], own[j]) for j in same if j != i)
            across = mean(distance(own[i], other[j]) for j in same)
            squares.append((across - within) ** 2)
        halves.append(mean(squares))
    return mean(halves)


@pytest.mark.parametrize("seed", range(3))
def test_msel(seed: int) -> None:
    visible, infrared = draw(2 * seed), draw(2 * seed + 1)
    expected = enhancement(visible.tolist(), infrared.tolist(), LABELS.tolist())
    found = modality_shared_enhancement(visible, infrared, LABELS)
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_msel_is_nothing_where_both_modalities_are_as_far_apart() -> None:
    """Two points each: within 2, across 2 from either; distances and not places count."""
    visible = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    infrared = torch.tensor([[1.0, 3**0.5], [1.0, -(3**0.5)]])
    labels = torch.tensor([0, 0])
    within = 2 * 3**0.5  # of the infrared points
    expected = ((2 - 2) ** 2 + (2 - within) ** 2) / 2
    found = modality_shared_enhancement(visible, infrared, labels)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def center_loss(features: Points, labels: list[int]) -> float:
    positives, negatives = [], []
    for label in sorted(set(labels)):
        own = [f for f, k in zip(features, labels, strict=True) if k == label]
        center = [mean(values) for values in zip(*own, strict=True)]
        positives += [distance(center, f) for f in own]
        far = [distance(center, f) for f, k in zip(features, labels, strict=True) if k != label]
        negatives.append(mean(d for d in far if d < mean(far)))
    return mean(positives) / mean(negatives)


@pytest.mark.parametrize("labels", [[3, 3, 3, 0, 0, 0, 2, 2, 2], [0, 1, 1, 2, 2, 2, 2, 0, 4]])
@pytest.mark.parametrize("seed", range(2))
def test_dcl(labels: list[int], seed: int) -> None:
    """Also of identities with different numbers of images, each of which has one centre."""
    both, every = torch.cat([draw(seed), draw(seed + 5)]), torch.tensor(labels * 2)
    expected = center_loss(both.tolist(), every.tolist())
    assert discriminative_center(both, every).item() == pytest.approx(expected, rel=1e-4)


def test_dcl_of_negatives_that_are_all_as_far_away_is_by_their_mean() -> None:
    features = torch.tensor([[0.0, 3.0], [0.0, -3.0], [4.0, 0.0], [4.0, 0.0]])
    labels = torch.tensor([0, 0, 1, 1])
    # Centres (0, 0) and (4, 0): own images 3, 3, 0, 0 away, others 4, 4 and 5, 5.
    assert discriminative_center(features, labels).item() == pytest.approx(1.5 / 4.5, rel=1e-4)


def test_every_loss_is_differentiable_where_images_coincide() -> None:
    features = torch.ones(6, 4, requires_grad=True)
    labels = torch.tensor([0, 0, 1])
    losses = (
        modality_shared_enhancement(features[:3], features[3:], labels),
        discriminative_center(features, labels.repeat(2)),
    )
    for loss in losses:
        (gradient,) = torch.autograd.grad(loss, features)
        assert bool(gradient.isfinite().all())
