"""The training images of one split, as a method sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.data.cache import ImageStore
from bench_core.data.sampling import IdentityBalancedSampler, balanced_sampler
from bench_core.training.samplers import SamplingConfig

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TrainingData:
    """Decoded training images with their labels.

    Attributes:
        pixels: (N, H, W, 3) uint8 of the whole dataset, memory-mapped.
        rows: For each modality, positions in `pixels` of its training images, int64.
        labels: For each modality, the training label of each of those images, int64, from 0.
        identities: The dataset's number of each training label.
        cameras: For each modality, the number of the camera of each of those images, int64; empty
            where cameras are not known.
    """

    pixels: NDArray[np.uint8]
    rows: Mapping[Modality, NDArray[np.int64]]
    labels: Mapping[Modality, NDArray[np.int64]]
    identities: tuple[int, ...]
    cameras: Mapping[Modality, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def num_identities(self) -> int:
        """Number of training labels."""
        return len(self.identities)

    def sampler(self, sampling: SamplingConfig) -> IdentityBalancedSampler:
        """Return the sampler of the batches of a stage; see `balanced_sampler`."""
        return balanced_sampler(
            self.rows,
            self.labels,
            self.identities,
            num_identities=sampling.identities,
            num_images=sampling.images,
            steps_per_epoch=sampling.steps_per_epoch,
        )


def training_data(images: pd.DataFrame, rows: NDArray[np.int64], store: ImageStore) -> TrainingData:
    """Select the training rows of an image table and number their identities from 0.

    Raises:
        DataError: The rows hold no image of one modality.
    """
    chosen = images.iloc[rows]
    identities, labels = np.unique(chosen["identity"].to_numpy(), return_inverse=True)
    cameras = chosen["camera"].to_numpy().astype(np.int64)
    masks = {modality: (chosen["modality"] == modality).to_numpy() for modality in MODALITIES}
    for modality, mask in masks.items():
        if not mask.any():
            raise DataError(f"the training split has no {modality} image")
    return TrainingData(
        pixels=store.pixels,
        rows={modality: rows[mask] for modality, mask in masks.items()},
        labels={modality: labels[mask].astype(np.int64) for modality, mask in masks.items()},
        identities=tuple(identities.tolist()),
        cameras={modality: cameras[mask] for modality, mask in masks.items()},
    )
