"""The losses of XIV, against loops written from Eqs. 3 to 10 in double precision."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_xiv.losses import cross_modality_gap, modality_respective_gap

Rows = list[list[float]]
TOLERANCE = 1e-5
MARGINS = st.sampled_from([0.0, 0.3, 0.5, 2.0])
NUM_IDENTITIES = 4


class Modalities(NamedTuple):
    """Features (M, D) of two modalities, image by image of the same identities."""

    infrared: torch.Tensor
    other: torch.Tensor
    labels: torch.Tensor


@st.composite
def modalities(draw: st.DrawFn) -> Modalities:
    """Draw features on a grid: some coincide, and single precision holds them exactly."""
    labels = draw(st.lists(st.integers(0, NUM_IDENTITIES - 1), min_size=2, max_size=9).filter(
        lambda drawn: len(set(drawn)) > 1))  # fmt: skip
    row = st.lists(st.integers(-8, 8).map(lambda step: step / 4), min_size=3, max_size=3)
    rows = st.lists(row, min_size=len(labels), max_size=len(labels))
    return Modalities(torch.tensor(draw(rows)), torch.tensor(draw(rows)), torch.tensor(labels))


def distance(first: list[float], second: list[float]) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)))


def equation_5(anchors: Rows, candidates: Rows, labels: list[int], margin: float) -> float:
    """Sum over i of [margin + max over y_j = y_i of D(i, j) - min over y_k != y_i of D(i, k)]_+."""
    total = 0.0
    for i, anchor in enumerate(anchors):
        farthest, nearest = -math.inf, math.inf
        for j, candidate in enumerate(candidates):
            if labels[j] == labels[i]:
                farthest = max(farthest, distance(anchor, candidate))
            else:
                nearest = min(nearest, distance(anchor, candidate))
        total += max(margin + farthest - nearest, 0.0)
    return total


def equation_4(infrared: Rows, other: Rows, labels: list[int], margin: float) -> float:
    """(1 / M) (L_{I-X} + L_{X-I})."""
    forth = equation_5(infrared, other, labels, margin)
    back = equation_5(other, infrared, labels, margin)
    return (forth + back) / len(labels)


def equation_9(logits: Rows, labels: list[int]) -> float:
    """Minus the sum of y_i log(p_i)."""
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        total -= math.log(math.exp(row[label]) / sum(math.exp(logit) for logit in row))
    return total


def close(value: torch.Tensor, expected: float) -> bool:
    return math.isclose(value.item(), expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


@given(modalities(), MARGINS)
def test_the_cross_modality_gap_is_equations_4_to_6(drawn: Modalities, margin: float) -> None:
    expected = equation_4(*(part.tolist() for part in drawn), margin)
    assert close(cross_modality_gap(*drawn, margin), expected)


@given(modalities(), MARGINS, st.data())
def test_the_modality_respective_gap_is_equations_8_to_10(
    drawn: Modalities, margin: float, data: st.DataObject
) -> None:
    row = st.lists(st.floats(-6, 6, width=32), min_size=NUM_IDENTITIES, max_size=NUM_IDENTITIES)
    size = len(drawn.labels)
    logits = torch.tensor(data.draw(st.lists(row, min_size=size, max_size=size)))
    identity, triplet = modality_respective_gap(
        drawn.infrared, logits, drawn.labels, margin=margin, smoothing=0
    )
    features, labels = drawn.infrared.tolist(), drawn.labels.tolist()
    assert close(identity, equation_9(logits.tolist(), labels) / size)
    assert close(triplet, equation_5(features, features, labels, margin) / size)


@given(modalities(), MARGINS)
def test_the_cross_modality_gap_does_not_care_which_is_which(
    drawn: Modalities, margin: float
) -> None:
    swapped = cross_modality_gap(drawn.other, drawn.infrared, drawn.labels, margin)
    assert close(cross_modality_gap(*drawn, margin), swapped.item())


def test_the_cross_modality_gap_never_mines_inside_a_modality() -> None:
    """Infrared images of two identities coincide; across modalities all is well."""
    labels = torch.tensor([0, 1])
    infrared = torch.tensor([[0.0, 0.0], [0.1, 0.0]])
    visible = torch.tensor([[-5.0, 0.0], [5.1, 0.0]])
    # Each anchor's positive is 5 away; the nearest negative across modalities is 5.1 away.
    assert close(cross_modality_gap(infrared, visible, labels, 0.1), 0.0)
    respective = modality_respective_gap(
        infrared, torch.zeros(2, 2), labels, margin=0.3, smoothing=0
    )
    assert close(respective[1], 0.2)


def test_the_modality_respective_gap_never_mines_across_modalities() -> None:
    """Within each modality identities lie far apart; across them every match is wrong."""
    labels = torch.tensor([0, 1])
    infrared, visible = torch.tensor([[0.0], [9.0]]), torch.tensor([[9.0], [0.0]])
    for features in (infrared, visible):
        assert modality_respective_gap(
            features, torch.zeros(2, 2), labels, margin=0.3, smoothing=0
        )[1] == 0.0  # fmt: skip
    # Four anchors, each margin + 9 - 0; divided by M = 2, not by the 4 images.
    assert close(cross_modality_gap(infrared, visible, labels, 0.5), 4 * 9.5 / 2)


def test_smoothing_spreads_a_share_of_the_target() -> None:
    logits, labels = torch.tensor([[2.0, 0.0], [0.0, 3.0]]), torch.tensor([0, 1])
    features = torch.tensor([[0.0], [9.0]])
    plain, smooth = (
        modality_respective_gap(features, logits, labels, margin=0.3, smoothing=share)[0].item()
        for share in (0.0, 0.1)
    )
    # Half of a tenth moves to the other identity, whose logit is 2 and 3 lower.
    assert math.isclose(smooth - plain, 0.05 * (2 + 3) / 2, rel_tol=1e-5)


@given(modalities(), st.booleans())
def test_gradients_are_finite_where_features_coincide(drawn: Modalities, collapsed: bool) -> None:
    infrared, other, labels = drawn
    if collapsed:
        infrared, other = torch.zeros_like(infrared), torch.zeros_like(other)
    infrared, other = infrared.clone().requires_grad_(), other.clone().requires_grad_()
    _, triplet = modality_respective_gap(
        infrared, torch.zeros(len(labels), NUM_IDENTITIES), labels, margin=0.3, smoothing=0
    )
    (cross_modality_gap(infrared, other, labels, 0.5) + triplet).backward()
    for features in (infrared, other):
        assert features.grad is not None
        assert bool(features.grad.isfinite().all())


def test_a_collapsed_model_costs_its_margins() -> None:
    features, labels = torch.ones(8, 4), torch.arange(4).repeat(2)
    assert close(cross_modality_gap(features, features, labels, 0.5), 2 * 0.5)
