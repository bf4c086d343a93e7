"""The networks of DNS: the shifts HSS and CSS, and the two-stream backbone with them."""

from __future__ import annotations

import torch
from torch import nn

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import Backbone, TwoStream, TwoStreamNeck

REDUCTION, FEWEST_CHANNELS = 32, 8
WIDENING, DROPOUT = 4, 0.01


class SpaceShift(nn.Module):
    """HSS: maps are weighed by a coordinate attention that looks at them a little shifted.

    The shift of a channel is softmax_H(maximum over W) x softmax_W(maximum over H), an outer
    product that sums to one. Attention sees x + shift and weighs x by rows and by columns.

    Args:
        channels: C, of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(FEWEST_CHANNELS, channels // REDUCTION)
        self.joint = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.Hardswish()
        )
        self.of_rows = nn.Conv2d(inner, channels, 1, bias=False)
        self.of_columns = nn.Conv2d(inner, channels, 1, bias=False)

    @staticmethod
    def shift(maps: torch.Tensor) -> torch.Tensor:
        """Return the shift (B, C, h, w) of maps."""
        rows = maps.amax(3, keepdim=True).softmax(2)
        columns = maps.amax(2, keepdim=True).softmax(3)
        return rows * columns

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Weigh maps (B, C, h, w)."""
        shifted = maps + self.shift(maps)
        rows, columns = shifted.mean(3, keepdim=True), shifted.mean(2, keepdim=True)
        seen = self.joint(torch.cat([rows, columns.transpose(2, 3)], 2))
        by_row, by_column = seen.split([maps.shape[2], maps.shape[3]], 2)
        weights = torch.sigmoid(self.of_rows(by_row))
        weighed: torch.Tensor = (
            maps * weights * torch.sigmoid(self.of_columns(by_column.transpose(2, 3)))
        )
        return weighed


class ChannelShift(nn.Module):
    """CSS: features, shifted by the softmax over their channels, pass a network of two layers.

    Args:
        num_features: D.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        inner = WIDENING * num_features
        self.layers = nn.Sequential(
            nn.LayerNorm(num_features),
            nn.Linear(num_features, inner),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(inner, num_features),
            nn.Dropout(DROPOUT),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return z_hat (B, D) of averaged maps (B, D)."""
        shifted: torch.Tensor = self.layers(features + features.softmax(1))
        return shifted


class ShiftedTwoStream(nn.Module):
    """A backbone split behind its second stage, with HSS behind the third and the fourth.

    Args:
        backbone: What is split; it becomes a part of this network.
        shifted: Whether there is HSS.

    Attributes:
        num_features: D, length of the pooled feature.
        two_stream: The backbone.
        layer3: Its shared third stage.
        layer4: Its shared fourth stage.
        shifts: HSS by stage.
    """

    def __init__(self, backbone: Backbone, *, shifted: bool) -> None:
        super().__init__()
        self.num_features = backbone.num_features
        self._behind_third = len(backbone.split(2)[1]) - len(backbone.split(3)[1])
        self.two_stream = TwoStream(backbone, 2)
        self.shifts = nn.ModuleDict()
        if shifted:
            for stage in (3, 4):
                channels = backbone.stage_channels[stage - 1]
                self.shifts[f"stage{stage}"] = SpaceShift(channels)

    @property
    def layer3(self) -> nn.Sequential:
        """The shared third stage."""
        return nn.Sequential(*list(self.two_stream.shared)[: self._behind_third])

    @property
    def layer4(self) -> nn.Sequential:
        """The shared fourth stage."""
        return nn.Sequential(*list(self.two_stream.shared)[self._behind_third :])

    def shared(self, maps: torch.Tensor) -> torch.Tensor:
        """Return feature maps (B, D, h, w) of what stems returned; they are not negative."""
        for stage, layers in ((3, self.layer3), (4, self.layer4)):
            maps = layers(maps)
            if f"stage{stage}" in self.shifts:
                maps = self.shifts[f"stage{stage}"](maps)
        return maps

    def forward(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return feature maps (B, D, h, w) of normalised images of one modality."""
        return self.shared(self.two_stream.stems[modality](images))

    def both(self, visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
        """Return feature maps of both modalities, visible ones first: (2B, D, h, w).

        They go through the shared layers together, and so share batch statistics there.
        """
        stems = self.two_stream.stems
        return self.shared(torch.cat([stems[VISIBLE](visible), stems[INFRARED](infrared)]))


class ShiftNeck(TwoStreamNeck):
    """A `TwoStreamNeck` whose shift learns."""

    def __init__(self, num_features: int, num_identities: int) -> None:
        super().__init__(num_features, num_identities)
        self.normalization.bias.requires_grad_(True)  # noqa: FBT003
