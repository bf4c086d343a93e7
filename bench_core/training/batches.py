"""Batches, gathered by a thread ahead of the training step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, repeat

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.data.augmentation import (
    AugmentationConfig,
    Draw,
    draw_augmentations,
    erase,
    gather_moved,
)
from bench_core.data.prefetching import Prefetcher
from bench_core.data.sampling import BatchRows


@dataclass(frozen=True)
class Batch:
    """One training batch: entry i of both modalities shows the same identity.

    Attributes:
        visible: Float tensor (M, 3, H, W) in [0, 1], augmented, contiguous.
        infrared: The same for infrared; its three channels are equal where nothing was erased.
        labels: int64 tensor (M,), training labels.
    """

    visible: torch.Tensor
    infrared: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True)
class _Moved:
    """Images of one modality as bytes (M, H, W, 3), flipped and shifted; erased they are later."""

    pixels: torch.Tensor
    draws: list[Draw]


class BatchLoader:
    """Gathers batches from decoded images, a few ahead of their use."""

    def __init__(self, pixels: NDArray[np.uint8], device: torch.device) -> None:
        self._pixels = pixels
        self._device = device
        self._prefetcher = Prefetcher(self._gather)

    @property
    def waited_seconds(self) -> float:
        """Time that the training spent waiting for a batch, in total."""
        return self._prefetcher.waited_seconds

    def load(
        self, batches: Iterator[BatchRows], augmentation: AugmentationConfig, seed: int
    ) -> Iterator[Batch]:
        """Yield the batches in order.

        Args:
            batches: The rows of each batch.
            augmentation: What `augment` does with each modality, visible first; pixels are moved
                where they are gathered, and erased on the device.
            seed: Seeds the augmentation of the first batch; each next one adds 1.
        """
        seeded = zip(batches, repeat(augmentation), count(seed))
        for visible, infrared, labels in self._prefetcher.results(seeded):
            yield Batch(
                visible=self._finish(visible, augmentation),
                infrared=self._finish(infrared, augmentation),
                labels=labels.to(self._device, non_blocking=True),
            )

    def _gather(
        self, seeded: tuple[BatchRows, AugmentationConfig, int]
    ) -> tuple[_Moved, _Moved, torch.Tensor]:
        rows, augmentation, seed = seeded
        generator = torch.Generator().manual_seed(seed)
        return (
            self._gather_moved(rows.visible, augmentation, generator),
            self._gather_moved(rows.infrared, augmentation, generator),
            self._pinned(torch.from_numpy(rows.labels)),
        )

    def _gather_moved(
        self, rows: NDArray[np.int64], augmentation: AugmentationConfig, generator: torch.Generator
    ) -> _Moved:
        height, width = self._pixels.shape[1:3]
        draws = draw_augmentations(len(rows), (height, width), augmentation, generator)
        moved = torch.from_numpy(gather_moved(self._pixels, rows, draws))
        return _Moved(self._pinned(moved), draws)

    def _pinned(self, tensor: torch.Tensor) -> torch.Tensor:
        """Have a tensor where a CUDA device can fetch it while the training goes on."""
        return tensor.pin_memory() if self._device.type == "cuda" else tensor

    def _finish(self, moved: _Moved, augmentation: AugmentationConfig) -> torch.Tensor:
        pixels = moved.pixels.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
        images = pixels.to(torch.float32, memory_format=torch.contiguous_format).div_(255)
        erase(images, moved.draws, augmentation)
        return images


def to_float(pixels: torch.Tensor) -> torch.Tensor:
    """Turn uint8 pixels (B, H, W, 3) into floats (B, 3, H, W) in [0, 1], channels last."""
    if pixels.device.type != "cpu":
        return pixels.permute(0, 3, 1, 2).float().div_(255)
    # NumPy writes the quotients at once, PyTorch the floats first.
    fractions = np.divide(pixels.numpy(), np.float32(255), dtype=np.float32)
    return torch.from_numpy(fractions).permute(0, 3, 1, 2)
