"""The losses of JSIA, against hand-worked values and loops in double precision."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_jsia.losses import (
    absolute_error,
    generator_loss,
    instance_alignment,
    modality_loss,
    triplet_loss,
    unseen_identity_loss,
    variation_loss,
)
from bench_jsia.pairs import Pair
from bench_jsia.variation import Latents

Rows = list[list[float]]
SEEDS = st.integers(0, 2**31 - 1)


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def softmax(row: list[float]) -> list[float]:
    powers = [math.exp(value) for value in row]
    return [power / sum(powers) for power in powers]


def divergence(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def mean_divergence(p: torch.Tensor, q: torch.Tensor) -> float:
    """Mean over images of KL(softmax p || softmax q)."""
    rows = zip(p.tolist(), q.tolist(), strict=True)
    return sum(divergence(softmax(a), softmax(b)) for a, b in rows) / len(p)


def distance(a: list[float], b: list[float]) -> float:
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


def hardest(anchors: Rows, labels: list[int], others: Rows, own: list[int], m: float) -> float:
    """Mean over anchors of Eq. 13's triplet term, its sign put right."""
    total = 0.0
    for anchor, label in zip(anchors, labels, strict=True):
        away = [(distance(anchor, o), k == label) for o, k in zip(others, own, strict=True)]
        positive = max(d for d, same in away if same)
        negative = min(d for d, same in away if not same)
        total += max(m + positive - negative, 0)
    return total / len(anchors)


def test_eqs_4_and_5_add_the_mean_absolute_error_of_both_modalities() -> None:
    values = Pair(torch.tensor([[0.0, 2.0], [4.0, 6.0]]), torch.tensor([[1.0, 1.0], [1.0, 1.0]]))
    targets = Pair(torch.tensor([[1.0, 2.0], [2.0, 7.0]]), torch.tensor([[1.0, 3.0], [1.0, 1.0]]))
    assert absolute_error(values, targets).item() == (1 + 0 + 2 + 1) / 4 + 2 / 4


def test_eq_7_is_least_squares_summed_over_scales_and_modalities() -> None:
    visible = [torch.tensor([0.5, 1.0]), torch.tensor([2.0])]
    infrared = [torch.tensor([0.0, 0.0]), torch.tensor([1.0])]
    # Means over each map: 0.5 and 0 off, 1 off; then 1 and 1 off, and 0.
    assert generator_loss([visible, infrared]).item() == pytest.approx(0.125 + 1 + 1 + 0)


def test_eq_10_is_the_printed_norms_of_each_image_over_the_elements_of_a_map() -> None:
    maps = torch.tensor([[[[1.0, 2.0]]], [[[3.0, 4.0]]]])
    decoded = torch.tensor([[[[1.0, 0.0]]], [[[3.0, 8.0]]]])
    mean = torch.tensor([[[[3.0]], [[4.0]]], [[[0.0]], [[2.0]]]])
    deviation = torch.tensor([[[[1.0]], [[1.0]]], [[[4.0]], [[5.0]]]])
    latents = Latents(sample=mean, mean=mean, deviation=deviation)
    # |M - M'|_1: 2 and 4; |mean|_2: 5 and 2; |deviation - 1|_2: 0 and 5; two elements a map.
    assert variation_loss(maps, decoded, latents, 1).item() == pytest.approx(
        ((2 + 5 + 0) / 2 + (4 + 2 + 5) / 2) / 2, rel=1e-5
    )
    heavy = variation_loss(maps, decoded, latents, 10).item()
    assert heavy == pytest.approx((2 + 50 + 4 + 70) / 4, rel=1e-5)


def test_eq_10_has_finite_gradients_where_its_penalties_are_zero() -> None:
    mean = torch.zeros(2, 3, 1, 1, requires_grad=True)
    deviation = torch.ones(2, 3, 1, 1, requires_grad=True)
    latents = Latents(mean, mean, deviation)
    maps = torch.zeros(2, 1, 2, 2)
    variation_loss(maps, maps, latents, 1).backward()
    for value in (mean, deviation):
        assert value.grad is not None
        assert bool(value.grad.isfinite().all())


