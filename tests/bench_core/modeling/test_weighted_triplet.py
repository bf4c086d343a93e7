"""The weighted regularised triplet loss, against its equation anchor by anchor."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.methods import weighted_gaps, weighted_regularized_triplet


def by_hand(features: torch.Tensor, labels: torch.Tensor) -> list[float]:
    gaps = []
    for i in range(len(features)):
        distances = [math.dist(features[i].tolist(), other.tolist()) for other in features]
        positive = [d for d, label in zip(distances, labels, strict=True) if label == labels[i]]
        negative = [d for d, label in zip(distances, labels, strict=True) if label != labels[i]]
        far, near = [math.exp(d) for d in positive], [math.exp(-d) for d in negative]
        gaps.append(
            sum(w * d for w, d in zip(far, positive, strict=True)) / sum(far)
            - sum(w * d for w, d in zip(near, negative, strict=True)) / sum(near)
        )
    return gaps


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(1, 3))
def test_gaps_are_those_of_the_equation(seed: int, identities: int, images: int) -> None:
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(identities).repeat_interleave(images)
    features = 3 * torch.randn(len(labels), 5, generator=random)
    found = weighted_gaps(features, labels).tolist()
    # In float32 an anchor is some thousandths from itself: the square root of a rounding error.
    assert found == pytest.approx(by_hand(features, labels), abs=1e-2)


def with_floor(features: torch.Tensor, labels: torch.Tensor, floor: float) -> list[float]:
    """The public code's weights: its sums have the floor added, that over negatives as it is."""
    distances = torch.cdist(features.double(), features.double())
    same = labels[:, None] == labels
    gaps = []
    for row, is_same in zip(distances, same, strict=True):
        positive, negative = row[is_same], row[~is_same]
        far, near = (positive - positive.max()).exp(), (-negative).exp()
        gaps.append((far * positive).sum() / (far.sum() + floor))
        gaps[-1] -= (near * negative).sum() / (near.sum() + floor)
    return torch.stack(gaps).tolist()


@pytest.mark.parametrize("scale", [1.0, 5.0, 30.0])
def test_with_a_floor_negatives_that_are_far_lose_their_weight(scale: float) -> None:
    labels = torch.arange(4).repeat_interleave(3)
    centers = torch.eye(4, 6)[labels]
    features = scale * (centers + 0.05 * torch.randn(12, 6, generator=torch.manual_seed(0)))
    found = weighted_gaps(features, labels, 1e-6).tolist()
    assert found == pytest.approx(with_floor(features, labels, 1e-6), abs=1e-2)
    assert (max(found) > 0) == (scale == 30.0)  # though every negative is beyond every positive


def test_the_loss_is_the_mean_of_the_soft_margin() -> None:
    features, labels = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1])
    wanted = sum(math.log1p(math.exp(gap)) for gap in by_hand(features, labels)) / 3
    assert weighted_regularized_triplet(features, labels).item() == pytest.approx(wanted, abs=1e-5)


def test_features_far_apart_have_a_finite_loss_and_gradient() -> None:
    features = (1e4 * torch.randn(6, 4)).requires_grad_()
    loss = weighted_regularized_triplet(features, torch.tensor([0, 0, 1, 1, 2, 2]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.isfinite()
    assert features.grad is not None
    assert features.grad.isfinite().all()
