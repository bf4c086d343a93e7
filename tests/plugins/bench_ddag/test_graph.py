"""CGSA, against loops over pairs of images written from its description."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from bench_ddag.graph import GraphLayer, SampleGraph, attend

Vector = list[float]
Matrix = list[Vector]


class Drawn(NamedTuple):
    """Features of images (N, F) with labels (N,), and a layer for them."""

    features: torch.Tensor
    labels: torch.Tensor
    layer: GraphLayer


@st.composite
def drawn_layers(draw: st.DrawFn) -> Drawn:
    labels = draw(st.lists(st.integers(0, 3), min_size=1, max_size=8))
    heads, inputs, outputs = (draw(st.integers(1, 3)) for _ in range(3))
    torch.manual_seed(draw(st.integers(0, 1000)))
    layer = GraphLayer(inputs, outputs, heads).double()
    features = 2 * torch.randn(len(labels), inputs, dtype=torch.float64)
    return Drawn(features, torch.tensor(labels), layer)


def projected(weights: Matrix, vector: Vector) -> Vector:
    """W x, with W given as one row for each entry of x."""
    return [
        sum(x * row[column] for x, row in zip(vector, weights, strict=True))
        for column in range(len(weights[0]))
    ]


def leaky(value: float) -> float:
    return value if value > 0 else 0.2 * value


def elu(value: float) -> float:
    return value if value > 0 else math.exp(value) - 1


def gathered(features: Matrix, labels: list[int], weights: Matrix, attention: Matrix) -> Matrix:
    """One head: a softmax over the images of the same person, pair by pair."""
    images = [projected(weights, feature) for feature in features]
    found = []
    for image, label in zip(images, labels, strict=True):
        neighbours = [each for each, other in zip(images, labels, strict=True) if other == label]
        exponentials = [
            math.exp(
                leaky(
                    sum(
                        a * x
                        for a, x in zip(attention[0] + attention[1], image + seen, strict=True)
                    )
                )
            )
            for seen in neighbours
        ]
        total = sum(exponentials)
        found.append(
            [
                sum(
                    e / total * seen[column]
                    for e, seen in zip(exponentials, neighbours, strict=True)
                )
                for column in range(len(image))
            ]
        )
    return found


def heads_of(layer: GraphLayer) -> list[tuple[Matrix, Matrix]]:
    return list(zip(layer.projection.tolist(), layer.attention.tolist(), strict=True))


def same_person(labels: torch.Tensor) -> torch.Tensor:
    return labels[:, None] == labels


@settings(max_examples=40)
@given(drawn_layers())
def test_each_head_is_a_softmax_over_the_images_of_the_same_person(drawn: Drawn) -> None:
    features, labels, layer = drawn
    found = attend(*layer(features), same_person(labels))
    for head, (weights, attention) in enumerate(heads_of(layer)):
        expected = gathered(features.tolist(), labels.tolist(), weights, attention)
        # Scores are added in single precision, as under mixed precision.
        torch.testing.assert_close(
            found[:, head], torch.tensor(expected).double(), rtol=1e-4, atol=1e-5
        )


def test_logits_are_two_layers_with_an_elu_behind_each() -> None:
    torch.manual_seed(0)
    graph = SampleGraph(6, 4, heads=3, dropout=0.2).double().eval()
    labels = torch.tensor([2, 0, 2, 1, 0, 2])
    features = 2 * torch.randn(6, 6, dtype=torch.float64)
    numbers = labels.tolist()
    hidden: Matrix = [[] for _ in numbers]
    for head in heads_of(graph.heads):
        for row, found in zip(hidden, gathered(features.tolist(), numbers, *head), strict=True):
            row += [elu(value) for value in found]
    (last,) = heads_of(graph.out)
    expected = [[elu(value) for value in row] for row in gathered(hidden, numbers, *last)]
    torch.testing.assert_close(
        graph.classify(features, labels), torch.tensor(expected).double(), rtol=1e-4, atol=1e-5
    )


def test_an_image_alone_gathers_itself() -> None:
    torch.manual_seed(0)
    layer, feature = GraphLayer(4, 3, 2), torch.randn(1, 4)
    weights, scores = layer(feature)
    torch.testing.assert_close(attend(weights, scores, torch.tensor([[True]])), weights)


def test_images_of_other_people_change_nothing() -> None:
    torch.manual_seed(0)
    graph = SampleGraph(8, 5, heads=2, dropout=0.2).eval()
    labels, features = torch.tensor([0, 1, 0, 1]), torch.randn(4, 8)
    changed = features.clone()
    changed[labels == 1] += 3
    before, after = (graph.classify(each, labels) for each in (features, changed))
    torch.testing.assert_close(after[labels == 0], before[labels == 0])
    assert not torch.allclose(after[labels == 1], before[labels == 1])


@pytest.mark.parametrize("dropout", [0.2, 0.5])
def test_attention_weights_are_dropped_at_their_rate_and_scaled(dropout: float) -> None:
    """Every projection is 1 here, so that an image gathers the sum of its weights."""
    number = 200
    ones, scores = torch.ones(number, 1, 1), torch.zeros(number, 1, 2)
    torch.manual_seed(0)
    sums = attend(ones, scores, torch.ones(number, number, dtype=torch.bool), dropout).flatten()
    kept = sums * number * (1 - dropout)  # of the weights of an image, 1 / 200 each
    assert torch.allclose(kept, kept.round(), atol=1e-2)
    assert kept.mean().item() / number == pytest.approx(1 - dropout, abs=0.01)


def test_features_and_weights_are_dropped_in_training_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates: list[tuple[tuple[int, ...], float]] = []

    def noted(values: torch.Tensor, rate: float) -> torch.Tensor:
        rates.append((tuple(values.shape), rate))
        return values

    monkeypatch.setattr(functional, "dropout", noted)
    graph = SampleGraph(8, 5, heads=2, dropout=0.2)
    features, labels = torch.randn(4, 8), torch.tensor([0, 1, 0, 1])
    graph.classify(features, labels)
    in_order = [(4, 8), (4, 4, 2), (4, 8), (4, 4, 1)]
    assert rates == [(shape, 0.2) for shape in in_order]
    rates.clear()
    graph.eval().classify(features, labels)
    assert rates == [(shape, 0.0) for shape in in_order]


def test_weights_start_as_xavier_has_them_with_gain_1_414() -> None:
    torch.manual_seed(0)
    layer = GraphLayer(64, 32, 4)
    bound = 1.414 * math.sqrt(6 / (64 + 32))
    assert 0.98 * bound < layer.projection.abs().max().item() <= bound
    assert layer.projection.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)
    of_attention = 1.414 * math.sqrt(6 / (2 * 32 + 1))
    assert 0.9 * of_attention < layer.attention.abs().max().item() <= of_attention


def test_the_graph_learns_to_tell_people_apart() -> None:
    """Of eight people, three a batch."""
    torch.manual_seed(0)
    graph = SampleGraph(16, 8, heads=4, dropout=0.2)
    optimizer = torch.optim.SGD(graph.parameters(), lr=0.02, momentum=0.9)
    centres, losses = torch.randn(8, 16), []
    for _ in range(80):
        labels = torch.randperm(8)[:3].repeat_interleave(4)
        features = centres[labels] + 0.5 * torch.randn(12, 16)
        loss = functional.cross_entropy(graph.classify(features, labels), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
