"""The losses of TS-GAN, against loops written from Eqs. 5, 10 and 13 to 15."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch

from bench_core.methods import identity_loss
from bench_tsgan.config import Reduction
from bench_tsgan.losses import Pairs, fake_pairs, join, map_loss

TOLERANCE = 1e-5


def close(value: torch.Tensor, expected: float) -> bool:
    return value.shape == () and math.isclose(
        value.item(), expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE
    )


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


def test_label_smoothing_is_equation_10() -> None:
    """1 - (N - 1) / N epsilon for the identity, epsilon / N for the others: N = 3, epsilon = 0.1.

    The paper's "i = n" compares a sample with an identity; the sample's label is meant.
    """
    logits, label = [1.0, -2.0, 0.5], 2
    scale = math.log(sum(math.exp(logit) for logit in logits))
    targets = [0.1 / 3, 0.1 / 3, 1 - 2 / 3 * 0.1]
    expected = -sum(q * (logit - scale) for q, logit in zip(targets, logits, strict=True))
    assert close(identity_loss(torch.tensor([logits]), torch.tensor([label]), 0.1), expected)
