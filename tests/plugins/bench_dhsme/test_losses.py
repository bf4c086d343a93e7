"""The losses of D-HSME against loops over pairs, in double precision."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch

from bench_dhsme.losses import cross_modality_triplet, symmetric_divergence
from bench_dhsme.networks import SphereClassifier

Row = Sequence[float]
LABELS = [0, 0, 3, 3, 1, 1]


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def cosine(first: Row, second: Row) -> float:
    product = sum(a * b for a, b in zip(first, second, strict=True))
    return product / math.hypot(*first) / math.hypot(*second)


def softmax(row: Row) -> list[float]:
    total = sum(map(math.exp, row))
    return [math.exp(value) / total for value in row]


def divergence(p: Row, q: Row) -> float:
    return sum(a * math.log(a / b) for a, b in zip(softmax(p), softmax(q), strict=True))


def triplets(anchors: Sequence[Row], others: Sequence[Row], margin: float) -> float:
    found = []
    for anchor, label in zip(anchors, LABELS, strict=True):
        away = [1 - cosine(anchor, other) for other in others]
        farthest = max(d for d, other in zip(away, LABELS, strict=True) if other == label)
        nearest = min(d for d, other in zip(away, LABELS, strict=True) if other != label)
        found.append(max(margin + farthest - nearest, 0))
    return sum(found) / len(found)


def test_logits_are_s_times_the_cosine_to_each_direction() -> None:
    torch.manual_seed(0)
    classifier = SphereClassifier(7, 5, scale=14.0)
    features = 3 * drawn(6, 7)
    logits = classifier(features).tolist()
    for feature, row in zip(features.tolist(), logits, strict=True):
        expected = [14 * cosine(feature, direction) for direction in classifier.weight.tolist()]
        assert row == pytest.approx(expected, abs=1e-5)
    assert classifier.bias is None


def test_lengths_of_features_and_directions_do_not_matter() -> None:
    classifier = SphereClassifier(7, 5, scale=14.0)
    before = classifier(drawn(6, 7))
    with torch.no_grad():
        classifier.weight.mul_(torch.tensor([[0.1], [1.0], [2.0], [5.0], [90.0]]))
    torch.testing.assert_close(classifier(drawn(6, 7) * 40), before, atol=1e-4, rtol=1e-4)


def test_logits_are_single_precision_under_autocast() -> None:
    classifier = SphereClassifier(7, 5, scale=14.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = classifier(drawn(6, 7))
    assert torch.equal(logits, classifier(drawn(6, 7)))


def test_the_divergence_is_of_both_directions_and_a_mean_over_pairs() -> None:
    visible, infrared = drawn(6, 5), drawn(6, 5, seed=1)
    expected = [
        divergence(p, q) + divergence(q, p)
        for p, q in zip(visible.tolist(), infrared.tolist(), strict=True)
    ]
    loss = symmetric_divergence(visible, infrared).item()
    assert loss == pytest.approx(sum(expected) / 6, rel=1e-5)
    assert symmetric_divergence(visible, visible).item() == pytest.approx(0, abs=1e-6)


def test_the_divergence_teaches_both_modalities() -> None:
    visible, infrared = drawn(6, 5).requires_grad_(), drawn(6, 5, seed=1).requires_grad_()
    symmetric_divergence(visible, infrared).backward()
    for logits in (visible, infrared):
        assert logits.grad is not None
        assert bool((logits.grad != 0).all())


@pytest.mark.parametrize("margin", [0.0, 0.3, 1.5])
def test_triplets_go_from_either_modality_to_the_other(margin: float) -> None:
    visible, infrared = drawn(6, 7), 5 * drawn(6, 7, seed=1)
    loss = cross_modality_triplet(visible, infrared, torch.tensor(LABELS), margin).item()
    forth = triplets(visible.tolist(), infrared.tolist(), margin)
    back = triplets(infrared.tolist(), visible.tolist(), margin)
    assert forth != pytest.approx(back, rel=1e-3)
    assert loss == pytest.approx(forth + back, rel=1e-5)
