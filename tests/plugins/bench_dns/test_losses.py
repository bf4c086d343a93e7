"""DNS's own losses against loops over their definitions."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from bench_dns.losses import alignment_loss, circle_loss, mean_discrepancy


def expected_circle(
    features: torch.Tensor, labels: list[int], margin: float, scale: float
) -> float:
    units = functional.normalize(features.double())
    total = 0.0
    for i, own in enumerate(labels):
        negatives, positives = 0.0, 0.0
        for j, other in enumerate(labels):
            s = float(units[i] @ units[j])
            if other != own:
                negatives += math.exp(scale * max(s + margin, 0) * (s - margin))
            elif i != j:
                positives += math.exp(-scale * max(1 + margin - s, 0) * (s - 1 + margin))
        total += math.log1p(negatives * positives)
    return total / len(labels)


@pytest.mark.parametrize(("margin", "scale"), [(0.45, 64.0), (0.25, 4.0)])
def test_circle_loss_is_over_all_pairs_but_an_image_with_itself(
    margin: float, scale: float
) -> None:
    torch.manual_seed(0)
    features, labels = torch.randn(8, 5), [0, 0, 1, 1, 2, 2, 0, 1]
    loss = circle_loss(features, torch.tensor(labels), margin=margin, scale=scale)
    expected = expected_circle(features, labels, margin, scale)
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_weights_of_pairs_have_no_gradient() -> None:
    """Of two images of two people and a twin each: the derivative is that of fixed weights."""
    angles = torch.tensor([0.0, 0.3, 1.2, 1.7], dtype=torch.float64)
    labels, margin, scale = torch.tensor([0, 0, 1, 1]), 0.45, 2.0

    def features(turned: torch.Tensor) -> torch.Tensor:
        return torch.stack([turned.cos(), turned.sin()], 1)

    fixed = features(angles) @ features(angles).T
    same = labels[:, None] == labels[None, :]
    others = same & ~torch.eye(4, dtype=torch.bool)

    def by_hand(turned: torch.Tensor) -> torch.Tensor:
        s = features(turned) @ features(turned).T
        negative = scale * (fixed + margin) * (s - margin)
        positive = -scale * (1 + margin - fixed) * (s - 1 + margin)
        sums = (negative.exp() * ~same).sum(1) * (positive.exp() * others).sum(1)
        return torch.log1p(sums).mean()

    turned = angles.clone().requires_grad_()
    circle_loss(features(turned), labels, margin=margin, scale=scale).backward()  # type: ignore[no-untyped-call]
    expected = torch.autograd.functional.jacobian(by_hand, angles)  # type: ignore[no-untyped-call]
    assert turned.grad is not None
    torch.testing.assert_close(turned.grad, expected, rtol=1e-4, atol=1e-6)


def expected_discrepancy(first: list[list[float]], second: list[list[float]]) -> float:
    rows = first + second
    squares = [math.dist(a, b) ** 2 for a in rows for b in rows]
    width = sum(squares) / (len(rows) * (len(rows) - 1)) / 4

    def kernel(a: list[float], b: list[float]) -> float:
        return sum(math.exp(-(math.dist(a, b) ** 2) / (width * 2**k)) for k in range(5))

    def mean(one: list[list[float]], other: list[list[float]]) -> float:
        return sum(kernel(a, b) for a in one for b in other) / (len(one) * len(other))

    return mean(first, first) + mean(second, second) - 2 * mean(first, second)


def test_discrepancy_is_over_five_kernels_and_all_pairs() -> None:
    torch.manual_seed(0)
    first, second = torch.rand(6, 4), torch.rand(6, 4) + 0.3
    expected = expected_discrepancy(first.tolist(), second.tolist())
    assert mean_discrepancy(first, second).item() == pytest.approx(expected, rel=1e-4)
    assert mean_discrepancy(first, first).item() == pytest.approx(0, abs=1e-6)


def test_the_width_of_kernels_has_no_gradient() -> None:
    """Scaling all features alike changes no discrepancy, and still there is a gradient."""
    torch.manual_seed(0)
    first, second = torch.rand(4, 3), torch.rand(4, 3)
    scale = torch.tensor(1.0, requires_grad=True)
    mean_discrepancy(scale * first, scale * second).backward()  # type: ignore[no-untyped-call]
    assert scale.grad is not None
    assert abs(scale.grad.item()) > 1e-3
    assert mean_discrepancy(3 * first, 3 * second).item() == pytest.approx(
        mean_discrepancy(first, second).item(), rel=1e-4
    )


def test_features_that_coincide_are_no_apart() -> None:
    assert mean_discrepancy(torch.ones(3, 2), torch.ones(3, 2)).item() == 0


def test_alignment_is_across_modalities_and_from_feature_to_shifted_feature() -> None:
    torch.manual_seed(0)
    pooled, shifted = torch.rand(8, 4), torch.randn(8, 4)
    visible, infrared = functional.normalize(pooled).chunk(2)
    moved_visible, moved_infrared = functional.normalize(shifted).chunk(2)
    across = mean_discrepancy(visible, infrared)
    expected = 0.45 * (across + mean_discrepancy(moved_visible, moved_infrared)) + 0.05 * (
        mean_discrepancy(visible, moved_visible) + mean_discrepancy(infrared, moved_infrared)
    )
    torch.testing.assert_close(alignment_loss(pooled, shifted), expected)
    torch.testing.assert_close(alignment_loss(pooled, None), 0.45 * across)
