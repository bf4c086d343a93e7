"""Adversarial losses against their formulas, and the range of images."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_core.modeling.adversarial import (
    AdversarialForm,
    adversarial_loss,
    discrimination_loss,
    from_signed,
    to_signed,
)

LOGITS = st.floats(-6, 6, width=32)
SCORES = [-2.0, 0.0, 0.5, 3.0]


def chance(score: float) -> float:
    return 1 / (1 + math.exp(-score))


@pytest.mark.parametrize(
    ("real", "form", "expected"),
    [
        (True, "log", sum(-math.log(chance(score)) for score in SCORES) / 4),
        (False, "log", sum(-math.log(1 - chance(score)) for score in SCORES) / 4),
        (True, "least-squares", sum((score - 1) ** 2 for score in SCORES) / 4),
        (False, "least-squares", sum(score**2 for score in SCORES) / 4),
    ],
)
def test_a_loss_is_the_mean_of_its_formula(
    real: bool, form: AdversarialForm, expected: float
) -> None:
    loss = adversarial_loss(torch.tensor(SCORES).view(2, 1, 2, 1), real=real, form=form)
    assert loss.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("form", ["log", "least-squares"])
@pytest.mark.parametrize("real", [True, False])
def test_scales_are_added_whatever_their_sizes(real: bool, form: AdversarialForm) -> None:
    large, small = torch.randn(2, 1, 4, 2), torch.randn(2, 1, 2, 1)
    both = adversarial_loss((large, small), real=real, form=form)
    apart = [adversarial_loss(scores, real=real, form=form) for scores in (large, small)]
    assert both.item() == pytest.approx(sum(loss.item() for loss in apart))


@pytest.mark.parametrize("real", [True, False])
def test_the_logarithm_of_an_extreme_score_is_finite_and_keeps_its_gradient(real: bool) -> None:
    wrong = -1.0 if real else 1.0
    scores = torch.tensor([wrong * 1e4, 0.0], requires_grad=True)
    loss = adversarial_loss(scores, real=real, form="log")
    assert loss.item() == pytest.approx((1e4 + math.log(2)) / 2)
    loss.backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert scores.grad.tolist() == pytest.approx([wrong / 2, wrong / 4])


@given(st.lists(LOGITS, min_size=1, max_size=4), st.lists(LOGITS, min_size=1, max_size=9))
def test_a_discriminator_minimises_minus_the_logarithms_of_being_right(
    real: list[float], fake: list[float]
) -> None:
    expected = -sum(math.log(chance(logit)) for logit in real) / len(real)
    expected -= sum(math.log(1 - chance(logit)) for logit in fake) / len(fake)
    loss = discrimination_loss(torch.tensor([*real, *fake]).view(-1, 1, 1, 1), len(real), "log")
    assert loss.item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_a_discriminators_loss_is_averaged_over_the_map() -> None:
    """A map of 2 x 1 logits an image: the mean of -log D is over both places."""
    scores = torch.tensor([[[[2.0], [-1.0]]], [[[0.5], [3.0]]]])
    expected = -(math.log(chance(2)) + math.log(chance(-1))) / 2
    expected -= (math.log(1 - chance(0.5)) + math.log(1 - chance(3))) / 2
    assert discrimination_loss(scores, 1, "log").item() == pytest.approx(expected)


def test_a_discriminator_wants_one_of_the_real_and_zero_of_the_fake_by_scale() -> None:
    large, small = torch.tensor([0.5, 1.0, 0.0, 2.0]), torch.tensor([1.0, 0.0, 3.0, 0.0])
    loss = discrimination_loss([large, small], 2, "least-squares")
    # (0.25 + 0) / 2 + (0 + 4) / 2, and (0 + 1) / 2 + (9 + 0) / 2 for the smaller scale.
    assert loss.item() == pytest.approx(0.125 + 2 + 0.5 + 4.5)
    assert discrimination_loss(large, 1, "least-squares").item() == pytest.approx(
        (0.5 - 1) ** 2 + (1 + 0 + 4) / 3
    )


def test_losses_are_single_precision() -> None:
    scores = torch.zeros(2, 1, 2, 2, dtype=torch.bfloat16)
    forms: tuple[AdversarialForm, ...] = ("log", "least-squares")
    for form in forms:
        assert adversarial_loss(scores, real=True, form=form).dtype == torch.float32
        assert adversarial_loss([scores], real=True, form=form).dtype == torch.float32
        assert discrimination_loss(scores, 1, form).dtype == torch.float32


def test_the_signed_range_is_from_minus_one_to_one_and_back() -> None:
    images = torch.tensor([0.0, 0.25, 1.0])
    assert to_signed(images).tolist() == [-1.0, -0.5, 1.0]
    assert torch.equal(from_signed(to_signed(images)), images)
