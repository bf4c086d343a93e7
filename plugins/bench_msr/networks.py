"""The networks of MSR: a backbone and a head for each modality, and a head for both."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import BNNeck, Embedding, ImageNormalization, embed
from bench_msr.config import MSRConfig


class Classified(NamedTuple):
    """What a head makes of B pooled features.

    Attributes:
        features: Behind the neck (B, E).
        logits: (B, identities).
    """

    features: torch.Tensor
    logits: torch.Tensor


class Recognition(NamedTuple):
    """What the losses of a batch need, by modality.

    Attributes:
        specific: What the head of each modality makes of its images; empty without such heads.
        shared: What the shared head makes of them.
    """

    specific: Mapping[Modality, Classified]
    shared: Mapping[Modality, Classified]


class Head(nn.Module):
    """An embedding layer with a neck and a classifier behind it, of centred features.

    Averages of rectified maps vary little beside their mean: not centred, all outputs of the layer
    would be nearly one direction behind the neck, and learn slowly.
    """

    def __init__(self, num_features: int, embedding_size: int, num_identities: int) -> None:
        super().__init__()
        self.centering = nn.BatchNorm1d(num_features)
        self.embedding = nn.Linear(num_features, embedding_size, bias=False)
        self.neck = BNNeck(embedding_size, num_identities)

    def forward(self, pooled: torch.Tensor) -> Classified:
        """Embed and classify pooled features (B, D)."""
        return Classified(*self.neck(self.embedding(self.centering(pooled))))

    def embed(self, pooled: torch.Tensor, embedding: Embedding) -> torch.Tensor:
        """Return the embedding (B, E) of pooled features (B, D)."""
        features = self.embedding(self.centering(pooled))
        return embed(features, embedding, self.neck.normalization)


class SpecificNetworks(nn.Module):
    """From images of either modality to specific and shared embeddings and their logits.

    Without specific networks there is one backbone for both modalities, and the shared head. It
    is not called: a step calls its parts, each of which a divided batch may run in shares.

    Attributes:
        backbones: By modality, from the same weights; that of visible images alone for both.
        specific: Heads by modality, if there are any.
        shared: The head of both.
    """

    def __init__(self, config: MSRConfig, *, num_identities: int) -> None:
        super().__init__()
        backbone = config.build_backbone()
        sizes = backbone.num_features, config.embedding_size, num_identities
        self.num_features = config.embedding_size * (2 if config.specific else 1)
        self.normalization = ImageNormalization()
        self.backbones = nn.ModuleDict({VISIBLE: backbone})
        self.specific = nn.ModuleDict()
        if config.specific:
            self.backbones[INFRARED] = copy.deepcopy(backbone)
            self.specific.update({VISIBLE: Head(*sizes), INFRARED: Head(*sizes)})
        self.shared = Head(*sizes)

    def recognize(self, visible: torch.Tensor, infrared: torch.Tensor) -> Recognition:
        """Embed and classify images (M, 3, H, W) in [0, 1] of both modalities.

        What both modalities pass they pass together, and share batch statistics there.
        """
        if not self.specific:
            return Recognition({}, self.recognize_alike(visible, infrared))
        pooled = {VISIBLE: self._pool(visible, VISIBLE), INFRARED: self._pool(infrared, INFRARED)}
        specific = {modality: self.specific[modality](pooled[modality]) for modality in pooled}
        return Recognition(specific, self._share(torch.cat(list(pooled.values()))))

    def recognize_alike(
        self, visible: torch.Tensor, infrared: torch.Tensor
    ) -> Mapping[Modality, Classified]:
        """Embed and classify images of both modalities by one backbone and the shared head."""
        return self._share(self._pool(torch.cat([visible, infrared]), VISIBLE))

    def embed(self, images: torch.Tensor, modality: Modality, embedding: Embedding) -> torch.Tensor:
        """Return the specific embedding with the shared one behind it: (B, 2 E), or (B, E)."""
        pooled = self._pool(images, modality)
        whole: Embedding = "neck" if embedding.startswith("neck") else "pooled"
        parts = [head.embed(pooled, whole) for head in self._heads(modality)]
        features = torch.cat(parts, dim=1)
        return functional.normalize(features) if embedding.endswith("normalized") else features

    @torch.no_grad()
    def start_alike(self) -> None:
        """Let the networks of both modalities start as those that have learned both alike."""
        backbone, head = self.backbones[VISIBLE].state_dict(), self.shared.state_dict()
        self.backbones[INFRARED].load_state_dict(backbone)
        for specific in self.specific.values():
            specific.load_state_dict(head)

    def _heads(self, modality: Modality) -> list[Head]:
        """Return the head of a modality, if it has one, and the shared one."""
        own = [head for name, head in self.specific.items() if name == modality]
        return [*own, self.shared]  # type: ignore[list-item]

    def _pool(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        backbone = self.backbones[modality if self.specific else VISIBLE]
        pooled: torch.Tensor = backbone(self.normalization(images))
        return pooled

    def _share(self, pooled: torch.Tensor) -> Mapping[Modality, Classified]:
        """Return what the shared head makes of visible and infrared features, half of each."""
        parts = [each.chunk(2) for each in self.shared(pooled)]
        return dict(zip((VISIBLE, INFRARED), map(Classified, *parts), strict=True))
