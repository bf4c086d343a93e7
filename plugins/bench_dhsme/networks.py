"""The network of D-HSME: two streams, an embedding layer, a classifier on the sphere."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from bench_core import Modality, UsageError
from bench_core.methods import Backbone, BNNeck, Embedding, ImageNormalization, TwoStream, embed
from bench_dhsme.config import DHSMEConfig


class Recognition(NamedTuple):
    """What the losses of a batch need.

    Attributes:
        features: Behind the neck (B, E).
        logits: s times cosines (B, identities).
    """

    features: torch.Tensor
    logits: torch.Tensor


class SphereClassifier(nn.Linear):
    """The sphere softmax' logits s * cos(f, w_c): features and weights at unit length, no bias.

    Args:
        num_features: E, length of a feature.
        num_identities: Training identities.
        scale: s.
    """

    def __init__(self, num_features: int, num_identities: int, scale: float) -> None:
        super().__init__(num_features, num_identities, bias=False)
        nn.init.normal_(self.weight, std=num_features**-0.5)
        self.scale = scale

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the logits (B, identities) of features (B, E), in float32 even under autocast."""
        with torch.autocast(features.device.type, enabled=False):
            directions = functional.normalize(self.weight)
            return self.scale * functional.linear(
                functional.normalize(features.float()), directions
            )


class SphereNeck(BNNeck):
    """A `BNNeck` whose classifier is on the sphere."""

    def __init__(self, num_features: int, num_identities: int, scale: float) -> None:
        super().__init__(num_features, num_identities)
        self.classifier = SphereClassifier(num_features, num_identities, scale)


class HypersphereNetwork(nn.Module):
    """From images of either modality to points on the sphere and to logits.

    It is not called: a step calls its parts, each of which a divided batch may run in shares.

    Raises:
        UsageError: The embedding layer is to be decorrelated, but has more outputs than inputs.
    """

    def __init__(self, config: DHSMEConfig, *, num_identities: int) -> None:
        super().__init__()
        self.normalization = ImageNormalization()
        self.backbone = TwoStream(config.build_backbone())
        inputs, outputs = self.backbone.num_features, config.embedding_size
        if config.decorrelation and outputs > inputs:
            raise UsageError(
                f"embedding_size={outputs} is more than the {inputs} features of "
                f"backbone={config.backbone}: so many directions cannot be orthogonal; use at most "
                f"--set embedding_size={inputs}, or the variant d-hsme:hsme"
            )
        self.centering = nn.BatchNorm1d(inputs)
        self.embedding = nn.Linear(inputs, outputs, bias=False)
        self.neck = SphereNeck(outputs, num_identities, config.scale)

    def recognize(self, visible: torch.Tensor, infrared: torch.Tensor) -> Recognition:
        """Embed and classify images of both modalities, which share batch statistics.

        Args:
            visible: (V, 3, H, W) in [0, 1].
            infrared: (I, 3, H, W), likewise.

        Returns:
            Features and logits of V + I images, visible ones first.
        """
        images = self.normalization(visible), self.normalization(infrared)
        features = self._embed(self.backbone.both(*images))
        return Recognition(*self.neck(features))

    def embed(self, images: torch.Tensor, modality: Modality, embedding: Embedding) -> torch.Tensor:
        """Return what distances are taken between: (B, E) of images (B, 3, H, W) in [0, 1]."""
        features = self._embed(self.backbone(self.normalization(images), modality))
        return embed(features, embedding, self.neck.normalization)

    @torch.no_grad()
    def decorrelate(self) -> None:
        """Replace the embedding layer's W = U S V^T by U S, whose columns are orthogonal.

        W has a column for each output, as SVDNet writes it; torch's weight is its transpose. The
        outputs W^T x turn into V^T W^T x, so that their inner products and distances stay. The
        classifier's directions turn along, and the neck between them, which scales each output by
        itself, starts anew. In double precision on the processor, with the signs of V fixed, so
        that all devices and processes come to the same.
        """
        weight, directions = self.embedding.weight, self.neck.classifier.weight
        left, singular, right = torch.linalg.svd(weight.T.cpu().double(), full_matrices=False)
        largest = right.gather(1, right.abs().argmax(1, keepdim=True))
        signs = largest.sign()
        weight.copy_((left * singular).T * signs)
        directions.copy_(directions.cpu().double() @ (right * signs).T)
        self.neck.normalization.reset_parameters()

    def _embed(self, maps: torch.Tensor) -> torch.Tensor:
        embedded: torch.Tensor = self.embedding(self.centering(Backbone.pool(maps)))
        return embedded
