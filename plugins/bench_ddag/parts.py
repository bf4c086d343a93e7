"""IWPA: parts of an image, aggregated by attention within the image. B: batch, P: parts."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class WeightedParts(nn.Module):
    """Intra-modality weighted-part aggregation.

    The feature map is averaged over P horizontal stripes x_p. Each gathers from all of them by
    attention, r_p = sum_q softmax_q(<u(x_p), v(x_q)>) z(x_q), without any scaling; u, v and z are
    1x1 convolutions with bias, which of averages are linear maps. What they gathered is added to
    the feature b behind the neck, s = b + sum_p softmax_p(g) r_p with learned weights g, and
    normalised over the batch, with a scale and without shift.

    Args:
        num_features: D, channels of the maps.
        num_parts: P.
    """

    def __init__(self, num_features: int, num_parts: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(num_features, num_features) for _ in range(3))
        self.gate = nn.Parameter(torch.full((num_parts,), 1 / num_parts))
        self.normalization = nn.BatchNorm1d(num_features)
        self.normalization.bias.requires_grad_(False)  # noqa: FBT003
        nn.init.normal_(self.normalization.weight, mean=1.0, std=0.01)

    def forward(self, maps: torch.Tensor, feature: torch.Tensor) -> torch.Tensor:
        """Return the attended feature (B, D), behind its normalisation.

        Args:
            maps: Feature maps (B, D, h, w).
            feature: b (B, D), of the same images.
        """
        attended: torch.Tensor = self.normalization(self.aggregate(maps, feature))
        return attended

    def aggregate(self, maps: torch.Tensor, feature: torch.Tensor) -> torch.Tensor:
        """Return s (B, D), the attended feature before its normalisation; see `forward`."""
        stripes = functional.adaptive_avg_pool2d(maps, (len(self.gate), 1)).flatten(2)
        parts = stripes.transpose(1, 2)  # (B, P, D)
        scores = self.query(parts) @ self.key(parts).transpose(1, 2)
        gathered = scores.float().softmax(2).to(scores.dtype) @ self.value(parts)
        attended: torch.Tensor = feature + (self.gate.softmax(0)[:, None] * gathered).sum(1)
        return attended
