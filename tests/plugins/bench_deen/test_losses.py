"""The losses of DEEN, against loops written from the equations in double precision."""

from __future__ import annotations

import math

import pytest
import torch

from bench_deen.losses import center_guided_pair_mining, orthogonality

Rows = list[list[float]]
IMAGES = 2
"""Of each identity and modality."""


def draw_rows(number: int, seed: int) -> Rows:
    """Draw features on a grid: some coincide, and single precision holds them exactly."""
    random = torch.Generator().manual_seed(seed)
    rows: Rows = (torch.randint(-8, 9, (number, 3), generator=random) / 4).tolist()
    return rows


def distance(first: list[float], second: list[float]) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)))


def centers(features: Rows) -> Rows:
    """Of identities whose images follow each other."""
    groups = [features[start : start + IMAGES] for start in range(0, len(features), IMAGES)]
    return [[sum(column) / IMAGES for column in zip(*group, strict=True)] for group in groups]


def nearest_other(of: Rows, k: int) -> float:
    return min(distance(of[k], other) for j, other in enumerate(of) if j != k)


def h(own: Rows, other: Rows, made: Rows, margin: float) -> float:
    total = 0.0
    for k, center in enumerate(made):
        pulled = margin + distance(other[k], center)
        total += max(pulled - distance(own[k], center), 0.0)
        total += 0.5 * max(pulled - nearest_other(made, k), 0.0)
        total += 0.5 * max(pulled - nearest_other(own, k), 0.0)
    return total / len(made)


@pytest.mark.parametrize("margin", [0.0, 0.2, 2.0])
@pytest.mark.parametrize("identities", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_pair_mining_is_its_equation(identities: int, margin: float, seed: int) -> None:
    drawn = [draw_rows(identities * IMAGES, 4 * seed + part) for part in range(4)]
    visible, infrared, made_v, made_i = map(centers, drawn)
    labels = torch.tensor([7, 2, 5, 0])[:identities].repeat_interleave(IMAGES)
    loss = center_guided_pair_mining(
        torch.tensor(drawn[0] + drawn[1]), torch.tensor(drawn[2] + drawn[3]), labels, margin
    )
    expected = h(visible, infrared, made_v, margin) + h(infrared, visible, made_i, margin)
    assert loss.item() == pytest.approx(expected / 2, rel=1e-4, abs=1e-4)


def test_the_distance_to_the_own_modality_passes_no_gradient() -> None:
    """Only the first term can be positive here: identities are far apart."""
    away = torch.tensor([[0.0, 0.0], [100.0, 0.0]])
    labels = torch.tensor([0, 1])
    original = torch.cat([away, away + torch.tensor([0.0, 3.0])]).requires_grad_()
    generated = torch.cat([away + torch.tensor([0.0, 1.0])] * 2).requires_grad_()
    center_guided_pair_mining(original, generated, labels, 2.0).backward()
    assert original.grad is not None
    assert generated.grad is not None
    # V' is drawn to I (up) and I' to V (down), each by 1/2 of the mean over two identities.
    wanted = torch.tensor([[0.0, -0.25], [0.0, -0.25], [0.0, 0.25], [0.0, 0.25]])
    torch.testing.assert_close(generated.grad, wanted)
    pull = torch.tensor([[0.0, -0.25], [0.0, -0.25], [0.0, 0.25], [0.0, 0.25]])
    torch.testing.assert_close(original.grad, pull)


def test_centres_that_coincide_have_finite_gradients() -> None:
    features = torch.ones(4, 3, requires_grad=True)
    loss = center_guided_pair_mining(features, features, torch.tensor([0, 1]), 0.2)
    loss.backward()
    assert features.grad is not None
    assert bool(features.grad.isfinite().all())
    assert loss.item() == pytest.approx(2 * 0.2, rel=1e-4)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_orthogonality_is_the_inner_product_over_all_features(number: int) -> None:
    first, second = draw_rows(number, 0), draw_rows(number, 1)
    products = sum(
        a * b
        for one, other in zip(first, second, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    loss = orthogonality(torch.tensor(first), torch.tensor(second))
    assert loss.item() == pytest.approx(products / (3 * number), abs=1e-6)
