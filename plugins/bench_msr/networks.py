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
    """An embedding layer with a neck and a classifier behind it."""

    def __init__(self, num_features: int, embedding_size: int, num_identities: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(num_features, embedding_size, bias=False)
        self.neck = BNNeck(embedding_size, num_identities)

    def forward(self, pooled: torch.Tensor) -> Classified:
        """Embed and classify pooled features (B, D)."""
        return Classified(*self.neck(self.embedding(pooled)))

    def embed(self, pooled: torch.Tensor, embedding: Embedding) -> torch.Tensor:
        """Return the embedding (B, E) of pooled features (B, D)."""
        return embed(self.embedding(pooled), embedding, self.neck.normalization)


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
        heads = [self.specific[modality]] if self.specific else []
        whole: Embedding = "neck" if embedding.startswith("neck") else "pooled"
        features = torch.cat([head.embed(pooled, whole) for head in (*heads, self.shared)], dim=1)
        return functional.normalize(features) if embedding.endswith("normalized") else features

    @torch.no_grad()
    def copy_backbone(self) -> None:
        """Let the backbone of infrared images be as that of visible ones is."""
        self.backbones[INFRARED].load_state_dict(self.backbones[VISIBLE].state_dict())

    def _pool(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        backbone = self.backbones[modality if self.specific else VISIBLE]
        pooled: torch.Tensor = backbone(self.normalization(images))
        return pooled

    def _share(self, pooled: torch.Tensor) -> Mapping[Modality, Classified]:
        """Return what the shared head makes of visible and infrared features, half of each."""
        parts = [each.chunk(2) for each in self.shared(pooled)]
        return dict(zip((VISIBLE, INFRARED), map(Classified, *parts), strict=True))
