"""IWPA, against loops written from its description in double precision."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from bench_ddag.parts import WeightedParts

NUM_FEATURES, ROWS, COLUMNS, IMAGES = 5, 6, 2, 4
Vector = list[float]


@pytest.fixture
def parts() -> WeightedParts:
    torch.manual_seed(0)
    made = WeightedParts(NUM_FEATURES, 3).double()
    with torch.no_grad():
        made.gate.copy_(torch.tensor([0.4, -0.3, 1.1]))
    return made


@pytest.fixture
def maps() -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    shape = (IMAGES, NUM_FEATURES, ROWS, COLUMNS)
    return 3 * torch.rand(shape, generator=random, dtype=torch.float64)


@pytest.fixture
def feature() -> torch.Tensor:
    random = torch.Generator().manual_seed(2)
    return torch.randn(IMAGES, NUM_FEATURES, generator=random, dtype=torch.float64)


def softmax(values: Vector) -> Vector:
    exponentials = [math.exp(value - max(values)) for value in values]
    return [value / sum(exponentials) for value in exponentials]


def convolved(layer: nn.Linear, vector: Vector) -> Vector:
    return [
        sum(w * x for w, x in zip(row, vector, strict=True)) + bias
        for row, bias in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
    ]


def aggregated(parts: WeightedParts, image: list[list[Vector]], feature: Vector) -> Vector:
    """Add sum_p softmax_p(g) sum_q softmax_q(<u(x_p), v(x_q)>) z(x_q) to b, loop by loop."""
    stripes = [
        [sum(sum(row) for row in channel[2 * p : 2 * p + 2]) / (2 * COLUMNS) for channel in image]
        for p in range(3)
    ]
    queries, keys, values = (
        [convolved(layer, stripe) for stripe in stripes]
        for layer in (parts.query, parts.key, parts.value)
    )
    total = list(feature)
    for weight, query in zip(softmax(parts.gate.tolist()), queries, strict=True):
        scores = [sum(a * b for a, b in zip(query, key, strict=True)) for key in keys]
        for attention, value in zip(softmax(scores), values, strict=True):
            for channel in range(NUM_FEATURES):
                total[channel] += weight * attention * value[channel]
    return total


def test_parts_are_aggregated_as_described(
    parts: WeightedParts, maps: torch.Tensor, feature: torch.Tensor
) -> None:
    expected = [
        aggregated(parts, image, own)
        for image, own in zip(maps.tolist(), feature.tolist(), strict=True)
    ]
    # The sum of scores is in single precision, as under mixed precision.
    torch.testing.assert_close(
        parts.aggregate(maps, feature), torch.tensor(expected).double(), rtol=1e-6, atol=1e-6
    )


def test_the_attended_feature_is_normalised_over_the_batch(
    parts: WeightedParts, maps: torch.Tensor, feature: torch.Tensor
) -> None:
    summed = parts.aggregate(maps, feature)
    centred = summed - summed.mean(0)
    deviation = (summed.var(0, unbiased=False) + 1e-5).sqrt()
    expected = centred / deviation * parts.normalization.weight
    torch.testing.assert_close(parts(maps, feature), expected)


def test_the_parts_count_alike_at_first() -> None:
    made = WeightedParts(NUM_FEATURES, 4)
    assert made.gate.tolist() == pytest.approx([0.25] * 4)


def test_the_scale_starts_near_one_and_the_shift_is_fixed_at_zero() -> None:
    torch.manual_seed(0)
    normalization = WeightedParts(512, 3).normalization
    assert abs(normalization.weight.mean().item() - 1) < 0.003
    assert 0.008 < normalization.weight.std().item() < 0.012
    assert not normalization.bias.requires_grad
    assert not normalization.bias.any()


def test_an_image_sees_its_own_parts_alone(
    parts: WeightedParts, maps: torch.Tensor, feature: torch.Tensor
) -> None:
    alone = torch.cat([parts.aggregate(maps[i, None], feature[i, None]) for i in range(IMAGES)])
    torch.testing.assert_close(parts.aggregate(maps, feature), alone)


def test_maps_with_fewer_rows_than_parts_share_rows(parts: WeightedParts) -> None:
    maps = torch.rand(2, NUM_FEATURES, 2, 3, dtype=torch.float64)
    assert parts.aggregate(maps, maps.mean((2, 3))).shape == (2, NUM_FEATURES)
