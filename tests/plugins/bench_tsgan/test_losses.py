"""The losses of TS-GAN, against loops written from Eqs. 2 to 6 and 13 to 15."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_core.methods import identity_loss
from bench_tsgan.config import Reduction
from bench_tsgan.losses import Pairs, cycle_loss, discrimination_loss, fake_pairs, join, map_loss

TOLERANCE = 1e-5
LOGITS = st.floats(-6, 6, width=32)


def close(value: torch.Tensor, expected: float) -> bool:
    return value.shape == () and math.isclose(
        value.item(), expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE
    )


def chance(logit: float) -> float:
    """D, the output of a discriminator."""
    return 1 / (1 + math.exp(-logit))


@given(st.lists(LOGITS, min_size=1, max_size=4), st.lists(LOGITS, min_size=1, max_size=9))
def test_the_discriminator_loss_is_equations_2_to_4_with_their_sign(
    real: list[float], fake: list[float]
) -> None:
    expected = -sum(math.log(chance(logit)) for logit in real) / len(real)
    expected -= sum(math.log(1 - chance(logit)) for logit in fake) / len(fake)
    scores = torch.tensor([*real, *fake]).view(-1, 1, 1, 1)
    assert close(discrimination_loss(scores, len(real), "log"), expected)


def test_the_discriminator_loss_averages_over_the_map() -> None:
    """A map of 2 x 1 logits an image: the mean of -log D is over both places."""
    scores = torch.tensor([[[[2.0], [-1.0]]], [[[0.5], [3.0]]]])
    expected = -(math.log(chance(2)) + math.log(chance(-1))) / 2
    expected -= (math.log(1 - chance(0.5)) + math.log(1 - chance(3))) / 2
    assert close(discrimination_loss(scores, 1, "log"), expected)


def test_the_least_squares_form_of_the_discriminator_loss() -> None:
    scores = torch.tensor([0.75, 0.5, -0.25]).view(-1, 1, 1, 1)
    expected = (0.75 - 1) ** 2 + (0.5**2 + 0.25**2) / 2
    assert close(discrimination_loss(scores, 1, "least-squares"), expected)


def test_fake_pairs_have_a_fake_image_a_fake_map_or_both() -> None:
    """M of Eq. 5; each number is its own image or map, fake ones are negative."""
    fake = Pairs(torch.tensor([-1.0, -2]), torch.tensor([-10.0, -20]))
    infrared = Pairs(torch.tensor([1.0, 2]), torch.tensor([10.0, 20]))
    pairs = fake_pairs(fake, infrared)
    assert list(zip(pairs.images.tolist(), pairs.maps.tolist(), strict=True)) == [
        (-1, -10), (-2, -20), (-1, 10), (-2, 20), (1, -10), (2, -20),
    ]  # fmt: skip


def test_pairs_are_joined_in_their_order() -> None:
    first = Pairs(torch.tensor([1.0]), torch.tensor([10.0]))
    second = Pairs(torch.tensor([2.0, 3]), torch.tensor([20.0, 30]))
    joined = join([first, second])
    assert (joined.images.tolist(), joined.maps.tolist()) == ([1, 2, 3], [10, 20, 30])


def test_the_cycle_loss_is_the_mean_absolute_difference() -> None:
    images = torch.tensor([[[[1.0, -1.0], [0.5, 0.0]]]])
    cycled = torch.tensor([[[[0.5, -1.0], [-0.5, 0.25]]]])
    assert close(cycle_loss(cycled, images), (0.5 + 0 + 1 + 0.25) / 4)


@pytest.mark.parametrize("reduction", ["mean", "channel-sum", "sum"])
def test_the_map_loss_is_the_squared_norm_of_equations_13_to_15(reduction: Reduction) -> None:
    random = torch.Generator().manual_seed(0)
    teacher, student = torch.randn(2, 3, 5, 4, 2, generator=random)  # M=3, C=5, h=4, w=2
    total = sum(
        (teacher[place].item() - student[place].item()) ** 2
        for place in product(range(3), range(5), range(4), range(2))
    )
    values = {"mean": 5 * 4 * 2, "channel-sum": 4 * 2, "sum": 1}
    assert close(map_loss(teacher, student, reduction), total / 3 / values[reduction])


@pytest.mark.parametrize("reduction", ["mean", "channel-sum", "sum"])
def test_losses_of_half_precision_inputs_are_single_precision(reduction: Reduction) -> None:
    maps = torch.ones(2, 3, 2, 2, dtype=torch.bfloat16)
    assert map_loss(maps, maps / 3, reduction).dtype == torch.float32
    assert cycle_loss(maps, maps / 3).dtype == torch.float32
    assert discrimination_loss(maps, 1, "log").dtype == torch.float32


def test_label_smoothing_is_equation_10() -> None:
    """1 - (N - 1) / N epsilon for the identity, epsilon / N for the others: N = 3, epsilon = 0.1.

    The paper's "i = n" compares a sample with an identity; the sample's label is meant.
    """
    logits, label = [1.0, -2.0, 0.5], 2
    scale = math.log(sum(math.exp(logit) for logit in logits))
    targets = [0.1 / 3, 0.1 / 3, 1 - 2 / 3 * 0.1]
    expected = -sum(q * (logit - scale) for q, logit in zip(targets, logits, strict=True))
    assert close(identity_loss(torch.tensor([logits]), torch.tensor([label]), 0.1), expected)
