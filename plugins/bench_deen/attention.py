"""Multi-stage feature aggregation (MFA): attention between the maps of two stages.

B: batch, C: channels of the higher stage, c: of the lower one. The two attentions have no softmax,
so their products may be taken in any order: the one with the fewest multiply-adds is taken.
"""

from __future__ import annotations

import torch
from torch import nn


class FeatureAggregation(nn.Module):
    """MFA: the maps of a stage gain from those that went into it, by channels, then by places.

    It starts as the identity.

    Args:
        high: C, of the maps that come out of the stage.
        low: c, of those that go into it; even.
        stride: How many times smaller the stage makes maps.
    """

    def __init__(self, high: int, low: int, stride: int) -> None:
        super().__init__()
        self.channels = ChannelAttention(high, low, stride)
        self.positions = PositionAttention(high, low)

    def forward(self, maps: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        """Return maps (B, C, h, w) of the shape of those given.

        Args:
            maps: (B, C, h, w), out of the stage.
            low: (B, c, stride h, stride w), into the stage.
        """
        attended: torch.Tensor = self.positions(self.channels(maps, low), low)
        return attended


class ChannelAttention(nn.Module):
    """CNL: adds what each of c channels draws from all others.

    z = x + BN(W(A g(l))) with A = theta(x) phi(l)^T / c, a matrix of c x c. Where the stage makes
    maps smaller, phi and W do so too.

    Args:
        high: C.
        low: c.
        stride: Of phi and W.
    """

    def __init__(self, high: int, low: int, stride: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(high, low, 1)
        self.phi = nn.Conv2d(low, low, 1, stride=stride)
        self.g = nn.Conv2d(low, low, 1)
        self.out = _silent_out(low, high, stride)

    def forward(self, maps: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        """Return maps (B, C, h, w); see `FeatureAggregation`."""
        theta, phi = self.theta(maps).flatten(2), self.phi(low).flatten(2)
        attention = theta @ phi.transpose(1, 2) / phi.shape[1]
        drawn = (attention @ self.g(low).flatten(2)).unflatten(2, low.shape[2:])
        added: torch.Tensor = self.out(drawn)
        return maps + added


class PositionAttention(nn.Module):
    """PNL: adds what each place draws from all places of the lower stage.

    z = x + BN(W(y)) with y_i = (1 / n) sum_j <theta(x)_i, phi(l)_j> g(l)_j. As in the authors'
    code, the upper and the lower half of each of the c/2 maps of theta, phi and g stand as two
    channels: a place is a pair of places, one in each half, and n is half the number of places.

    Args:
        high: C.
        low: c, even.
    """

    def __init__(self, high: int, low: int) -> None:
        super().__init__()
        width = low // 2
        self.theta = nn.Conv2d(high, width, 1)
        self.phi = nn.Conv2d(low, width, 1)
        self.g = nn.Conv2d(low, width, 1)
        self.out = _silent_out(width, high)

    def forward(self, maps: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        """Return maps (B, C, h, w); see `FeatureAggregation`. h w and h' w' must be even."""
        reduced = self.theta(maps)
        theta, phi, g = (_halves(each) for each in (reduced, self.phi(low), self.g(low)))
        gathered = g @ phi.transpose(1, 2) / phi.shape[2]
        drawn = (gathered @ theta).reshape(reduced.shape)
        added: torch.Tensor = self.out(drawn)
        return maps + added


def _halves(maps: torch.Tensor) -> torch.Tensor:
    """Turn maps (B, c/2, h, w) into (B, c, h w / 2): upper half, lower half, upper half, ..."""
    number, channels = maps.shape[:2]
    return maps.reshape(number, 2 * channels, -1)


def _silent_out(inner: int, outer: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution and a normalisation that at first gives zeros."""
    normalization = nn.BatchNorm2d(outer)
    nn.init.zeros_(normalization.weight)
    nn.init.zeros_(normalization.bias)
    return nn.Sequential(nn.Conv2d(inner, outer, 1, stride=stride), normalization)
