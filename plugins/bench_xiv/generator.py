"""The X modality: the lightweight generator g and its fixed special cases (Table 5)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from bench_core.methods import gray_value
from bench_xiv.config import XSource

Channel = Callable[[torch.Tensor], torch.Tensor]

LUMA_RANGE = (16 / 255, 219 / 255)
"""BT.601 studio range of Y, by which the case `y` differs from the case `gray`."""


class LearnedX(nn.Module):
    """g of Eq. 1: 1x1 convolution 3 -> 1, ReLU, 1x1 convolution 1 -> 3.

    It starts as the special case "mean": with a random start the single ReLU unit is dead, or
    dead for every grey pixel, in a large share of the seeds, and never learns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(3, 1, 1)
        self.expand = nn.Conv2d(1, 3, 1)
        with torch.no_grad():
            self.reduce.weight.fill_(1 / 3)
            self.expand.weight.fill_(1)
            self.reduce.bias.zero_()  # type: ignore[union-attr]
            self.expand.bias.zero_()  # type: ignore[union-attr]

    def intensity(self, visible: torch.Tensor) -> torch.Tensor:
        """Return the one-channel image (B, 1, H, W) behind the ReLU."""
        return torch.relu(self.reduce(visible))

    def forward(self, visible: torch.Tensor) -> torch.Tensor:
        """Map visible images (B, 3, H, W) in [0, 1] to X images of the same shape, unbounded."""
        expanded: torch.Tensor = self.expand(self.intensity(visible))
        return expanded


class FixedX(nn.Module):
    """A special case of g: one channel of a colour space, repeated three times (Table 5)."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def forward(self, visible: torch.Tensor) -> torch.Tensor:
        """Map visible images (B, 3, H, W) in [0, 1] to X images of the same shape and range."""
        return self._channel(visible).expand(-1, 3, -1, -1)


def build_x_source(source: XSource) -> nn.Module | None:
    """Build what makes X from a visible image; None where the variant has no X."""
    if source == "none":
        return None
    if source == "learned":
        return LearnedX()
    channels: dict[str, Channel] = {"mean": _mean, "gray": gray_value, "v": _value, "y": _luma}
    return FixedX(channels[source])


def _mean(visible: torch.Tensor) -> torch.Tensor:
    return visible.mean(1, keepdim=True)


def _value(visible: torch.Tensor) -> torch.Tensor:
    return visible.amax(1, keepdim=True)


def _luma(visible: torch.Tensor) -> torch.Tensor:
    offset, scale = LUMA_RANGE
    return offset + scale * gray_value(visible)
