"""The two heads of cmGAN, each a perceptron on the pooled feature."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

IDENTITY_WIDTHS = (512,)
MODALITY_WIDTHS = (1000, 500)
NUM_MODALITIES = 2


def identity_head(num_features: int, num_identities: int) -> nn.Sequential:
    """Build the head 2048-512-ReLU-identities, from features (B, D) to logits (B, N)."""
    return _perceptron(num_features, *IDENTITY_WIDTHS, num_identities)


def modality_head(num_features: int) -> nn.Sequential:
    """Build the discriminator 2048-1000-500-2, from features (B, D) to logits (B, 2)."""
    return _perceptron(num_features, *MODALITY_WIDTHS, NUM_MODALITIES)


def _perceptron(*widths: int) -> nn.Sequential:
    """Build linear layers with a ReLU behind each but the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])
