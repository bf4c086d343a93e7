"""The whole way from image files to features: whether data or the model is the limit."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from bench_core.contracts.dataset import Dataset
from bench_core.data.cache import open_images
from bench_core.features.extraction import ExtractionSettings, extract_features
from bench_core.training.method import Method

if TYPE_CHECKING:
    import pandas as pd

MOST_IMAGES = 1_024
"""Images that are measured; a part of a dataset of more is drawn."""

Limit: TypeAlias = Literal["data", "model"]


@dataclass(frozen=True, kw_only=True)
class EndToEndSpeed:
    """How long some images take on each part of the way to their features.

    Attributes:
        num_images: Number of images.
        decoding_seconds: From files to pixels of the right size, with all processors, as a cache of
            decoded images is made.
        extraction_seconds: From decoded images, memory-mapped, to features on the host, without
            the check of the fast path, which is made once however many images there are.
        waited_seconds: How much of the extraction passed waiting for decoded images.
    """

    num_images: int
    decoding_seconds: float
    extraction_seconds: float
    waited_seconds: float

    @property
    def decoding(self) -> float:
        """Images per second from files to decoded images."""
        return self.num_images / self.decoding_seconds

    @property
    def cache_to_features(self) -> float:
        """Images per second from decoded images to features."""
        return self.num_images / self.extraction_seconds

    @property
    def files_to_features(self) -> float:
        """Images per second from files to features."""
        return self.num_images / (self.decoding_seconds + self.extraction_seconds)

    @property
    def limit_from_files(self) -> Limit:
        """What takes longer when the images are not yet decoded."""
        return "data" if self.decoding_seconds > self.extraction_seconds else "model"

    @property
    def limit_from_cache(self) -> Limit:
        """What takes longer once they are: waiting for decoded images, or the model."""
        return "data" if 2 * self.waited_seconds > self.extraction_seconds else "model"

    def as_document(self) -> dict[str, Any]:
        """Return the speeds as `bench profile --json` gives them, in images per second."""
        return {
            "images": self.num_images,
            "decoding": round(self.decoding, 2),
            "files_to_features": round(self.files_to_features, 2),
            "cache_to_features": round(self.cache_to_features, 2),
            "waiting_for_data": round(self.waited_seconds / self.extraction_seconds, 4),
            "limit_from_files": self.limit_from_files,
            "limit_from_cache": self.limit_from_cache,
        }


def measure_end_to_end(
    method: Method, dataset: Dataset, image_size: tuple[int, int], settings: ExtractionSettings
) -> EndToEndSpeed:
    """Decode images of a dataset and extract their features, once.

    Args:
        method: The method; its networks are put into evaluation mode on the device.
        dataset: Whose images are taken; `MOST_IMAGES` of them at most.
        image_size: Height and width in pixels.
        settings: How to extract.

    Raises:
        DataError: An image is damaged, or the features are not what they must be.
    """
    chosen = replace(dataset, images=_some(dataset.images))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        store = open_images(chosen, "", image_size, Path(folder))
        decoding_seconds = time.perf_counter() - started
        rows = np.arange(len(chosen.images))
        extraction = extract_features(method, chosen.images, rows, store, settings)
    return EndToEndSpeed(
        num_images=len(rows),
        decoding_seconds=decoding_seconds,
        extraction_seconds=extraction.seconds - extraction.checking_seconds,
        waited_seconds=extraction.waited_seconds,
    )


def _some(images: pd.DataFrame) -> pd.DataFrame:
    """Return `MOST_IMAGES` rows that are spread over an image table, or all of them."""
    places = np.linspace(0, len(images) - 1, min(MOST_IMAGES, len(images)))
    return images.iloc[places.astype(np.int64)].reset_index(drop=True)
