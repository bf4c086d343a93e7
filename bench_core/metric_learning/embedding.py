"""Learned metrics as networks: features in, embeddings out that are compared by distance.

B: images. D: dimensions of a feature. R: of the learned space.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bench_core.contracts.images import VISIBLE, Modality
from bench_core.metric_learning.forms import CommonSpace, QuadraticForm
from bench_core.metric_learning.samples import Floats, LabelledFeatures

MARGIN = 4.0
"""How much larger than in training the negative part of an embedding may be, before it is cut."""


class LearnedMetric(nn.Module):
    """A network that embeds features of a modality by a metric that was learned."""

    def learn(self, learned: Any, samples: LabelledFeatures) -> None:
        """Take over what was learned from samples."""
        raise NotImplementedError

    def forward(self, features: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Map features (B, D) of one modality to embeddings."""
        raise NotImplementedError


class QuadraticMetric(LearnedMetric):
    """A quadratic form as an embedding: squared distances across modalities are d(x, z) + 2 C.

    With M = P P^T - N N^T, a visible x becomes (P^T x, N^T x, sqrt(C - 2|N^T x|^2), 0), and an
    infrared z (P^T z, -N^T z, 0, sqrt(C - 2|N^T z|^2)). The square of their Euclidean distance is
    |P^T(x - z)|^2 + |N^T(x + z)|^2 + 2 C - 2|N^T x|^2 - 2|N^T z|^2 = d(x, z) + 2 C: the order of d,
    which may be negative, without making it semidefinite. Between images of one modality, which
    have the same sign, the negative part counts as positive.

    C is `MARGIN` times what the largest training sample needs, about whose mean all is taken. Where
    2|N^T x|^2 exceeds it, the root is 0, and x is farther from all than d has it.

    Before it has learned, it is a random projection, which nearly keeps Euclidean distances.

    Args:
        num_features: D.
        dimensions: R; a form with fewer directions leaves the rest 0.
        indefinite: Whether forms may have negative directions; else the embedding lacks its last
            two entries.
    """

    def __init__(self, num_features: int, dimensions: int, *, indefinite: bool = False) -> None:
        super().__init__()
        self.indefinite = indefinite
        random = torch.randn(num_features, dimensions) / dimensions**0.5
        self.factor = nn.Parameter(random, requires_grad=False)
        self.signs: torch.Tensor
        self.centre: torch.Tensor
        self.bound: torch.Tensor
        self.register_buffer("signs", torch.ones(dimensions))
        self.register_buffer("centre", torch.zeros(num_features))
        self.register_buffer("bound", torch.zeros(()))

    def learn(self, learned: QuadraticForm, samples: LabelledFeatures) -> None:
        """Take over a form.

        Args:
            learned: With at most R directions, none of them negative unless `indefinite`.
            samples: What it was learned from; they give the centre and C.
        """
        number, centre = learned.factor.shape[1], samples.centre()
        _fill(self.factor, learned.factor)
        self.signs.fill_(1)
        self.signs[:number] = _tensor(learned.signs)
        self.centre.copy_(_tensor(centre))
        negative = learned.factor[:, learned.signs < 0]
        needed = [
            2 * (((features - centre) @ negative) ** 2).sum(1).max()
            for features in (samples.visible, samples.infrared)
        ]
        self.bound.fill_(MARGIN * float(max(needed)))

    def forward(self, features: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Map features (B, D) of one modality to embeddings (B, R), or (B, R + 2)."""
        mapped: torch.Tensor = (features - self.centre) @ self.factor
        if not self.indefinite:
            return mapped
        negative = (mapped.square() * (self.signs < 0)).sum(1, keepdim=True)
        rest, nothing = (self.bound - 2 * negative).clamp(min=0).sqrt(), torch.zeros_like(negative)
        if modality == VISIBLE:
            return torch.cat([mapped, rest, nothing], dim=1)
        return torch.cat([mapped * self.signs, nothing, rest], dim=1)


class CommonSpaceMetric(LearnedMetric):
    """A linear map of each modality into a common space.

    Before it has learned, it is one random projection of both.

    Args:
        num_features: D.
        dimensions: R; a space of fewer leaves the rest 0.
    """

    def __init__(self, num_features: int, dimensions: int) -> None:
        super().__init__()
        random = torch.randn(num_features, dimensions) / dimensions**0.5
        self.visible = nn.Parameter(random, requires_grad=False)
        self.infrared = nn.Parameter(random.clone(), requires_grad=False)
        self.visible_centre: torch.Tensor
        self.infrared_centre: torch.Tensor
        self.register_buffer("visible_centre", torch.zeros(num_features))
        self.register_buffer("infrared_centre", torch.zeros(num_features))

    def learn(self, learned: CommonSpace, samples: LabelledFeatures) -> None:  # noqa: ARG002 - as its base
        """Take over a space of at most R dimensions."""
        _fill(self.visible, learned.visible)
        _fill(self.infrared, learned.infrared)
        self.visible_centre.copy_(_tensor(learned.visible_centre))
        self.infrared_centre.copy_(_tensor(learned.infrared_centre))

    def forward(self, features: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Map features (B, D) of one modality to embeddings (B, R)."""
        if modality == VISIBLE:
            return (features - self.visible_centre) @ self.visible
        return (features - self.infrared_centre) @ self.infrared


@torch.no_grad()
def _fill(parameter: nn.Parameter, columns: Floats) -> None:
    """Set the first columns of a parameter, and the rest to 0."""
    parameter.zero_()
    parameter[:, : columns.shape[1]] = _tensor(columns)


def _tensor(values: Floats) -> torch.Tensor:
    return torch.from_numpy(values).float()
