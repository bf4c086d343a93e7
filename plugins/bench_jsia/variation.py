"""The variation module V: a latent space of modality-invariant maps, and mixing in it (Sec. 3.2).

B: batch, C: channels of the maps, Z: channels of the latents.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from bench_jsia.networks import initialize

NUM_HALVINGS = 3
INITIAL_DEVIATION = 0.01
"""Noise that starts at 1, where Eq. 10 wants it, drowns the means before they say anything."""


class Latents(NamedTuple):
    """What E^v says of maps: z = mean + deviation * noise (Eq. 9); each (B, Z, h / 8, w / 8)."""

    sample: torch.Tensor
    mean: torch.Tensor
    deviation: torch.Tensor


class Variation(nn.Module):
    """Encoder E^v and decoder D^v (Eq. 9). The paper gives no sizes; these are ours.

    E^v halves the maps three times and has a 1x1 convolution for the means and one for the
    logarithms of the deviations; D^v mirrors it.

    Args:
        channels: C of the maps.
        latent_channels: Z.
    """

    def __init__(self, channels: int, latent_channels: int = 64) -> None:
        super().__init__()
        self.encoder = nn.Sequential()
        self.decoder = nn.ModuleList()
        for _ in range(NUM_HALVINGS):
            self.encoder.append(nn.Conv2d(channels, channels, 3, stride=2, padding=1))
            self.encoder.append(nn.ReLU(inplace=True))
            self.decoder.append(nn.Conv2d(channels, channels, 3, padding=1))
        self.mean = nn.Conv2d(channels, latent_channels, 1)
        self.log_deviation = nn.Conv2d(channels, latent_channels, 1)
        self.expand = nn.Conv2d(latent_channels, channels, 1)
        initialize(self)
        with torch.no_grad():
            self.log_deviation.weight.zero_()
            self.log_deviation.bias.fill_(math.log(INITIAL_DEVIATION))  # type: ignore[union-attr]

    def encode(self, maps: torch.Tensor) -> Latents:
        """Map modality-invariant maps (B, C, h, w) to latents; the noise is torch's global one."""
        seen = self.encoder(maps)
        mean, deviation = self.mean(seen).float(), self.log_deviation(seen).float().exp()
        return Latents(mean + deviation * torch.randn_like(mean), mean, deviation)

    def decode(self, latents: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """Map latents to maps.

        Args:
            latents: (B, Z, h / 8, w / 8).
            like: Maps (..., h, w), of the height and width that are wanted.

        Returns:
            (B, C, h, w).
        """
        maps: torch.Tensor = self.expand(latents)
        for layer, grid in zip(self.decoder, _grids(*like.shape[-2:]), strict=True):
            maps = layer(functional.interpolate(functional.relu(maps), grid))
        return maps


def blend(first: torch.Tensor, second: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Return alpha a + (1 - alpha) b (Eq. 14).

    Args:
        first: a, (B, ...) or (1, ...).
        second: b, of the same shape.
        shares: alpha, (B,) in [0, 1].
    """
    shares = shares.view(-1, *[1] * (first.dim() - 1))
    return shares * first + (1 - shares) * second


def later(values: torch.Tensor, offset: int) -> torch.Tensor:
    """Return the entry `offset` places later within each half, around the half's end.

    With the images of an identity as offset, an entry meets one of the next identity, and of its
    own modality.

    Args:
        values: (2 M, ...), the entries of one modality first.
        offset: In entries.
    """
    return torch.cat([half.roll(-offset, 0) for half in values.chunk(2)])


def _grids(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes that E^v passed on its way down, back up to the first."""
    return [(-(-height // 2**k), -(-width // 2**k)) for k in reversed(range(NUM_HALVINGS))]
