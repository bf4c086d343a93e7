"""Discriminators over images, feature maps and pairs of both. They return logits, not chances.

B: batch; H, W and h, w: height and width of images and of feature maps.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.nn import functional

from bench_core.modeling.generators import initialize_gan

BorderPadding: TypeAlias = Literal["zeros", "reflect"]

NEGATIVE_SLOPE = 0.2


class PatchDiscriminator(nn.Module):
    """Scores the patches of an image: strided 4x4 convolutions, then a 3x3 convolution to one map.

    Instance normalisation without parameters follows every strided convolution but the first.

    Args:
        width: Channels behind the first convolution; each further one doubles them.
        num_layers: Strided convolutions after the first. Images are 2^(num_layers + 1) times the
            height and width of their score map.
    """

    def __init__(self, *, width: int = 64, num_layers: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_halvings(3, width, num_layers + 1, normalize=True),
            nn.Conv2d(width * 2**num_layers, 1, 3, padding=1, bias=False),
        )
        initialize_gan(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Score images (B, 3, H, W) in [-1, 1]: logits (B, 1, h, w), high for real."""
        scores: torch.Tensor = self.layers(images)
        return scores


class MultiScaleDiscriminator(nn.Module):
    """Patch discriminators of one shape at several sizes of the image (Wang et al. 2018).

    Each scale sees the image at half the size of the one before. There is no normalisation; a
    1x1 convolution makes the score.

    Args:
        width: Channels behind the first convolution of a scale; each further one doubles them.
        num_layers: Strided convolutions after the first.
        num_scales: Number of sizes.
        padding: What lies beyond the border of an image and of a map: zeros, or its reflection.
    """

    def __init__(
        self,
        *,
        width: int = 32,
        num_layers: int = 3,
        num_scales: int = 2,
        padding: BorderPadding = "zeros",
    ) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            nn.Sequential(
                *_halvings(3, width, num_layers + 1, normalize=False, padding=padding),
                nn.Conv2d(width * 2**num_layers, 1, 1),
            )
            for _ in range(num_scales)
        )
        self.shrink = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)
        initialize_gan(self)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Score images (B, 3, H, W) in [-1, 1]: one map of logits a scale, the largest first."""
        scores = []
        for index, scale in enumerate(self.scales):
            images = self.shrink(images) if index else images
            scores.append(scale(images))
        return tuple(scores)


class JointDiscriminator(nn.Module):
    """Scores pairs of an image and a feature map (AlignGAN, Sec. 3.3).

    The image passes three strided convolutions; the feature map passes a 1x1 convolution and is
    resized to the grid that the image has by then; two more strided convolutions and a 3x3
    convolution score both together.

    Args:
        feature_channels: Channels of the feature map.
        width: Channels behind the first convolution of the image; each further one doubles them.
            The feature map is reduced to as many.
    """

    def __init__(self, *, feature_channels: int = 2048, width: int = 64) -> None:
        super().__init__()
        self.image_layers = nn.Sequential(*_halvings(3, width, 3, normalize=True))
        self.feature_layers = _reduction(feature_channels, width)
        self.joint_layers = _scoring(width * 5, width * 8)
        initialize_gan(self)

    def forward(self, images: torch.Tensor, feature_maps: torch.Tensor) -> torch.Tensor:
        """Score pairs.

        Args:
            images: (B, 3, H, W) in [-1, 1].
            feature_maps: (B, feature_channels, h, w) of any height and width.

        Returns:
            Logits (B, 1, H / 32, W / 32), high for a real pair.
        """
        seen = self.image_layers(images)
        reduced = _resize(self.feature_layers(feature_maps), (seen.shape[2], seen.shape[3]))
        scores: torch.Tensor = self.joint_layers(torch.cat([seen, reduced], 1))
        return scores


class FeatureDiscriminator(nn.Module):
    """Scores feature maps: `JointDiscriminator` without its image.

    Args:
        feature_channels: Channels of the feature map.
        width: Channels that the feature map is reduced to.
        grid: Height and width that the reduced map is resized to, 4 or more each.
    """

    def __init__(
        self, *, feature_channels: int = 2048, width: int = 64, grid: tuple[int, int] = (16, 16)
    ) -> None:
        super().__init__()
        self.grid = grid
        self.feature_layers = _reduction(feature_channels, width)
        self.layers = _scoring(width, width * 8)
        initialize_gan(self)

    def forward(self, feature_maps: torch.Tensor) -> torch.Tensor:
        """Score maps (B, feature_channels, h, w): logits, a quarter of the grid each way."""
        scores: torch.Tensor = self.layers(_resize(self.feature_layers(feature_maps), self.grid))
        return scores


def _halvings(
    inputs: int, width: int, number: int, *, normalize: bool, padding: BorderPadding = "zeros"
) -> list[nn.Module]:
    """Return strided convolutions of `width`, 2 x `width`, ... channels; the first is plain."""
    layers: list[nn.Module] = []
    for index in range(number):
        outputs = width * 2**index
        layers += _halving(inputs, outputs, normalize=normalize and index > 0, padding=padding)
        inputs = outputs
    return layers


def _halving(
    inputs: int, outputs: int, *, normalize: bool, padding: BorderPadding = "zeros"
) -> list[nn.Module]:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, padding_mode=padding)
    ]
    if normalize:
        layers.append(nn.InstanceNorm2d(outputs))
    return [*layers, nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)]


def _reduction(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True))


def _scoring(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        *_halving(inputs, width, normalize=True),
        *_halving(width, width * 2, normalize=True),
        nn.Conv2d(width * 2, 1, 3, padding=1, bias=False),
    )


def _resize(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return functional.interpolate(maps, size, mode="bilinear", align_corners=False)
