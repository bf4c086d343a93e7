"""MPANet's own losses against loops over their definitions."""

from __future__ import annotations

import math

import pytest
import torch

from bench_mpanet.losses import center_cluster_loss, separation_loss


def test_separation_is_what_each_pair_of_masks_shares_in_each_image() -> None:
    torch.manual_seed(0)
    masks = torch.rand(3, 6, 4, 2)
    shared = [
        sum(
            masks[image, one, row, column].item() * masks[image, other, row, column].item()
            for row in range(4)
            for column in range(2)
        )
        for image in range(3)
        for one in range(6)
        for other in range(one)
    ]
    assert len(shared) == 3 * 15
    assert separation_loss(masks).item() == pytest.approx(sum(shared) / len(shared), rel=1e-5)


def test_masks_that_share_no_place_cost_nothing() -> None:
    masks = torch.eye(6).view(1, 6, 6, 1)
    assert separation_loss(masks).item() == 0


def expected_center_loss(features: list[list[float]], labels: list[int], margin: float) -> float:
    people = sorted(set(labels))
    centers = {
        one: [
            sum(values) / len(values)
            for values in zip(
                *(f for f, label in zip(features, labels, strict=True) if label == one),
                strict=True,
            )
        ]
        for one in people
    }
    pull = sum(math.dist(f, centers[label]) for f, label in zip(features, labels, strict=True))
    push = []
    for one in people:
        others = [label for label in labels if label != one]
        short = [max(margin - math.dist(centers[one], centers[label]), 0) for label in others]
        push.append(sum(short) / len(short))
    return pull / len(features) + sum(push) / len(push)


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 4, 4, 0, 0, 1, 1, 4, 4], [2, 0, 0, 1, 2, 0]])
@pytest.mark.parametrize("margin", [0.0, 0.7, 3.0])
def test_center_loss_pulls_to_centres_and_pushes_these_apart(
    labels: list[int], margin: float
) -> None:
    torch.manual_seed(1)
    features = 0.4 * torch.randn(len(labels), 5)
    loss = center_cluster_loss(features, torch.tensor(labels), margin)
    expected = expected_center_loss(features.tolist(), labels, margin)
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_center_loss_has_a_gradient_where_features_coincide() -> None:
    features = torch.ones(4, 3, requires_grad=True)
    center_cluster_loss(features, torch.tensor([0, 0, 1, 1]), 0.7).backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert bool(features.grad.isfinite().all())