def test_the_norms_of_eq_10_are_a_millionth_where_they_are_zero() -> None:
    mean, deviation, maps = torch.zeros(1, 3, 1, 1), torch.ones(1, 3, 1, 1), torch.zeros(1, 1, 1, 1)
    loss = variation_loss(maps, maps, Latents(mean, mean, deviation), 1)
    assert loss.item() == pytest.approx(2e-6, rel=1e-3, abs=0)


@given(SEEDS)
def test_eq_11_puts_the_infrared_styled_image_first(seed: int) -> None:
    """KL(X_ir || X_ir2rgb) + KL(X_rgb2ir || X_rgb)."""
    visible, infrared, from_infrared, from_visible = (random(3, 4, seed=seed + k) for k in range(4))
    value = instance_alignment(
        Pair(visible, infrared), Pair(visible=from_infrared, infrared=from_visible), "one-way"
    )
    expected = mean_divergence(infrared, from_infrared) + mean_divergence(from_visible, visible)
    assert value.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


@given(SEEDS)
def test_the_two_way_form_adds_the_other_direction(seed: int) -> None:
    visible, infrared, from_infrared, from_visible = (random(3, 4, seed=seed + k) for k in range(4))
    value = instance_alignment(
        Pair(visible, infrared), Pair(visible=from_infrared, infrared=from_visible), "two-way"
    )
    pairs = ((infrared, from_infrared), (visible, from_visible))
    expected = sum(mean_divergence(a, b) + mean_divergence(b, a) for a, b in pairs)
    assert value.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(("form", "moves"), [("one-way", True), ("two-way", False)])
def test_the_real_side_is_a_fixed_target_in_the_two_way_form_alone(form: str, moves: bool) -> None:
    logits = [random(3, 4, seed=k).requires_grad_() for k in range(4)]
    value = instance_alignment(Pair(*logits[:2]), Pair(*logits[2:]), form)
    gradients = torch.autograd.grad(value, logits, allow_unused=True)
    assert [gradient is not None for gradient in gradients] == [moves, moves, True, True]


def test_alike_predictions_cost_nothing() -> None:
    logits = Pair(random(3, 4, seed=0), random(3, 4, seed=1))
    shifted = logits.swapped().map(lambda values: values + 5)
    assert instance_alignment(logits, shifted, "one-way").item() == pytest.approx(0, abs=1e-6)


@given(SEEDS, st.sampled_from([0.0, 0.3, 2.0]))
def test_eq_13_mines_the_hardest_of_all_images(seed: int, margin: float) -> None:
    labels = [0, 0, 1, 2]
    features = Pair(random(4, 3, seed=seed), random(4, 3, seed=seed + 1))
    rows = features.joined().tolist()
    expected = hardest(rows, labels * 2, rows, labels * 2, margin)
    value = triplet_loss(features, torch.tensor(labels), margin, "all")
    assert value.item() == pytest.approx(expected, rel=1e-4, abs=1e-4)


@given(SEEDS, st.sampled_from([0.0, 0.3, 2.0]))
def test_the_code_mines_the_other_modality_and_averages_the_directions(
    seed: int, margin: float
) -> None:
    labels = [0, 0, 1, 2]
    features = Pair(random(4, 3, seed=seed), random(4, 3, seed=seed + 1))
    visible, infrared = (part.tolist() for part in features)
    expected = hardest(visible, labels, infrared, labels, margin)
    expected += hardest(infrared, labels, visible, labels, margin)
    value = triplet_loss(features, torch.tensor(labels), margin, "cross-modality")
    assert value.item() == pytest.approx(expected / 2, rel=1e-4, abs=1e-4)


