"""E^sl and E^i: from images to modality-invariant maps.

B: batch, C: channels, H, W and h, w: height and width of images and of maps.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from bench_core.methods import from_signed, recompute, running_statistics_kept
from bench_jsia.config import JSIAConfig
from bench_jsia.pairs import by_modality


class MapEncoder:
    """The first part of a backbone, with what comes before it.

    Args:
        network: Normalised images -> maps.
        normalization: Images in [0, 1] -> normalised images.
        config: The size of images, and how they pass.
    """

    def __init__(self, network: nn.Module, normalization: nn.Module, config: JSIAConfig) -> None:
        self.network = network
        self._normalization = normalization
        self._config = config

    def of_real(self, images: torch.Tensor) -> torch.Tensor:
        """Encode real images (B, 3, H, W) in [0, 1] together."""
        prepared = self._normalization(self.resized(images))
        if self._config.recompute_activations:
            return recompute(self.network, prepared)
        maps: torch.Tensor = self.network(prepared)
        return maps

    def of_both(self, images: torch.Tensor) -> torch.Tensor:
        """Encode real images (B, 3, H, W) in [0, 1] of both modalities, the visible half first."""
        return by_modality(self.of_real, images, self._config.batch_statistics)

    def of_generated(self, images: torch.Tensor) -> torch.Tensor:
        """Encode generated images (B, 3, H, W) in [-1, 1] of both modalities.

        Running statistics are learned from them only where the configuration says so.
        """
        if self._config.running_statistics == "all":
            return self.of_both(from_signed(images))
        with running_statistics_kept(self.network):
            return self.of_both(from_signed(images))

    def resized(self, images: torch.Tensor) -> torch.Tensor:
        """Bring images to the size of this encoder."""
        size = self._config.image_size
        if tuple(images.shape[2:]) == size:
            return images
        return functional.interpolate(images, size, mode="bilinear", align_corners=False)
