"""Shared losses, against loops over one pair after another in double precision."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_core.modeling.losses import (
    TripletDistance,
    batch_hard_triplet,
    cosine_distances,
    cross_batch_hard_triplet,
    euclidean_distances,
    identity_loss,
    prediction_divergence,
    reconstruction_loss,
)

TOLERANCE = 1e-5


class Features(NamedTuple):
    """Features (B, D) with their labels."""

    values: torch.Tensor
    labels: torch.Tensor


@st.composite
def features(draw: st.DrawFn, dimensions: int = 3, identities: int = 3) -> Features:
    """Draw features on a grid, so that some coincide and single precision is exact.

    Every identity is there, so that each feature has a positive and a negative in another draw.
    """
    more = draw(st.lists(st.integers(0, identities - 1), max_size=6))
    labels = draw(st.permutations([*range(identities), *more]))
    place = st.integers(-8, 8).map(lambda step: step / 4)
    row = st.lists(place, min_size=dimensions, max_size=dimensions)
    rows = draw(st.lists(row, min_size=len(labels), max_size=len(labels)))
    return Features(torch.tensor(rows), torch.tensor(labels))


def distance(first: list[float], second: list[float]) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)))


def triplets_slowly(anchors: Features, candidates: Features, margin: float) -> float:
    """Mean over anchors of [margin + farthest positive - nearest negative]_+, pair by pair."""
    total = 0.0
    rows, labels = candidates.values.tolist(), candidates.labels.tolist()
    for row, label in zip(anchors.values.tolist(), anchors.labels.tolist(), strict=True):
        positives = [distance(row, rows[j]) for j in range(len(rows)) if labels[j] == label]
        negatives = [distance(row, rows[k]) for k in range(len(rows)) if labels[k] != label]
        total += max(margin + max(positives) - min(negatives), 0.0)
    return total / len(anchors.labels)


def close(value: torch.Tensor, expected: float) -> bool:
    return value.shape == () and math.isclose(
        value.item(), expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE
    )


@given(features(), features())
def test_distances_are_euclidean(first: Features, second: Features) -> None:
    distances = euclidean_distances(first.values, second.values)
    expected = torch.cdist(
        first.values.double(), second.values.double(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    torch.testing.assert_close(distances.double(), expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_distances_are_single_precision_under_autocast() -> None:
    values = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    plain = euclidean_distances(values, values)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = euclidean_distances(values, values)
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, plain)
    assert euclidean_distances(values.bfloat16(), values.bfloat16()).dtype == torch.float32


@given(features(), features(), st.sampled_from([0.0, 0.3, 0.5]))
def test_triplets_across_two_sets_are_those_of_a_loop(
    anchors: Features, candidates: Features, margin: float
) -> None:
    value = cross_batch_hard_triplet(*anchors, *candidates, margin)
    assert close(value, triplets_slowly(anchors, candidates, margin))


@given(features(), st.sampled_from([0.0, 0.3, 0.5]))
def test_triplets_within_a_set_are_those_of_a_loop(own: Features, margin: float) -> None:
    value = batch_hard_triplet(*own, margin)
    assert close(value, triplets_slowly(own, own, margin))


def test_triplets_of_features_anywhere_are_those_of_a_loop() -> None:
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(6).repeat(4)
    first, second = (Features(torch.randn(24, 16, generator=random), labels) for _ in range(2))
    value = cross_batch_hard_triplet(*first, *second, 0.5)
    assert close(value, triplets_slowly(first, second, 0.5))


def test_a_worked_example() -> None:
    """On a line: 0 and 1 are one person, 3 another; 3 is its own positive at distance 0."""
    values, labels = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1])
    # margin + farthest positive - nearest negative: 2.5 + 1 - 3, 2.5 + 1 - 2, 2.5 + 0 - 2
    assert close(batch_hard_triplet(values, labels, 2.5), (0.5 + 1.5 + 0.5) / 3)


def test_well_separated_identities_cost_nothing() -> None:
    values, labels = torch.tensor([[0.0], [1.0], [9.0], [9.5]]), torch.tensor([0, 0, 1, 1])
    assert batch_hard_triplet(values, labels, 0.5).item() == 0


@given(features(), st.data())
def test_the_order_of_a_batch_does_not_matter(own: Features, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(own.labels))))
    value = batch_hard_triplet(*own, 0.5)
    assert close(batch_hard_triplet(own.values[order], own.labels[order], 0.5), value.item())


@given(features())
def test_gradients_are_finite_where_features_coincide(own: Features) -> None:
    together = own.values.clone()
    together[:] = together[0]
    for values in (own.values, together):
        anchors = values.clone().requires_grad_()
        loss = batch_hard_triplet(anchors, own.labels, 0.5)
        loss.backward()  # type: ignore[no-untyped-call]
        assert anchors.grad is not None
        assert bool(anchors.grad.isfinite().all())


def test_rows_that_coincide_are_a_millionth_apart() -> None:
    row = torch.zeros(1, 3)
    assert euclidean_distances(row, row).item() == pytest.approx(1e-6, rel=1e-3, abs=0)


def test_gradients_pull_the_positive_and_push_the_negative() -> None:
    values = torch.tensor([[0.0], [1.0], [1.5]], requires_grad=True)
    anchor, labels = torch.tensor([[0.0]]), torch.tensor([0, 0, 1])
    loss = cross_batch_hard_triplet(anchor, torch.tensor([0]), values, labels, 1.0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert values.grad is not None
    assert values.grad.flatten().tolist() == pytest.approx([0, 1, -1])


@given(
    st.lists(st.lists(st.floats(-8, 8, width=32), min_size=4, max_size=4), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.1]),
    st.data(),
)
def test_the_identity_loss_is_the_mean_cross_entropy(
    rows: list[list[float]], smoothing: float, data: st.DataObject
) -> None:
    labels = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    total = 0.0
    for row, label in zip(rows, labels, strict=True):
        scale = sum(math.exp(logit) for logit in row)
        for place, logit in enumerate(row):
            target = (1 - smoothing) * (place == label) + smoothing / len(row)
            total -= target * math.log(math.exp(logit) / scale)
    value = identity_loss(torch.tensor(rows), torch.tensor(labels), smoothing)
    assert close(value, total / len(rows))


def test_the_identity_loss_has_no_smoothing_unless_asked() -> None:
    logits, labels = torch.tensor([[50.0, 0.0]]), torch.tensor([0])
    assert identity_loss(logits, labels).item() == 0
    assert identity_loss(logits, labels, 0.1).item() == pytest.approx(0.05 * 50)


def test_the_identity_loss_is_single_precision() -> None:
    logits = torch.zeros(2, 3, dtype=torch.bfloat16)
    assert identity_loss(logits, torch.tensor([0, 1])).dtype == torch.float32


def similarity(first: list[float], second: list[float]) -> float:
    product = sum(a * b for a, b in zip(first, second, strict=True))
    return product / (math.hypot(*first) * math.hypot(*second))


def test_cosine_distances_are_one_minus_the_similarity() -> None:
    random = torch.Generator().manual_seed(0)
    first, second = (torch.randn(n, 4, generator=random) for n in (3, 5))
    expected = [[1 - similarity(a, b) for b in second.tolist()] for a in first.tolist()]
    torch.testing.assert_close(cosine_distances(first, second), torch.tensor(expected))


def test_a_zero_row_has_cosine_distance_one_and_a_finite_gradient() -> None:
    zero = torch.zeros(1, 3, requires_grad=True)
    distance_to_it = cosine_distances(zero, torch.tensor([[1.0, 0.0, 0.0]]))
    assert distance_to_it.item() == 1
    distance_to_it.sum().backward()  # type: ignore[no-untyped-call]
    assert zero.grad is not None
    assert bool(zero.grad.isfinite().all())


def test_cosine_distances_are_single_precision_under_autocast() -> None:
    values = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = cosine_distances(values, values)
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, cosine_distances(values, values))
    assert cosine_distances(values.bfloat16(), values.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0])
def test_cosine_triplets_are_margin_minus_similarity_plus_similarity(margin: float) -> None:
    """AlignGAN, Eq. 3, in similarities: least similar positive, most similar negative."""
    random = torch.Generator().manual_seed(1)
    labels = [0, 0, 1, 1, 2, 2]
    first, second = (torch.randn(6, 4, generator=random) for _ in range(2))
    total = 0.0
    for row, label in zip(first.tolist(), labels, strict=True):
        alike = [similarity(row, other) for other in second.tolist()]
        positive = min(s for s, other in zip(alike, labels, strict=True) if other == label)
        negative = max(s for s, other in zip(alike, labels, strict=True) if other != label)
        total += max(margin - positive + negative, 0.0)
    ids = torch.tensor(labels)
    value = cross_batch_hard_triplet(first, ids, second, ids, margin, distance="cosine")
    assert close(value, total / 6)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_triplets_within_a_set_take_the_set_as_candidates(distance: TripletDistance) -> None:
    values = torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    across = cross_batch_hard_triplet(values, labels, values, labels, 0.5, distance=distance)
    assert torch.equal(batch_hard_triplet(values, labels, 0.5, distance=distance), across)
    assert across.item() > 0


def test_the_divergence_of_predictions_is_that_of_their_probabilities() -> None:
    """Here p = (1/2, 1/2) and q = (1/4, 3/4) in the first row; equal in the second."""
    logits_p = torch.tensor([[0.0, 0.0], [5.0, 1.0]])
    logits_q = torch.tensor([[0.0, math.log(3)], [7.0, 3.0]])
    forth = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    back = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert close(prediction_divergence(logits_p, logits_q), forth / 2)
    assert close(prediction_divergence(logits_q, logits_p), back / 2)


def test_the_divergence_is_single_precision_and_reaches_both_predictions() -> None:
    logits = [torch.randn(3, 4, dtype=torch.bfloat16, requires_grad=True) for _ in range(2)]
    divergence = prediction_divergence(*logits)
    assert divergence.dtype == torch.float32
    divergence.backward()  # type: ignore[no-untyped-call]
    for each in logits:
        assert each.grad is not None
        assert bool((each.grad != 0).any())


def test_reconstruction_is_the_mean_absolute_difference_in_single_precision() -> None:
    images = torch.tensor([[0.0, 1.0], [-1.0, 0.75]])
    restored = torch.tensor([[0.5, 1.0], [0.5, 0.25]])
    for kind in (torch.float32, torch.bfloat16):
        value = reconstruction_loss(restored.to(kind), images.to(kind))
        assert value.item() == pytest.approx((0.5 + 0 + 1.5 + 0.5) / 4)
        assert value.dtype == torch.float32