@given(SEEDS)
def test_eq_15_compares_with_the_mixture_of_both_predictions(seed: int) -> None:
    mixed, first, second = (random(3, 4, seed=seed + k) for k in range(3))
    shares = torch.tensor([0.0, 0.3, 1.0])
    expected = 0.0
    for alpha, *rows in zip(
        shares.tolist(), mixed.tolist(), first.tolist(), second.tolist(), strict=True
    ):
        p, p1, p2 = (softmax(row) for row in rows)
        target = [alpha * a + (1 - alpha) * b for a, b in zip(p1, p2, strict=True)]
        expected += divergence(p, target) / 3
    value = unseen_identity_loss(mixed, first, second, shares)
    assert value.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_eq_15_moves_the_mixed_side_alone() -> None:
    logits = [random(3, 4, seed=k).requires_grad_() for k in range(3)]
    value = unseen_identity_loss(logits[0], logits[1], logits[2], torch.tensor([0.2, 0.5, 0.9]))
    gradients = torch.autograd.grad(value, logits, allow_unused=True)
    assert [gradient is not None for gradient in gradients] == [True, False, False]


def test_eq_15_stays_finite_where_a_target_says_never() -> None:
    certain = torch.tensor([[200.0, 0.0, 0.0]])
    mixed = torch.zeros(1, 3, requires_grad=True)
    value = unseen_identity_loss(mixed, certain, certain, torch.tensor([0.5]))
    value.backward()
    assert bool(value.isfinite())
    assert mixed.grad is not None
    assert bool(mixed.grad.isfinite().all())


def test_the_encoder_wants_the_wrong_modality() -> None:
    """Softplus by hand: log(1 + e^x), visible being what the discriminator calls real."""
    scores = torch.tensor([2.0, -1.0])

    def softplus(x: float) -> float:
        return math.log(1 + math.exp(x))

    assert modality_loss(scores, deceive=False).item() == pytest.approx(softplus(-2) + softplus(-1))
    assert modality_loss(scores, deceive=True).item() == pytest.approx(softplus(2) + softplus(1))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_losses_are_float32_whatever_comes_in(dtype: torch.dtype) -> None:
    rows = [random(4, 3, seed=k).to(dtype) for k in range(4)]
    labels, pair, other = torch.tensor([0, 0, 1, 2]), Pair(*rows[:2]), Pair(*rows[2:])
    latents = Latents(rows[0].float(), rows[0].float(), rows[1].float())
    for value in (
        absolute_error(pair, other),
        generator_loss([rows, rows]),
        variation_loss(rows[2], rows[3], latents, 1),
        instance_alignment(pair, other, "one-way"),
        instance_alignment(pair, other, "two-way"),
        triplet_loss(pair, labels, 0.3, "all"),
        unseen_identity_loss(*rows[:3], torch.rand(4)),
        modality_loss(rows[0], deceive=True),
    ):
        assert value.dtype == torch.float32


def test_half_of_any_batch_of_maps_is_visible() -> None:
    scores = random(6, 1, 2, 2, seed=0)
    expected = sum(
        torch.nn.functional.softplus(-sign * part).mean()
        for sign, part in ((1, scores[:3]), (-1, scores[3:]))
    )
    torch.testing.assert_close(modality_loss(scores, deceive=False), expected)


def test_the_penalties_of_eq_10_are_norms_over_a_whole_image() -> None:
    mean = torch.tensor([[[[1.0], [2.0]], [[2.0], [4.0]]]])  # 2 channels of 2 x 1: a length of 5
    latents = Latents(mean, mean, torch.ones_like(mean))
    maps = torch.zeros(1, 1, 1, 1)
    assert variation_loss(maps, maps, latents, 1).item() == pytest.approx(5, rel=1e-5)


def test_unseen_identities_are_compared_in_single_precision() -> None:
    logits = [random(3, 4, seed=seed).bfloat16() for seed in range(3)]
    shares = torch.tensor([0.1, 0.3, 0.7]).bfloat16()
    half = unseen_identity_loss(*logits, shares)
    single = unseen_identity_loss(*(each.float() for each in logits), shares.float())
    assert half.dtype == torch.float32
    assert torch.equal(half, single)
