"""Normalisation of images by the statistics of ImageNet."""

from __future__ import annotations

import torch
from torch import nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class ImageNormalization(nn.Module):
    """Subtracts the mean and divides by the standard deviation of ImageNet, per channel."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(shape), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(shape), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalise images (B, 3, H, W) in [0, 1]."""
        return (images - self.mean) / self.std
