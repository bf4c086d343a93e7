"""Batches, gathered by a thread ahead of the training step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, repeat

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.contracts.images import INFRARED, VISIBLE, Modality
from bench_core.data.augmentation import (
    AugmentationConfig,
    Draw,
    draw_augmentations,
    erase,
    gather_moved,
)
from bench_core.data.prefetching import Prefetcher
from bench_core.data.sampling import BatchRows
from bench_core.training.seeding import torch_generator
from bench_core.training.views import View


@dataclass(frozen=True)
class Batch:
    """One training batch: entry i of both modalities shows the same identity.

    Attributes:
        visible: Float tensor (M, 3, H, W) in [0, 1], augmented, contiguous.
        infrared: The same for infrared; its three channels are equal where nothing was erased.
        labels: int64 tensor (M,), training labels. Empty in a stage without labels, and where a
            sampler of the method's own has not drawn the same identities in both modalities.
        rows: For each modality, int64 (M,): which of its training images they are, from 0.
        cameras: For each modality, int64 (M,): the numbers of the images' cameras.
        labels_of: For each modality, int64 (M,): its labels; in a stage without labels the
            pseudo-labels, -1 for none.
        views: The images of each view by its name, (M, 3, H, W); without views of the stage
            "visible" and "infrared" alone.
    """

    visible: torch.Tensor
    infrared: torch.Tensor
    labels: torch.Tensor
    rows: Mapping[Modality, torch.Tensor] = field(default_factory=dict)
    cameras: Mapping[Modality, torch.Tensor] = field(default_factory=dict)
    labels_of: Mapping[Modality, torch.Tensor] = field(default_factory=dict)
    views: Mapping[str, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Notes:
    """What is known of the images of a batch, beside their pixels; as in `Batch`."""

    rows: Mapping[Modality, NDArray[np.int64]] = field(default_factory=dict)
    cameras: Mapping[Modality, NDArray[np.int64]] = field(default_factory=dict)
    labels_of: Mapping[Modality, NDArray[np.int64]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Moved:
    """Images of one modality as bytes (M, H, W, 3), flipped and shifted; erased they are later."""

    pixels: torch.Tensor
    draws: list[Draw]


@dataclass(frozen=True)
class _Gathered:
    """What of a batch a thread has gathered."""

    seed: int
    moved: Mapping[Modality, _Moved]
    plain: Mapping[Modality, torch.Tensor]
    labels: torch.Tensor
    notes: Mapping[str, Mapping[Modality, torch.Tensor]]


class BatchLoader:
    """Gathers batches from decoded images, a few ahead of their use.

    Args:
        pixels: Decoded images (N, H, W, 3).
        device: Where the batches go.
        views: Ways to augment that the stage brings itself.
        note: Says what is known of the images of a batch.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        device: torch.device,
        views: Mapping[str, View] | None = None,
        note: Callable[[BatchRows], Notes] | None = None,
    ) -> None:
        self._pixels = pixels
        self._device = device
        self._views = views or {}
        self._note = note
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

        Raises:
            PluginError: A view of the stage returns something else than its images.
        """
        seeded = zip(batches, repeat(augmentation), count(seed))
        for gathered in self._prefetcher.results(seeded):
            views: dict[str, torch.Tensor] = {
                modality: self._finish(moved, augmentation)
                for modality, moved in gathered.moved.items()
            }
            views |= self._own_views(gathered)
            notes = {
                what: {modality: self._sent(values) for modality, values in each.items()}
                for what, each in gathered.notes.items()
            }
            yield Batch(
                visible=views[VISIBLE],
                infrared=views[INFRARED],
                labels=self._sent(gathered.labels),
                views=views,
                **notes,
            )

    def _gather(self, seeded: tuple[BatchRows, AugmentationConfig, int]) -> _Gathered:
        rows, augmentation, seed = seeded
        generator = torch.Generator().manual_seed(seed)
        of = {VISIBLE: rows.visible, INFRARED: rows.infrared}
        notes = self._note(rows) if self._note else Notes()
        return _Gathered(
            seed=seed,
            moved={
                modality: self._gather_moved(each, augmentation, generator)
                for modality, each in of.items()
                if modality not in self._views
            },
            plain={
                modality: self._pinned(torch.from_numpy(self._pixels[of[modality]]))
                for modality in {view.modality for view in self._views.values()}
            },
            labels=self._pinned(torch.from_numpy(rows.labels)),
            notes={
                what: {m: self._pinned(torch.from_numpy(values)) for m, values in each.items()}
                for what, each in vars(notes).items()
            },
        )

    def _own_views(self, gathered: _Gathered) -> dict[str, torch.Tensor]:
        """Have the stage augment its views, each with random numbers of its own."""
        views = {}
        for place, (name, view) in enumerate(sorted(self._views.items())):
            images = to_float(self._sent(gathered.plain[view.modality]))
            generator = torch_generator((gathered.seed, place))
            views[name] = view.look(name, images.contiguous(), generator)
        return views

    def _sent(self, values: torch.Tensor) -> torch.Tensor:
        return values.to(self._device, non_blocking=True)

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
        pixels = self._sent(moved.pixels).permute(0, 3, 1, 2)
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
