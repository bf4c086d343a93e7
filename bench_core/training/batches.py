"""Batches, gathered by a thread ahead of the training step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.data.augmentation import AugmentationConfig, augment
from bench_core.data.sampling import BatchRows

BATCHES_AHEAD = 3


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
    """Gathers batches from decoded images, a few ahead of their use.

    Attributes:
        waited_seconds: Time that the training spent waiting for a batch, in total.
    """

    def __init__(self, pixels: NDArray[np.uint8], device: torch.device) -> None:
        self._pixels = pixels
        self._device = device
        self.waited_seconds = 0.0

    def load(
        self, batches: Iterator[BatchRows], augmentation: AugmentationConfig, seed: int
    ) -> Iterator[Batch]:
        """Yield the batches in order.

        Args:
            batches: The rows of each batch.
            augmentation: Applied on the device.
            seed: Seeds the augmentation of the first batch; each next one adds 1.
        """
        with ThreadPoolExecutor(1) as pool:
            waiting: list[Future[tuple[torch.Tensor, ...]]] = [
                pool.submit(self._gather, rows) for rows in islice(batches, BATCHES_AHEAD)
            ]
            try:
                while waiting:
                    started = time.perf_counter()
                    gathered = waiting.pop(0).result()
                    self.waited_seconds += time.perf_counter() - started
                    waiting += [pool.submit(self._gather, rows) for rows in islice(batches, 1)]
                    yield self._finish(gathered, augmentation, seed)
                    seed += 1
            finally:
                pool.shutdown(cancel_futures=True)

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
    return pixels.permute(0, 3, 1, 2).float() / 255
