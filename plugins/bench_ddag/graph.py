"""CGSA: the images of a batch attend to those of the same person, of either modality.

N: images of the batch, H: heads, F: features in, O: features out of a head.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import nn
from torch.nn import functional

NEGATIVE_SLOPE: Final = 0.2
GAIN: Final = 1.414
"""Of the Xavier initialisation."""


class GraphLayer(nn.Module):
    """What a layer of graph attention (Velickovic et al. 2018) learns: W and a of each head.

    It treats each image by itself, as networks must whose batch may be divided; `attend` brings
    the images together.

    Args:
        inputs: F.
        outputs: O.
        heads: H.

    Attributes:
        projection: W, (H, F, O).
        attention: a, (H, 2, O): its half for the image that looks and its half for that looked at.
    """

    def __init__(self, inputs: int, outputs: int, heads: int) -> None:
        super().__init__()
        self.projection = nn.Parameter(torch.empty(heads, inputs, outputs))
        self.attention = nn.Parameter(torch.empty(heads, 2, outputs))
        with torch.no_grad():
            for projection, attention in zip(self.projection, self.attention, strict=True):
                nn.init.xavier_uniform_(projection, gain=GAIN)
                nn.init.xavier_uniform_(attention.view(2 * outputs, 1), gain=GAIN)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Project features and score them by both halves of a.

        Args:
            features: (N, F).

        Returns:
            W x (N, H, O), and the scores (N, H, 2) of an image that looks and of one looked at.
        """
        projected = torch.einsum("nf,hfo->nho", features, self.projection)
        return projected, torch.einsum("nho,hso->nhs", projected, self.attention)


def attend(
    projected: torch.Tensor, scores: torch.Tensor, same: torch.Tensor, dropout: float = 0.0
) -> torch.Tensor:
    """Let each image gather from those that are connected to it.

    h_i = sum_j softmax_j(LeakyReLU(a^T [W x_i, W x_j])) W x_j over the images j connected to i.

    Args:
        projected: W x, (N, H, O).
        scores: (N, H, 2), as `GraphLayer` has them.
        same: bool (N, N): which images are connected; each at least to itself.
        dropout: Share of the attention weights that is dropped, behind the softmax.

    Returns:
        h, (N, H, O).
    """
    looking, seen = scores.float().unbind(2)
    logits = functional.leaky_relu(looking[:, None] + seen[None], NEGATIVE_SLOPE)
    weights = logits.masked_fill(~same[:, :, None], -torch.inf).softmax(1)
    weights = functional.dropout(weights, dropout).to(projected.dtype)
    return torch.einsum("ijh,jho->iho", weights, projected)


class SampleGraph(nn.Module):
    """Cross-modality graph structured attention, a classifier that training alone runs.

    Two layers of graph attention over the images of a batch, connected where they show the same
    person, whatever their modalities.

    Args:
        num_features: D.
        num_identities: Identities that it tells apart.
        heads: H of the first layer, which make D / H features each, rounded down.
        dropout: Share that is dropped of the inputs of both layers and of attention weights.
    """

    def __init__(
        self, num_features: int, num_identities: int, *, heads: int, dropout: float
    ) -> None:
        super().__init__()
        width = num_features // heads
        self.heads = GraphLayer(num_features, width, heads)
        self.out = GraphLayer(heads * width, num_identities, 1)
        self._dropout = dropout

    def classify(self, features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return logits (N, identities) behind the last ELU.

        No `forward`: the batch of a network may be divided, and here every image needs the others.

        Args:
            features: (N, D), of both modalities.
            labels: int64 (N,).
        """
        same = labels[:, None] == labels
        hidden = self._attend(self.heads, features, same).flatten(1)
        return self._attend(self.out, hidden, same).flatten(1)

    def _attend(
        self, layer: GraphLayer, features: torch.Tensor, same: torch.Tensor
    ) -> torch.Tensor:
        dropout = self._dropout if self.training else 0.0
        projected, scores = layer(functional.dropout(features, dropout))
        return functional.elu(attend(projected, scores, same, dropout))
