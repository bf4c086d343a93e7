"""Non-local attention blocks, and the two-stream backbone that has them (AGW, Ye et al. 2022)."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import nn

from bench_core.contracts.images import INFRARED, MODALITIES, VISIBLE, Modality
from bench_core.modeling.backbones import Backbone
from bench_core.modeling.two_stream import TwoStream

InnerChannels: TypeAlias = Literal["one", "half"]
"""Width of a block inside: what AGW's public code comes to, or half of the maps' channels."""
BLOCKS_WITH_ATTENTION = {2: 2, 3: 3}
"""By stage, behind how many of its last residual blocks a non-local block stands."""


class NonLocalBlock(nn.Module):
    """Adds to each place what it draws from all others (Wang et al. 2018, dot product form).

    z = x + BN(W(y)) with y_i = (1 / N) sum_j <theta(x_i), phi(x_j)> g(x_j) over the N places. Scale
    and shift of the normalisation start at zero: the block starts as the identity.

    Args:
        channels: C, of the maps.
        inner: Channels of theta, phi and g.
    """

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, inner, 1)
        self.phi = nn.Conv2d(channels, inner, 1)
        self.g = nn.Conv2d(channels, inner, 1)
        normalization = nn.BatchNorm2d(channels)
        nn.init.zeros_(normalization.weight)
        nn.init.zeros_(normalization.bias)
        self.out = nn.Sequential(nn.Conv2d(inner, channels, 1), normalization)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return maps of the shape (B, C, h, w) of those given."""
        theta, phi, g = (layer(maps).flatten(2) for layer in (self.theta, self.phi, self.g))
        # Linear in all three: phi and g meet first, at inner^2 numbers instead of N^2 places.
        gathered = phi @ g.transpose(1, 2) / theta.shape[2]
        drawn = (theta.transpose(1, 2) @ gathered).transpose(1, 2)
        added: torch.Tensor = self.out(drawn.unflatten(2, maps.shape[2:]))
        return maps + added


class NonLocalTwoStream(nn.Module):
    """A two-stream backbone with non-local blocks in the second and third stage.

    They stand behind the last two residual blocks of stage 2 and the last three of stage 3, or
    behind as many as there are.

    Args:
        backbone: "resnet50" or "small"; it becomes a part of this network.
        inner: Width of the blocks inside; None for a backbone without them.

    Attributes:
        num_features: D, length of the pooled feature.
        two_stream: The backbone itself.
        attention: The non-local blocks by stage and place, such as "stage2-0".
    """

    def __init__(self, backbone: Backbone, inner: InnerChannels | None) -> None:
        super().__init__()
        self.num_features = backbone.num_features
        self.two_stream = TwoStream(backbone)
        self.attention = nn.ModuleDict()
        for number, stage in enumerate(self.two_stream.shared, start=1):
            behind = 0 if inner is None else BLOCKS_WITH_ATTENTION.get(number, 0)
            channels = backbone.stage_channels[number - 1]
            width = 1 if inner == "one" else channels // 2
            for place in range(min(behind, len(_blocks(stage)))):
                self.attention[_name(number, place)] = NonLocalBlock(channels, width)

    def stem(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return the maps of a modality's own layers, of normalised images (B, 3, H, W)."""
        maps: torch.Tensor = self.two_stream.stems[modality](images)
        return maps

    def shared(self, maps: torch.Tensor) -> torch.Tensor:
        """Return feature maps (B, D, h, w) of what stems returned."""
        for number, stage in enumerate(self.two_stream.shared, start=1):
            maps = self._stage(number, stage, maps)
        return maps

    def forward(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return feature maps (B, D, h, w) of normalised images of one modality."""
        return self.shared(self.stem(images, modality))

    def both(self, visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
        """Return feature maps of both modalities, visible ones first: (2B, D, h, w).

        They go through the shared layers together, and so share batch statistics there.
        """
        images = {VISIBLE: visible, INFRARED: infrared}
        return self.shared(torch.cat([self.stem(images[each], each) for each in MODALITIES]))

    def _stage(self, number: int, stage: nn.Module, maps: torch.Tensor) -> torch.Tensor:
        """Run one stage, with its non-local blocks."""
        blocks = _blocks(stage)
        without = len(blocks) - sum(_name(number, i) in self.attention for i in range(len(blocks)))
        for place, block in enumerate(blocks):
            maps = block(maps)
            if place >= without:
                maps = self.attention[_name(number, place - without)](maps)
        return maps


def _name(stage: int, place: int) -> str:
    return f"stage{stage}-{place}"


def _blocks(stage: nn.Module) -> list[nn.Module]:
    """Return the residual blocks of a stage, which may be a single one."""
    return list(stage) if isinstance(stage, nn.Sequential) else [stage]
