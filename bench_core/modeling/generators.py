"""Image-to-image generators. B: batch, H and W: height and width."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

INITIAL_STD = 0.02
"""Standard deviation of a fresh convolution's weights in a GAN (Radford et al. 2016)."""


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with instance normalisation around an identity shortcut.

    No activation follows the sum (Johnson et al. 2016).

    Args:
        channels: Of input and output.
        running_statistics: See `ResidualGenerator`.
    """

    def __init__(self, channels: int, *, running_statistics: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            _normalization(channels, running_statistics),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            _normalization(channels, running_statistics),
        )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return maps of the same shape (B, channels, H, W)."""
        change: torch.Tensor = self.body(maps)
        return maps + change


class ResidualGenerator(nn.Module):
    """Generator of CycleGAN's kind: downsampling, residual blocks, upsampling, tanh.

    A 7x7 convolution, strided 4x4 convolutions that halve the size and double the channels,
    residual blocks, transposed 4x4 convolutions back, a 7x7 convolution. Instance normalisation is
    affine; convolutions have no bias and start from N(0, 0.02).

    Args:
        width: Channels at full size.
        num_blocks: Residual blocks at the smallest size.
        num_downsamplings: Halvings; height and width must be multiples of 2 to this power.
        running_statistics: Whether instance normalisation keeps running statistics and uses them
            in evaluation; otherwise it treats an image there as it does in training.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        num_blocks: int = 4,
        num_downsamplings: int = 2,
        running_statistics: bool = False,
    ) -> None:
        super().__init__()
        widths = [width * 2**halvings for halvings in range(num_downsamplings + 1)]
        layers: list[nn.Module] = [nn.Conv2d(3, width, 7, padding=3, bias=False)]
        layers += _activated(width, running_statistics)
        for inputs, outputs in pairwise(widths):
            layers.append(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False))
            layers += _activated(outputs, running_statistics)
        layers += [
            ResidualBlock(widths[-1], running_statistics=running_statistics)
            for _ in range(num_blocks)
        ]
        for inputs, outputs in pairwise(reversed(widths)):
            layers.append(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False))
            layers += _activated(outputs, running_statistics)
        layers += [nn.Conv2d(width, 3, 7, padding=3, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        initialize_gan(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Translate images (B, 3, H, W) in [-1, 1] into images of the same shape and range."""
        translated: torch.Tensor = self.layers(images)
        return translated


def initialize_gan(network: nn.Module) -> None:
    """Draw the weights of every convolution from N(0, 0.02) and set its bias to zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=INITIAL_STD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _activated(channels: int, running_statistics: bool) -> list[nn.Module]:  # noqa: FBT001
    return [_normalization(channels, running_statistics), nn.ReLU(inplace=True)]


def _normalization(channels: int, running_statistics: bool) -> nn.Module:  # noqa: FBT001
    return nn.InstanceNorm2d(channels, affine=True, track_running_stats=running_statistics)
