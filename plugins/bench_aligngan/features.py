"""The feature alignment module F (Sec. 3.2): G_f, its classifier and its embedder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn

from bench_aligngan.config import AlignGANConfig
from bench_aligngan.losses import cross_triplet, triplet
from bench_aligngan.networks import Classifier, Encoder
from bench_core.methods import Losses, ParameterGroup, identity_loss


class Embedded(NamedTuple):
    """What F makes of images: maps M (B, D, h, w), logits (B, N) and embeddings (B, E)."""

    maps: torch.Tensor
    logits: torch.Tensor
    embeddings: torch.Tensor


class FeatureModule:
    """F. All images are (B, 3, H, W) in [-1, 1], all labels int64 (B,).

    Attributes:
        networks: Its networks by name.
        num_channels: D, channels of its feature maps.
    """

    def __init__(self, config: AlignGANConfig, num_identities: int) -> None:
        self._config = config
        self._encoder = Encoder(config)
        self.num_channels = self._encoder.backbone.num_features
        self._classifier = Classifier(config, self.num_channels, num_identities)
        # Starts as any linear layer does, unlike the classifier: so in the authors' code.
        self._embedder = nn.Linear(self.num_channels, config.hidden_features)
        self.networks: dict[str, nn.Module] = {
            "encoder": self._encoder,
            "classifier": self._classifier,
            "embedder": self._embedder,
        }

    def vectors(self, images: torch.Tensor) -> torch.Tensor:
        """Return the feature vectors V (B, D) of images."""
        return self._encoder.pool(self._encoder(images))

    def embed(self, images: torch.Tensor) -> Embedded:
        """Run the whole module on images."""
        maps = self._encoder(images)
        vectors = self._encoder.pool(maps)
        return Embedded(maps, self._classifier(vectors), self._embedder(vectors))

    def embed_both(self, real: torch.Tensor, fake: torch.Tensor) -> Embedded:
        """Run the whole module on real and on fake images; the real ones come first."""
        if self._config.batch_statistics == "shared":
            return self.embed(torch.cat([real, fake]))
        pairs = zip(self.embed(real), self.embed(fake), strict=True)
        return Embedded(*(torch.cat(pair) for pair in pairs))

    def real_identity_losses(self, infrared: torch.Tensor, labels: torch.Tensor) -> Losses:
        """Return classification and triplet losses of real infrared images alone."""
        config, (_, logits, embeddings) = self._config, self.embed(infrared)
        return {
            "feature-identity": identity_loss(logits, labels),
            "feature-triplet": triplet(
                embeddings, embeddings, labels, config.triplet_margin, config.mining
            ),
        }

    def identity_losses(self, embedded: Embedded, labels: torch.Tensor) -> Losses:
        """Return the losses of Eq. 5, of what is real and of what is fake.

        Args:
            embedded: X_ir and X'_ir, one after the other.
            labels: Of each half.
        """
        real, fake = embedded.embeddings.chunk(2)
        return {
            "feature-identity": identity_loss(embedded.logits, labels.repeat(2)),
            "feature-triplet": self._cross_triplet(real, fake, labels),
        }

    def fake_identity_losses(
        self, infrared: torch.Tensor, fake: torch.Tensor, labels: torch.Tensor
    ) -> Losses:
        """Return the losses of Eq. 2, the triplet losses without their 1/2.

        The gradient goes through the fake images alone.

        Args:
            infrared: X_ir.
            fake: X'_ir.
            labels: Of both.
        """
        with torch.no_grad():
            real = self._embedder(self.vectors(infrared))
        embedded = self.embed(fake)
        return {
            "pixel-identity": identity_loss(embedded.logits, labels),
            "pixel-triplet": self._cross_triplet(embedded.embeddings, real, labels),
        }

    @contextmanager
    def lent_to_pixels(self) -> Iterator[None]:
        """Put the module into the mode that it is in while P learns, for the block."""
        networks = self.networks.values()
        modes = [network.training for network in networks]
        if self._config.fixed_statistics:
            for network in networks:
                network.eval()
        try:
            yield
        finally:
            for network, mode in zip(networks, modes, strict=True):
                network.train(mode)

    def groups(self) -> list[ParameterGroup]:
        """Return the pretrained part and the heads, which learn faster (Sec. 4.2)."""
        scale = self._config.head_rate_scale
        return [
            ParameterGroup.of(self._encoder),
            ParameterGroup.of(self._classifier, self._embedder, learning_rate_scale=scale),
        ]

    def _cross_triplet(
        self, first: torch.Tensor, second: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        config = self._config
        return cross_triplet(first, second, labels, config.triplet_margin, config.mining)
