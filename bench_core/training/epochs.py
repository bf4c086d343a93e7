"""What a stage may look at between two epochs: its training images, without their labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.contracts.images import MODALITIES, Modality
from bench_core.training.batches import to_float

if TYPE_CHECKING:
    from bench_core.training.stage_images import StageImages


@dataclass(frozen=True, eq=False)
class PlainImages:
    """Some training images of one modality, in the order of their rows.

    Attributes:
        images: Float tensor (B, 3, H, W) in [0, 1], not augmented, channels last.
        modality: "visible" or "infrared".
        rows: int64 (B,), on the processor: places among the training images of the modality.
        cameras: int64 (B,), on the processor: numbers of their cameras; empty where not known.
    """

    images: torch.Tensor
    modality: Modality
    rows: torch.Tensor
    cameras: torch.Tensor


class Epoch:
    """An epoch that begins or ends, as a hook of its stage sees it.

    Attributes:
        number: From 0.
        num_epochs: Epochs of the stage.
        device: Where the networks are.
        generator: Random numbers that follow from seed, stage and epoch; torch's generators are
            seeded by these as well.
        counts: For each modality, how many training images it has.
    """

    def __init__(
        self,
        number: int,
        num_epochs: int,
        images: StageImages,
        device: torch.device,
        generator: np.random.Generator,
    ) -> None:
        self.number, self.num_epochs = number, num_epochs
        self.device, self.generator = device, generator
        self._images = images
        self.counts: Mapping[Modality, int] = images.counts

    def images(self, batch: int = 64) -> Iterator[PlainImages]:
        """Yield all training images, visible ones first, on the device.

        Args:
            batch: Images at a time; the last of a modality may be fewer.
        """
        for modality in MODALITIES:
            for start in range(0, self.counts[modality], batch):
                rows = np.arange(start, min(start + batch, self.counts[modality]))
                pixels = torch.from_numpy(self._images.pixels_of(modality, rows))
                cameras = self._images.cameras.get(modality, np.empty(0, dtype=np.int64))
                yield PlainImages(
                    images=to_float(pixels.to(self.device)),
                    modality=modality,
                    rows=torch.from_numpy(rows),
                    cameras=torch.from_numpy(cameras[rows] if len(cameras) else cameras),
                )

    def assign(self, labels: Mapping[Modality, NDArray[np.int64] | torch.Tensor]) -> None:
        """Give the images pseudo-labels, until others are given; checkpoints hold them.

        Args:
            labels: For each modality, an integer from 0 for each of its images in the order of
                rows, or -1 for none.

        Raises:
            PluginError: The stage has labels, or there is not one of each image.
        """
        self._images.assign(labels)
