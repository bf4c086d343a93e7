"""The contrastive loss against a loop, in both of its normalisations."""

from __future__ import annotations

import math

import pytest
import torch

from bench_hcml.losses import contrastive_loss


def unit(values: list[float]) -> list[float]:
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]


def expected(
    visible: list[list[float]], infrared: list[list[float]], same: list[bool], margin: float
) -> float:
    total = 0.0
    for x, z, is_same in zip(visible, infrared, same, strict=True):
        apart = math.dist(x, z)
        total += apart**2 if is_same else max(0.0, margin - apart) ** 2
    return total / len(same) / 2


@pytest.mark.parametrize("along", ["features", "batch"])
@pytest.mark.parametrize("margin", [0.5, 1.4])
def test_the_loss_is_that_of_a_loop_over_pairs(along: str, margin: float) -> None:
    random = torch.Generator().manual_seed(1)
    visible, infrared = torch.rand(2, 6, 4, generator=random)
    same = torch.tensor([True, True, True, False, False, False])
    parts = []
    for rows in (visible, infrared):
        if along == "features":
            parts.append([unit(row) for row in rows.tolist()])
        else:
            columns = [unit(column) for column in rows.T.tolist()]
            parts.append([list(row) for row in zip(*columns, strict=True)])
    found = contrastive_loss(visible, infrared, same, margin=margin, normalized_along=along)  # type: ignore[arg-type]
    wanted = expected(parts[0], parts[1], same.tolist(), margin)
    assert found.item() == pytest.approx(wanted, rel=1e-5)
    assert wanted > 0


def test_coinciding_features_have_a_finite_gradient() -> None:
    visible = torch.ones(2, 3, requires_grad=True)
    same = torch.tensor([True, False])
    contrastive_loss(
        visible, torch.ones(2, 3), same, margin=0.5, normalized_along="features"
    ).backward()
    assert visible.grad is not None
    assert bool(visible.grad.isfinite().all())


def test_two_people_that_are_far_apart_are_left_alone() -> None:
    visible = torch.tensor([[1.0, 0]], requires_grad=True)
    other = torch.tensor([[0.0, 1]])
    loss = contrastive_loss(
        visible, other, torch.tensor([False]), margin=0.5, normalized_along="features"
    )
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(visible.grad, torch.zeros(1, 2))  # type: ignore[arg-type]
