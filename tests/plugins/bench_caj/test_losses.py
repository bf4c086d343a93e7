"""The squared-difference triplet loss, anchor by anchor, and where it teaches nothing."""

from __future__ import annotations

import math

import pytest
import torch

from bench_caj.losses import LIMIT, difference_triplet, scaled_differences, stuck_anchors
from bench_core.methods import weighted_gaps, weighted_regularized_triplet

GAPS = [-20.0, -9.5, -1.5, -0.25, 0.0, 0.5, 2.0, 9.3, 9.5, 20.0]


def by_hand(gaps: list[float], scale: float) -> float:
    """Mean over i of log(1 + exp(sgn_i min(gamma delta_i^2, 88)))."""
    signed = [math.copysign(min(scale * gap**2, 88), 1 if gap > 0 else -1) for gap in gaps]
    return sum(math.log1p(math.exp(value)) for value in signed) / len(gaps)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_loss_is_that_of_the_equation(scale: float) -> None:
    loss = difference_triplet(torch.tensor(GAPS), scale, squared=True)
    assert loss.item() == pytest.approx(by_hand(GAPS, scale), rel=1e-6)


def test_it_is_the_equation_for_features_as_well() -> None:
    random = torch.Generator().manual_seed(0)
    features, labels = torch.randn(8, 6, generator=random), torch.arange(4).repeat(2)
    gaps = weighted_gaps(features, labels)
    loss = difference_triplet(gaps, 1.0, squared=True)
    assert loss.item() == pytest.approx(by_hand(gaps.tolist(), 1.0), rel=1e-6)


def test_without_the_square_it_is_the_loss_of_agw() -> None:
    random = torch.Generator().manual_seed(0)
    features, labels = torch.randn(8, 6, generator=random), torch.arange(4).repeat(2)
    loss = difference_triplet(weighted_gaps(features, labels), 1.0, squared=False)
    assert loss.item() == pytest.approx(weighted_regularized_triplet(features, labels).item())
    half = difference_triplet(torch.tensor([3.0]), 0.5, squared=False)
    assert half.item() == pytest.approx(math.log1p(math.exp(1.5)))


def test_beyond_its_limit_a_wrong_anchor_costs_88_and_has_no_gradient() -> None:
    gaps = torch.tensor([9.3, 9.5, 50.0], requires_grad=True)
    losses = torch.nn.functional.softplus(scaled_differences(gaps, 1.0, squared=True))
    losses.sum().backward()
    assert losses.tolist() == pytest.approx([9.3**2, LIMIT, LIMIT])
    assert gaps.grad is not None
    assert gaps.grad.tolist() == pytest.approx([2 * 9.3, 0, 0])


def test_anchors_are_stuck_that_are_wrong_and_beyond_the_limit() -> None:
    assert stuck_anchors(torch.tensor(GAPS), 1.0).item() == 2
    assert stuck_anchors(torch.tensor(GAPS), 25.0).item() == 4
    assert stuck_anchors(-torch.tensor(GAPS).abs(), 25.0).item() == 0


def test_at_unit_length_no_anchor_can_be_stuck() -> None:
    features = torch.nn.functional.normalize(torch.randn(12, 4))
    gaps = weighted_gaps(features, torch.arange(6).repeat(2))
    assert gaps.abs().max() <= 2
