"""Classifiers of each modality, and the averages by which they teach each other."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from bench_core import INFRARED, VISIBLE
from bench_core.methods import ModalityClassifiers


@pytest.fixture
def classifiers() -> ModalityClassifiers:
    torch.manual_seed(0)
    made = ModalityClassifiers(4, 3)
    for classifier in made.averaged.values():
        torch.nn.init.normal_(classifier.weight)  # type: ignore[arg-type]
    return made


def test_averages_start_as_copies_and_never_learn() -> None:
    made = ModalityClassifiers(4, 3, std=0.001)
    for modality in (VISIBLE, INFRARED):
        assert torch.equal(made.own[modality].weight, made.averaged[modality].weight)
    assert not any(parameter.requires_grad for parameter in made.averaged.parameters())
    assert all(parameter.requires_grad for parameter in made.own.parameters())


def test_an_average_moves_by_its_rate(classifiers: ModalityClassifiers) -> None:
    before = {m: classifiers.averaged[m].weight.clone() for m in (VISIBLE, INFRARED)}
    classifiers.average(0.2)
    for modality, old in before.items():
        wanted = 0.8 * old + 0.2 * classifiers.own[modality].weight  # type: ignore[operator]
        torch.testing.assert_close(classifiers.averaged[modality].weight, wanted)


def test_a_modality_is_taught_by_the_average_of_the_other(classifiers: ModalityClassifiers) -> None:
    features, labels = torch.randn(5, 4), torch.tensor([0, 2, 1, 0, 1])
    identity, divergence = classifiers.losses(features, INFRARED, labels)
    logits = classifiers.own[INFRARED](features)
    p, q = logits.softmax(1), classifiers.averaged[VISIBLE](features).softmax(1)
    torch.testing.assert_close(identity, functional.cross_entropy(logits, labels))
    torch.testing.assert_close(divergence, (p * (p / q).log()).sum(1).mean())


def test_the_gradient_goes_through_the_own_prediction_alone(
    classifiers: ModalityClassifiers,
) -> None:
    features = torch.randn(5, 4)
    _, divergence = classifiers.losses(features, VISIBLE, torch.zeros(5, dtype=torch.int64))
    divergence.backward()  # type: ignore[no-untyped-call]
    assert classifiers.own[VISIBLE].weight.grad is not None
    assert classifiers.own[INFRARED].weight.grad is None
    assert classifiers.averaged[INFRARED].weight.grad is None
