"""E^sl and E^i: from images to modality-invariant maps.

B: batch, C: channels, H, W and h, w: height and width of images and of maps.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from bench_core import from_signed, recompute, running_statistics_kept


class MapEncoder:
    """The first part of a backbone, with what comes before it.

    Args:
        network: Normalised images -> maps.
        normalization: Images in [0, 1] -> normalised images.
        image_size: Height and width that images are brought to.
        saves_memory: Whether activations are computed again in the backward pass.
    """

    def __init__(
        self,
        network: nn.Module,
        normalization: nn.Module,
        image_size: tuple[int, int],
        *,
        saves_memory: bool,
    ) -> None:
        self.network = network
        self._normalization = normalization
        self._image_size = image_size
        self._saves_memory = saves_memory

    def of_real(self, images: torch.Tensor) -> torch.Tensor:
        """Encode real images (B, 3, H, W) in [0, 1]."""
        prepared = self._normalization(self.resized(images))
        if self._saves_memory:
            return recompute(self.network, prepared)
        maps: torch.Tensor = self.network(prepared)
        return maps

    def of_generated(self, images: torch.Tensor) -> torch.Tensor:
        """Encode images (B, 3, H, W) in [-1, 1], but learn no running statistics from them."""
        with running_statistics_kept(self.network):
            return self.of_real(from_signed(images))

    def resized(self, images: torch.Tensor) -> torch.Tensor:
        """Bring images to the size of this encoder."""
        if tuple(images.shape[2:]) == self._image_size:
            return images
        return functional.interpolate(
            images, self._image_size, mode="bilinear", align_corners=False
        )
