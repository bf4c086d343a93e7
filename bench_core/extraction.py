"""From images to features: the one way in which every method is asked for its embeddings."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.data.cache import ImageStore
from bench_core.features import FEATURE_COLUMNS, FeatureTable
from bench_core.progress import progress
from bench_core.training.batches import to_float
from bench_core.training.method import Method

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Extraction:
    """Extracted features and how long it took.

    Attributes:
        features: The features of the chosen rows, in their order.
        seconds: Wall time from decoded images to features on the host.
    """

    features: FeatureTable
    seconds: float


def extract_features(
    method: Method,
    images: pd.DataFrame,
    rows: NDArray[np.int64],
    store: ImageStore,
    *,
    device: torch.device,
    batch_size: int,
) -> Extraction:
    """Extract the features of some images, in float32.

    Args:
        method: A trained method; its networks are put into evaluation mode on `device`.
        images: Image table of the dataset.
        rows: Row positions of the images to extract.
        store: Decoded images of the whole table.
        device: Where to compute.
        batch_size: Images in a batch.

    Raises:
        DataError: The features are not finite, or have not the shape that a method must return.
    """
    method.networks.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    method.networks.eval()
    chosen = images.iloc[rows]
    modality = chosen["modality"].to_numpy()
    result: NDArray[np.float32] | None = None
    started = time.perf_counter()
    with progress(total=len(rows), description="extracting features") as bar:
        for kind in MODALITIES:
            positions = np.flatnonzero(modality == kind)
            for start in range(0, len(positions), batch_size):
                part = positions[start : start + batch_size]
                embedded = _embed(method, store.pixels[rows[part]], kind, device)
                if result is None:
                    result = np.empty((len(rows), *embedded.shape[1:]), dtype=np.float32)
                result[part] = embedded
                bar.update(len(part))
    if result is None:
        raise DataError("there is no image to extract features of")
    table = chosen[list(FEATURE_COLUMNS)].reset_index(drop=True)
    features = FeatureTable(features=result, table=table, metric=method.metric)
    return Extraction(features, time.perf_counter() - started)


def _embed(
    method: Method, pixels: NDArray[np.uint8], modality: Modality, device: torch.device
) -> NDArray[Any]:
    with torch.inference_mode():
        embedded = method.extract(to_float(torch.from_numpy(pixels).to(device)), modality)
    if embedded.ndim != 3 or len(embedded) != len(pixels):
        raise DataError(
            f"{type(method).__name__}.extract returned shape {tuple(embedded.shape)} for "
            f"{len(pixels)} images; expected (batch, views, dimensions)"
        )
    return embedded.float().cpu().numpy()
