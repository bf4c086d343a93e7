"""The networks of D2RL: halves of a variational autoencoder, and a backbone of four channels.

B: batch, C: channels, H, W and h, w: height and width of images and of codes.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from bench_core.methods import Backbone, ImageNormalization, ResidualBlock, initialize_gan

NUM_HALVINGS = 2
RED_GREEN_BLUE = 3


def code_channels(width: int) -> int:
    """Return the channels of a code, for so many at full size."""
    return width << NUM_HALVINGS


class Encoder(nn.Module):
    """The part of an encoder that a modality has to itself.

    A 7x7 convolution, strided 4x4 convolutions that halve the size and double the channels, and
    residual blocks; instance normalisation.

    Args:
        channels: Of the images.
        width: Channels at full size.
        num_blocks: Residual blocks.
    """

    def __init__(self, channels: int, *, width: int, num_blocks: int) -> None:
        super().__init__()
        widths = [width << halvings for halvings in range(NUM_HALVINGS + 1)]
        layers = [nn.Conv2d(channels, width, 7, padding=3, bias=False), *_activated(width)]
        for inputs, outputs in pairwise(widths):
            layers.append(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False))
            layers += _activated(outputs)
        self.layers = nn.Sequential(*layers, *_blocks(widths[-1], num_blocks))
        initialize_gan(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return maps (B, C, H / 4, W / 4) of images (B, channels, H, W) in [-1, 1]."""
        maps: torch.Tensor = self.layers(images)
        return maps


class Decoder(nn.Module):
    """The part of a decoder that a modality has to itself: an encoder's, turned round.

    Args:
        channels: Of the images.
        width: Channels at full size.
        num_blocks: Residual blocks.
    """

    def __init__(self, channels: int, *, width: int, num_blocks: int) -> None:
        super().__init__()
        widths = [width << halvings for halvings in range(NUM_HALVINGS + 1)]
        layers: list[nn.Module] = list(_blocks(widths[-1], num_blocks))
        for inputs, outputs in pairwise(reversed(widths)):
            layers.append(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False))
            layers += _activated(outputs)
        layers += [nn.Conv2d(width, channels, 7, padding=3), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        initialize_gan(self)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return images (B, channels, H, W) in [-1, 1] of maps (B, C, H / 4, W / 4)."""
        images: torch.Tensor = self.layers(maps)
        return images


def shared_part(width: int, num_blocks: int) -> nn.Sequential:
    """Build the residual blocks that both encoders end with, or both decoders begin with."""
    blocks = nn.Sequential(*_blocks(code_channels(width), num_blocks))
    initialize_gan(blocks)
    return blocks


def _blocks(channels: int, number: int) -> list[ResidualBlock]:
    return [ResidualBlock(channels) for _ in range(number)]


def _activated(channels: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(channels, affine=True), nn.ReLU(inplace=True)]


class MultispectralNormalization(nn.Module):
    """ImageNet's statistics for red, green and blue, and their mean for infrared."""

    infrared_mean: torch.Tensor
    infrared_std: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.visible = ImageNormalization()
        for name in ("mean", "std"):
            mean = getattr(self.visible, name).mean(1, keepdim=True)
            self.register_buffer(f"infrared_{name}", mean, persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalise images (B, 4, H, W) in [0, 1], infrared last."""
        infrared = (images[:, RED_GREEN_BLUE:] - self.infrared_mean) / self.infrared_std
        return torch.cat([self.visible(images[:, :RED_GREEN_BLUE]), infrared], 1)


class MultispectralBackbone(Backbone):
    """A backbone whose first convolution sees a fourth channel, infrared.

    The kernel of the fourth channel starts as the mean of the other three, those of pretrained
    weights too.

    Args:
        plain: The backbone for three channels; its body becomes this one's.
    """

    def __init__(self, plain: Backbone) -> None:
        super().__init__()
        self.num_features = plain.num_features
        self.stem_channels, self.stage_channels = plain.stem_channels, plain.stage_channels
        self.imagenet, self._stage_ends = plain.imagenet, plain._stage_ends
        self._plain_layers, self._plain_state = plain._layers, plain._without_classifier
        self.body = plain.body
        self._first = _widen_first_convolution(self.body)

    def _layers(self) -> list[nn.Module]:
        return self._plain_layers()

    def _without_classifier(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Reduce torchvision's state to that of the body, and widen the kernel of three channels.

        A kernel of another shape is left for the comparison with the body, which refuses it.
        """
        reduced, name = self._plain_state(state), f"{self._first}.weight"
        kernel = reduced.get(name)
        if kernel is None or kernel.ndim != 4 or kernel.shape[1] != RED_GREEN_BLUE:
            return reduced
        return {**reduced, name: with_mean_channel(kernel)}


def with_mean_channel(kernel: torch.Tensor) -> torch.Tensor:
    """Append the mean over input channels to a kernel: (C, 3, k, k) -> (C, 4, k, k)."""
    return torch.cat([kernel, kernel.mean(1, keepdim=True)], 1)


def _widen_first_convolution(body: nn.Sequential) -> str:
    """Give the first convolution of a body a fourth input channel; return its name."""
    name: str
    name, plain = next(
        (name, module) for name, module in body.named_modules() if isinstance(module, nn.Conv2d)
    )
    wide = nn.Conv2d(
        RED_GREEN_BLUE + 1,
        plain.out_channels,
        plain.kernel_size,  # type: ignore[arg-type]
        stride=plain.stride,  # type: ignore[arg-type]
        padding=plain.padding,  # type: ignore[arg-type]
        bias=False,
    )
    wide.weight = nn.Parameter(with_mean_channel(plain.weight.detach()))
    parent, _, last = name.rpartition(".")
    setattr(body.get_submodule(parent), last, wide)
    return name
