"""The networks of MPANet: gates (MAM), masks (PAM), and the neck of their feature."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from bench_core.methods import Backbone, BNNeck

REDUCTION = 16
"""Channels of maps over those within a gate."""
GATED_STAGES = (3, 4)


class ModalityAlleviation(nn.Module):
    """MAM: instance normalisation takes the modality's style off the channels a gate closes.

    x w + IN(x) (1 - w), where w = sigmoid(W_2 relu(W_1 mean(x))) is a number for each channel.

    Args:
        channels: Of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // REDUCTION, 1)
        self.reduce = nn.Conv2d(channels, inner, 1, bias=False)
        self.expand = nn.Conv2d(inner, channels, 1, bias=False)
        for layer in (self.reduce, self.expand):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def gate(self, maps: torch.Tensor) -> torch.Tensor:
        """Return w (B, C, 1, 1), how much of each channel passes as it is."""
        means = functional.adaptive_avg_pool2d(maps, 1)
        return torch.sigmoid(self.expand(torch.relu(self.reduce(means))))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Normalise maps (B, C, h, w), of more than one place, as far as the gates are closed."""
        open_part = self.gate(maps)
        return maps * open_part + functional.instance_norm(maps) * (1 - open_part)


class PatternNetwork(nn.Module):
    """The backbone that both modalities share, with gates behind its last stages, and masks.

    Args:
        backbone: Of all images.
        patterns: P, number of masks.
        alleviated: Whether there are gates.

    Attributes:
        num_features: (P + 1) D, length of the feature.
    """

    def __init__(self, backbone: Backbone, patterns: int, *, alleviated: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.num_features = (patterns + 1) * backbone.num_features
        self.gates = nn.ModuleDict()
        if alleviated:
            for stage in GATED_STAGES:
                channels = backbone.stage_channels[stage - 1]
                self.gates[f"stage{stage}"] = ModalityAlleviation(channels)
        self.masks: nn.Conv2d | None = None
        if patterns:
            self.masks = nn.Conv2d(backbone.num_features, patterns, 1)
            nn.init.zeros_(self.masks.bias)  # type: ignore[arg-type]

    def maps(self, images: torch.Tensor) -> torch.Tensor:
        """Return the feature maps F (B, D, h, w) of normalised images, which may be negative."""
        for stage, layers in zip(GATED_STAGES, self.backbone.split(3), strict=True):
            images = layers(images)
            if f"stage{stage}" in self.gates:
                images = self.gates[f"stage{stage}"](images)
        return images

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed normalised images of either modality, or of both.

        Args:
            images: (B, 3, H, W).

        Returns:
            The feature [f_1, ... f_P, mean of F] (B, (P + 1) D), where f_p is the mean of M_p F;
            and the masks M (B, P, h, w).
        """
        maps = self.maps(images)
        if self.masks is None:
            return self.backbone.pool(maps), maps[:, :0]
        masks = torch.sigmoid(self.masks(maps))
        seen, places = masks.flatten(2), maps.flatten(2)
        patterns = seen @ places.transpose(1, 2) / places.shape[2]
        return torch.cat([patterns.flatten(1), self.backbone.pool(maps)], 1), masks


class PatternNeck(BNNeck):
    """A `BNNeck` whose classifier starts as PyTorch starts any."""

    def __init__(self, num_features: int, num_identities: int) -> None:
        super().__init__(num_features, num_identities)
        self.classifier.reset_parameters()
