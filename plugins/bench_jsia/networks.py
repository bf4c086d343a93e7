"""The networks of the generation module: modality-specific encoders and decoders (Sec. 4.2).

B: batch, C: channels, H, W and h, w: height and width of images and of maps, S: style numbers.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.nn import functional

from bench_core.methods import ImageNormalization

Start: TypeAlias = Literal["he", "default"]

STYLE_FEATURES = 128
MODULATION_WIDTH = 256
MOST_DOUBLINGS = 2
"""After so many strided convolutions a style encoder's channels grow no more."""
LUMA = (0.2989, 0.587, 0.114)


class GreyNormalization(ImageNormalization):
    """The authors' input of E^i: grey value of the normalised image, three times."""

    luma: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        # On the device before it is needed: no CUDA graph is captured of a copy from the host.
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalise images (B, 3, H, W) in [0, 1], then make them grey."""
        grey = (super().forward(images) * self.luma).sum(1, keepdim=True)
        return grey.expand(-1, 3, -1, -1)


class StyleEncoder(nn.Module):
    """Modality-specific encoder E^s of one modality (Eq. 1).

    A 7x7 convolution, strided 4x4 convolutions, global average pooling, a linear layer.

    Args:
        width: Channels of the first convolution; the first two strided ones double them.
        num_downsamplings: Strided convolutions.
        start: See `initialize`.
    """

    def __init__(self, *, width: int = 32, num_downsamplings: int = 2, start: Start = "he") -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, width, 7), nn.ReLU(inplace=True)]
        for index in range(num_downsamplings):
            outputs = width * 2 if index < MOST_DOUBLINGS else width
            layers += [_convolution(width, outputs, 4, stride=2), nn.ReLU(inplace=True)]
            width = outputs
        self.layers = nn.Sequential(*layers)
        self.project = nn.Linear(width, STYLE_FEATURES)
        initialize(self, start)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Encode images (B, 3, H, W) in [-1, 1] as styles (B, S)."""
        styles: torch.Tensor = self.project(self.layers(images).mean((2, 3)))
        return styles


class AdaptiveResidualBlock(nn.Module):
    """Residual block with adaptive instance normalisation (AdaIN) behind both convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels, 3)
        self.second = _convolution(channels, channels, 3)

    def forward(self, maps: torch.Tensor, modulation: torch.Tensor) -> torch.Tensor:
        """Return maps of the same shape.

        Args:
            maps: (B, C, h, w).
            modulation: (B, 2, 2, C): for both convolutions, shifts and then scales.
        """
        first, second = modulation.unbind(1)
        change = functional.relu(adaptive_normalization(self.first(maps), first))
        return maps + adaptive_normalization(self.second(change), second)


class Decoder(nn.Module):
    """Decoder D of one modality: from content maps and a style to an image (Eq. 3).

    Residual blocks whose AdaIN parameters a multilayer perceptron makes of the style, doublings by
    nearest neighbour with a 5x5 convolution and layer normalisation, a 7x7 convolution, tanh.

    Args:
        channels: C of the content maps; each doubling halves them.
        num_blocks: Residual blocks.
        num_upsamplings: Doublings.
        start: See `initialize`.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_blocks: int = 4,
        num_upsamplings: int = 2,
        start: Start = "he",
    ) -> None:
        super().__init__()
        self._shape = (num_blocks, 2, 2, channels)
        self.modulation = nn.Sequential(
            nn.Linear(STYLE_FEATURES, MODULATION_WIDTH),
            nn.ReLU(inplace=True),
            nn.Linear(MODULATION_WIDTH, MODULATION_WIDTH),
            nn.ReLU(inplace=True),
            nn.Linear(MODULATION_WIDTH, num_blocks * 2 * 2 * channels),
        )
        self.blocks = nn.ModuleList(AdaptiveResidualBlock(channels) for _ in range(num_blocks))
        layers: list[nn.Module] = []
        for _ in range(num_upsamplings):
            layers += [
                nn.Upsample(scale_factor=2),
                _convolution(channels, channels // 2, 5),
                nn.GroupNorm(1, channels // 2),  # layer normalisation with a scale a channel
                nn.ReLU(inplace=True),
            ]
            channels //= 2
        self.upsample = nn.Sequential(*layers, _convolution(channels, 3, 7), nn.Tanh())
        initialize(self, start)

    def forward(self, maps: torch.Tensor, styles: torch.Tensor) -> torch.Tensor:
        """Decode.

        Args:
            maps: (B, C, h, w), the modality-invariant features.
            styles: (B, S), the modality-specific features.

        Returns:
            Images (B, 3, H, W) in [-1, 1].
        """
        modulations = self.modulation(styles).unflatten(1, self._shape).unbind(1)
        for block, modulation in zip(self.blocks, modulations, strict=True):
            maps = block(maps, modulation)
        images: torch.Tensor = self.upsample(maps)
        return images


def adaptive_normalization(maps: torch.Tensor, modulation: torch.Tensor) -> torch.Tensor:
    """Instance normalisation whose shift and scale come from elsewhere (AdaIN).

    Args:
        maps: (B, C, h, w).
        modulation: (B, 2, C), the shift and the scale of each channel; the scale is taken as it is.
    """
    shift, scale = modulation[..., None, None].unbind(1)
    return functional.instance_norm(maps) * scale + shift


def initialize(network: nn.Module, start: Start = "he") -> None:
    """Give a fresh network its initial values.

    Args:
        network: As PyTorch made it.
        start: "he" draws weights for ReLU (He et al. 2015) and sets biases to zero; "default"
            leaves both as they are, and draws the scales of layer normalisation uniformly, as
            the authors' code.
    """
    for module in network.modules():
        if start == "default":
            if isinstance(module, nn.GroupNorm):
                nn.init.uniform_(module.weight)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size of its input, but for the stride."""
    padding = (size - 1) // 2
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=padding, padding_mode="reflect")
