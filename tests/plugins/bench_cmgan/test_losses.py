"""Losses of cmGAN against loops over anchors, positives and negatives."""

from __future__ import annotations

import math

import pytest
import torch

from bench_cmgan.losses import cross_modality_triplet, modality_loss, random_cross_triplet

MARGIN = 1.4
LABELS = torch.tensor([4, 4, 0, 0, 2, 2])


@pytest.fixture
def features() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(5)
    visible, infrared = (torch.randn(6, 4, generator=random) for _ in range(2))
    return visible, infrared


def hardest(anchors: list[list[float]], others: list[list[float]], labels: list[int]) -> float:
    """Mean over anchors of [1.4 + d(a, p) - d(a, n)]_+, with the hardest p and n."""
    total = 0.0
    for anchor, label in zip(anchors, labels, strict=True):
        found = [
            (math.dist(anchor, each), other) for each, other in zip(others, labels, strict=True)
        ]
        positive = max(distance for distance, other in found if other == label)
        negative = min(distance for distance, other in found if other != label)
        total += max(MARGIN + positive - negative, 0)
    return total / len(anchors)


def test_triplets_are_of_two_modalities_in_both_directions(
    features: tuple[torch.Tensor, torch.Tensor],
) -> None:
    visible, infrared = (each.tolist() for each in features)
    expected = hardest(visible, infrared, LABELS.tolist())
    expected += hardest(infrared, visible, LABELS.tolist())
    loss = cross_modality_triplet(*features, LABELS, MARGIN, "hard")
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_random_triplets_come_to_the_mean_over_all(
    features: tuple[torch.Tensor, torch.Tensor],
) -> None:
    visible, infrared = (each.tolist() for each in features)
    labels = LABELS.tolist()
    costs = [
        max(MARGIN + math.dist(anchor, infrared[p]) - math.dist(anchor, infrared[n]), 0)
        for anchor, label in zip(visible, labels, strict=True)
        for p, n in ((p, n) for p in range(6) for n in range(6))
        if labels[p] == label != labels[n]
    ]
    torch.manual_seed(0)
    drawn = [random_cross_triplet(*features, LABELS, MARGIN).item() for _ in range(400)]
    assert min(drawn) < max(drawn)
    assert sum(drawn) / 400 == pytest.approx(sum(costs) / len(costs), rel=0.02)


def test_random_triplets_are_drawn_in_both_directions(
    features: tuple[torch.Tensor, torch.Tensor],
) -> None:
    visible, infrared = features
    torch.manual_seed(0)
    loss = cross_modality_triplet(visible, infrared, LABELS, MARGIN, "random")
    torch.manual_seed(0)
    forth = random_cross_triplet(visible, infrared, LABELS, MARGIN)
    back = random_cross_triplet(infrared, visible, LABELS, MARGIN)
    assert loss.item() == pytest.approx((forth + back).item())


def test_the_modality_loss_is_a_cross_entropy_with_visible_images_first() -> None:
    scores = torch.tensor([[2.0, -1.0], [0.5, 0.0], [0.0, 3.0], [1.0, 0.0]])
    expected = 0.0
    for row, modality in zip(scores.tolist(), (0, 0, 1, 1), strict=True):
        expected -= row[modality] - math.log(sum(map(math.exp, row)))
    assert modality_loss(scores).item() == pytest.approx(expected / 4, rel=1e-5)
