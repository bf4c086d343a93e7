"""The networks of TS-GAN that are its own: student and teacher, and the ordinary discriminator."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import nn

from bench_core.methods import BNNeck, Embedding, ImageNormalization, embed, initialize_gan
from bench_tsgan.config import TSGANConfig

MIDDLE_STAGE: Final = 3
"""The former encoder FE is the stem and the first three blocks (Sec. III-B)."""
NEGATIVE_SLOPE = 0.2


class Recognition(NamedTuple):
    """What a ReID network makes of B images.

    Attributes:
        middle: Maps (B, C, h, w) of the former encoder: f_map,S or f_map,T.
        maps: Maps (B, D, h', w') of the latter encoder: f_map,R.
        features: V (B, D), their average.
        logits: F (B, N) over the training identities.
    """

    middle: torch.Tensor
    maps: torch.Tensor
    features: torch.Tensor
    logits: torch.Tensor


class ReIDNetwork(nn.Module):
    """The baseline that both student and teacher are (Sec. III-B).

    Images in [0, 1] are normalised, pass the former encoder FE (stem and three blocks) and the
    latter encoder LE (the last block); pooling gives V and a classifier F.
    """

    def __init__(self, config: TSGANConfig, *, num_identities: int) -> None:
        super().__init__()
        self.normalization = ImageNormalization()
        self.backbone = config.build_backbone()
        head = BNNeck if config.neck == "batch-norm" else PlainHead
        self.head: BNNeck | PlainHead = head(self.backbone.num_features, num_identities)

    def forward(self, images: torch.Tensor) -> Recognition:
        """Recognise images (B, 3, H, W) in [0, 1]."""
        former, latter = self.backbone.split(MIDDLE_STAGE)
        middle = former(self.normalization(images))
        maps = latter(middle)
        features = self.backbone.pool(maps)
        _, logits = self.head(features)
        return Recognition(middle, maps, features, logits)

    def middle(self, images: torch.Tensor) -> torch.Tensor:
        """Return what FE makes of images (B, 3, H, W) in [0, 1], and run nothing behind it."""
        middle: torch.Tensor = self.backbone.split(MIDDLE_STAGE)[0](self.normalization(images))
        return middle

    def maps(self, images: torch.Tensor) -> torch.Tensor:
        """Return what LE makes of images (B, 3, H, W) in [0, 1]: (B, D, h', w')."""
        maps: torch.Tensor = self.backbone.body(self.normalization(images))
        return maps

    def embed(self, images: torch.Tensor, embedding: Embedding) -> torch.Tensor:
        """Return the feature (B, D) that distances are taken between."""
        features = self.backbone.pool(self.maps(images))
        return embed(features, embedding, self.head.normalization)


class PlainHead(nn.Module):
    """The fully connected layer of Sec. III-B with nothing before it, in the place of a neck."""

    def __init__(self, num_features: int, num_identities: int) -> None:
        super().__init__()
        self.normalization = nn.Identity()
        self.classifier = nn.Linear(num_features, num_identities)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features (B, D) as they are, and their logits (B, N)."""
        return features, self.classifier(features)


class PatchGAN(nn.Module):
    """CycleGAN's discriminator: scores overlapping 70x70 patches (Isola et al. 2017).

    Three strided 4x4 convolutions, then two that are not; instance normalisation without
    parameters between the first and the last.

    Args:
        width: Channels behind the first convolution.
    """

    def __init__(self, *, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1)]
        for index, stride in enumerate((2, 2, 1)):
            inputs = width * 2**index
            layers += [
                nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True),
                nn.Conv2d(inputs, 2 * inputs, 4, stride=stride, padding=1),
                nn.InstanceNorm2d(2 * inputs),
            ]
        layers += [
            nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True),
            nn.Conv2d(8 * width, 1, 4, padding=1),
        ]
        self.layers = nn.Sequential(*layers)
        initialize_gan(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Score images (B, 3, H, W) in [-1, 1]: logits (B, 1, H / 8 - 2, W / 8 - 2)."""
        scores: torch.Tensor = self.layers(images)
        return scores
