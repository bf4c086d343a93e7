"""The batch-normalisation neck between an embedding and its identity classifier."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.nn import functional

Embedding: TypeAlias = Literal["pooled", "pooled-normalized", "neck", "neck-normalized"]
"""What distances are taken between: the feature before or behind the neck, as it is or at unit
length, where Euclidean distances rank as cosine similarity does."""
Neck: TypeAlias = Literal["batch-norm", "none"]
"""What is between the feature and the identity classifier."""


class BNNeck(nn.Module):
    """BNNeck of the bag-of-tricks baseline (Luo et al. 2019, Sec. 3.5).

    The triplet loss sees the feature before the neck, the classifier the feature behind it. The
    shift of the batch normalisation is frozen at zero and the classifier has no bias, so that
    identities are separated by hyperplanes through the origin.
    """

    def __init__(self, num_features: int, num_identities: int) -> None:
        super().__init__()
        self.normalization = nn.BatchNorm1d(num_features)
        self.normalization.bias.requires_grad_(False)  # noqa: FBT003
        self.classifier = nn.Linear(num_features, num_identities, bias=False)
        nn.init.normal_(self.classifier.weight, std=0.001)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalise and classify.

        Args:
            features: (B, D).

        Returns:
            The normalised features (B, D) and the logits (B, num_identities).
        """
        normalized = self.normalization(features)
        return normalized, self.classifier(normalized)


def embed(features: torch.Tensor, embedding: Embedding, neck: nn.Module) -> torch.Tensor:
    """Return what distances are taken between.

    Args:
        features: (B, D), pooled.
        embedding: Which feature.
        neck: From such features to those behind it; run only where they are wanted.

    Returns:
        (B, D).
    """
    if embedding.startswith("neck"):
        features = neck(features)
    return functional.normalize(features) if embedding.endswith("normalized") else features
