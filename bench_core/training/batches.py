"""Batches, gathered by a thread ahead of the training step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.data.augmentation import AugmentationConfig, augment
from bench_core.data.prefetching import Prefetcher
from bench_core.data.sampling import BatchRows


@dataclass(frozen=True)
class Batch:
    """One training batch: entry i of both modalities shows the same identity.

    Attributes:
        visible: Float tensor (M, 3, H, W) in [0, 1], augmented, channels last.
        infrared: The same for infrared; its three channels are equal where nothing was erased.
        labels: int64 tensor (M,), training labels.
    """

    visible: torch.Tensor
    infrared: torch.Tensor
    labels: torch.Tensor


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
            augmentation: Applied on the device.
            seed: Seeds the augmentation of the first batch; each next one adds 1.
        """
        for gathered in self._prefetcher.results(batches):
            yield self._finish(gathered, augmentation, seed)
            seed += 1

    def _gather(self, rows: BatchRows) -> tuple[torch.Tensor, ...]:
        tensors = (
            torch.from_numpy(self._pixels[rows.visible]),
            torch.from_numpy(self._pixels[rows.infrared]),
            torch.from_numpy(rows.labels),
        )
        if self._device.type == "cuda":
            return tuple(tensor.pin_memory() for tensor in tensors)
        return tensors

    def _finish(
        self, gathered: tuple[torch.Tensor, ...], augmentation: AugmentationConfig, seed: int
    ) -> Batch:
        visible, infrared, labels = (
            tensor.to(self._device, non_blocking=True) for tensor in gathered
        )
        generator = torch.Generator().manual_seed(seed)
        return Batch(
            visible=augment(to_float(visible), augmentation, generator),
            infrared=augment(to_float(infrared), augmentation, generator),
            labels=labels,
        )


def to_float(pixels: torch.Tensor) -> torch.Tensor:
    """Turn uint8 pixels (B, H, W, 3) into floats (B, 3, H, W) in [0, 1], channels last."""
    return pixels.permute(0, 3, 1, 2).float().div_(255)
