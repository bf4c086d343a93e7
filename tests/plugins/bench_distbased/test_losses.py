"""The score layer and its gradient, and the triplet loss, number by number."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from bench_distbased.losses import DistanceScores, cross_modal_triplet

TAU = 1.7
LABELS = [2, 0, 2]


@pytest.fixture
def layer() -> DistanceScores:
    torch.manual_seed(0)
    made = DistanceScores(4, 5, temperature=TAU)
    torch.nn.init.normal_(made.prototypes)
    return made


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()


def softmax(scores: list[float]) -> list[float]:
    total = sum(map(math.exp, scores))
    return [math.exp(score) / total for score in scores]


def test_a_score_is_the_negative_squared_distance_over_tau(
    layer: DistanceScores, features: torch.Tensor
) -> None:
    expected = [
        [-(math.dist(feature, prototype) ** 2) / TAU for prototype in layer.prototypes.tolist()]
        for feature in features.tolist()
    ]
    torch.testing.assert_close(layer(features), torch.tensor(expected))


def test_the_gradient_of_the_cross_entropy_pulls_together_and_pushes_apart(
    layer: DistanceScores, features: torch.Tensor
) -> None:
    """dL/dw_c = (p_c - y_c) 2 (f - w_c) / tau and dL/df = -sum_c (p_c - y_c) 2 (f - w_c) / tau."""
    functional.cross_entropy(layer(features), torch.tensor(LABELS)).backward()
    prototypes = layer.prototypes.tolist()
    of_prototypes = [[0.0] * 4 for _ in prototypes]
    of_features = [[0.0] * 4 for _ in LABELS]
    for row, (feature, label) in enumerate(zip(features.tolist(), LABELS, strict=True)):
        shares = softmax([-(math.dist(feature, other) ** 2) / TAU for other in prototypes])
        for place, prototype in enumerate(prototypes):
            error = (shares[place] - (place == label)) / len(LABELS)
            for k in range(4):
                pull = error * 2 * (feature[k] - prototype[k]) / TAU
                of_prototypes[place][k] += pull
                of_features[row][k] -= pull
    torch.testing.assert_close(layer.prototypes.grad, torch.tensor(of_prototypes))
    torch.testing.assert_close(features.grad, torch.tensor(of_features))


def test_within_a_softmax_it_is_a_linear_classifier_with_a_tied_bias(
    layer: DistanceScores, features: torch.Tensor
) -> None:
    weights = layer.prototypes
    linear = features @ (2 * weights.T / TAU) - weights.square().sum(1) / TAU
    torch.testing.assert_close(layer(features).softmax(1), linear.softmax(1))


def test_a_feature_on_a_prototype_scores_zero_and_has_finite_gradients(
    layer: DistanceScores,
) -> None:
    features = layer.prototypes.detach().clone().requires_grad_()
    scores = layer(features)
    assert scores.diagonal().tolist() == pytest.approx([0.0] * 5, abs=1e-5)
    assert (scores <= 0).all()
    scores.sum().backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_prototypes_start_near_the_origin() -> None:
    torch.manual_seed(0)
    prototypes = DistanceScores(256, 100, temperature=2.0).prototypes
    assert prototypes.mean().item() == pytest.approx(0, abs=1e-4)
    assert prototypes.std().item() == pytest.approx(1e-3, rel=0.05)


def test_scores_are_float32_under_autocast(layer: DistanceScores, features: torch.Tensor) -> None:
    plain = layer(features)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(features), plain)


def test_triplets_are_drawn_across_the_modalities() -> None:
    random = torch.Generator().manual_seed(2)
    visible, infrared = torch.randn(2, 4, 3, generator=random)
    labels = [0, 0, 1, 2]

    def one_way(anchors: list[list[float]], others: list[list[float]]) -> float:
        total = 0.0
        for anchor, label in zip(anchors, labels, strict=True):
            away = [math.dist(anchor, other) for other in others]
            positive = max(d for d, other in zip(away, labels, strict=True) if other == label)
            negative = min(d for d, other in zip(away, labels, strict=True) if other != label)
            total += max(0.3 + positive - negative, 0)
        return total / len(labels)

    first, second = visible.tolist(), infrared.tolist()
    found = cross_modal_triplet(visible, infrared, torch.tensor(labels), 0.3)
    expected = one_way(first, second) + one_way(second, first)
    assert found.item() == pytest.approx(expected, rel=1e-5)
