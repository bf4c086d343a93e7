"""MFA against loops over channels and places."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench_deen.attention import ChannelAttention, FeatureAggregation, PositionAttention

HIGH, LOW = 6, 4


def awake(attention: nn.Module) -> nn.Module:
    """Give the normalisation a scale and a shift, so that nothing is zero."""
    for layer in attention.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -1, 1)
    return attention.eval()


def maps_of(stride: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(2, HIGH, 4, 3), torch.randn(2, LOW, 4 * stride, 3 * stride)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("stride", [1, 2])
def test_aggregation_starts_as_the_identity(stride: int) -> None:
    maps, low = maps_of(stride)
    assert torch.equal(FeatureAggregation(HIGH, LOW, stride)(maps, low), maps)


@pytest.mark.parametrize("stride", [1, 2])
def test_aggregation_attends_to_channels_and_then_to_places(stride: int) -> None:
    maps, low = maps_of(stride)
    both = FeatureAggregation(HIGH, LOW, stride)
    awake(both)
    torch.testing.assert_close(both(maps, low), both.positions(both.channels(maps, low), low))
    assert not torch.equal(both.positions(maps, low), maps)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_channel_draws_from_the_channels_that_it_resembles(stride: int) -> None:
    attention = ChannelAttention(HIGH, LOW, stride)
    awake(attention)
    maps, low = maps_of(stride)
    theta, phi, g = attention.theta(maps), attention.phi(low), attention.g(low)
    assert phi.shape[2:] == maps.shape[2:]
    assert g.shape[2:] == low.shape[2:]
    drawn = torch.zeros_like(g)
    for image in range(2):
        for a in range(LOW):
            for b in range(LOW):
                alike = (theta[image, a] * phi[image, b]).sum() / LOW
                drawn[image, a] += alike * g[image, b]
    torch.testing.assert_close(attention(maps, low), maps + attention.out(drawn))


@pytest.mark.parametrize("stride", [1, 2])
def test_a_place_draws_from_places_with_both_halves_of_maps_as_channels(stride: int) -> None:
    """Halves by hand: rows 0 and 1 of 4 are the upper half of the higher maps."""
    attention = PositionAttention(HIGH, LOW)
    awake(attention)
    maps, low = maps_of(stride)
    theta, phi, g = attention.theta(maps), attention.phi(low), attention.g(low)

    def pairs(values: torch.Tensor) -> list[torch.Tensor]:
        """For each place of the upper half: its values and those of its partner, (B, c)."""
        middle = values.shape[2] // 2
        upper, lower = values[:, :, :middle].flatten(2), values[:, :, middle:].flatten(2)
        return [torch.cat([upper[..., i], lower[..., i]], 1) for i in range(upper.shape[2])]

    width, (height, columns) = LOW // 2, maps.shape[2:]
    drawn = torch.zeros(2, width, height, columns)
    keys, values = pairs(phi), pairs(g)
    for i, place in enumerate(pairs(theta)):
        found = torch.zeros(2, LOW)
        for key, value in zip(keys, values, strict=True):
            found += (place * key).sum(1, keepdim=True) * value / len(keys)
        row, column = divmod(i, columns)
        drawn[:, :, row, column] = found[:, :width]
        drawn[:, :, row + height // 2, column] = found[:, width:]
    torch.testing.assert_close(attention(maps, low), maps + attention.out(drawn))
