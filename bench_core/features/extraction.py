"""From images to features: the one way in which every method is asked for its embeddings."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.contracts.method import Precision
from bench_core.data.cache import ImageStore
from bench_core.data.prefetching import Prefetcher
from bench_core.features.fast import Extractor, check_shape, choose_extractor
from bench_core.features.table import FEATURE_COLUMNS, FeatureTable
from bench_core.system.process_group import collected, num_processes, rank
from bench_core.system.progress import progress
from bench_core.training.batches import to_float
from bench_core.training.method import Method

if TYPE_CHECKING:
    import pandas as pd

PROCESSOR_BATCH_PIXELS = 2**18
"""Pixels of a batch on a processor: 8 images of 256x128.

The maps of larger batches leave its caches, and are given back to the system and zeroed anew by it
in every layer.
"""


@dataclass(frozen=True, kw_only=True)
class ExtractionSettings:
    """How features are extracted.

    Attributes:
        device: Where to compute.
        batch_size: Images in a batch at most; a processor takes smaller ones.
        precision: Number format of convolutions and matrix products.
        description: What the progress bar says.
    """

    device: torch.device
    batch_size: int
    precision: Precision = "float32"
    description: str = "extracting features"


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """Extracted features and how it went.

    Attributes:
        features: The features of the chosen rows, float32, in their order.
        seconds: Wall time from decoded images to features on the host.
        checking_seconds: How much of it passed making the fast copy and holding it to the method.
        waited_seconds: How much of the rest passed waiting for decoded images.
        precision: Number format that was used.
        note: Why the fast path was not taken, on one line; empty where it was.
    """

    features: FeatureTable
    seconds: float
    checking_seconds: float
    waited_seconds: float
    precision: Precision
    note: str


@dataclass(frozen=True)
class _Batch:
    modality: Modality
    places: NDArray[np.int64]
    """Of its images among those that are extracted."""


def extract_features(
    method: Method,
    images: pd.DataFrame,
    rows: NDArray[np.int64],
    store: ImageStore,
    settings: ExtractionSettings,
) -> Extraction:
    """Extract the features of some images.

    A copy of the method that is faster is used where its features of a batch of each modality and
    size are those of the method itself; see `bench_core.features.fast`. On a processor, the same
    images give the same bits.

    Args:
        method: A trained method; its networks are put into evaluation mode on the device, and are
            else left as they are.
        images: Image table of the dataset.
        rows: Row positions of the images to extract.
        store: Decoded images of the whole table.
        settings: Device, precision and size of a batch.

    Raises:
        DataError: The features are not finite.
        PluginError: The method breaks its contract: its features are no tensor of the right form,
            or depend on more than their image.
    """
    method.networks.to(settings.device).eval()
    chosen = images.iloc[rows]
    batches = _plan(chosen["modality"].to_numpy(), batch_limit(settings, store.size))
    if not batches:
        raise DataError("there is no image to extract features of")
    started = time.perf_counter()
    loader = _Loader(store, rows, settings.device)
    samples = _samples(batches)
    checked = zip((batch.modality for batch in samples), loader.load(samples), strict=True)
    extractor = choose_extractor(method, list(checked), settings.precision)
    ready, waited_before = time.perf_counter(), loader.waited_seconds
    features = _extract(method, extractor, batches, loader, settings.description)
    finished = time.perf_counter()
    table = chosen[list(FEATURE_COLUMNS)].reset_index(drop=True)
    return Extraction(
        features=FeatureTable(features=features, table=table, metric=method.metric),
        seconds=finished - started,
        checking_seconds=ready - started,
        waited_seconds=loader.waited_seconds - waited_before,
        precision=extractor.precision,
        note=extractor.note,
    )


def batch_limit(settings: ExtractionSettings, image_size: tuple[int, int]) -> int:
    """Return the number of images in a batch: on a processor, those that it is fastest with.

    Args:
        settings: Device, and number of images at most.
        image_size: Height and width in pixels.
    """
    if settings.device.type == "cuda":
        return settings.batch_size
    height, width = image_size
    fastest = max(PROCESSOR_BATCH_PIXELS // (height * width), torch.get_num_threads())
    return min(settings.batch_size, fastest)


def _plan(modalities: NDArray[np.object_], limit: int) -> list[_Batch]:
    batches = []
    for modality in MODALITIES:
        places = np.flatnonzero(modalities == modality)
        batches += [
            _Batch(modality, places[start : start + limit])
            for start in range(0, len(places), limit)
        ]
    return batches


def _samples(batches: list[_Batch]) -> list[_Batch]:
    """Return a batch of each modality and size: shapes decide which kernels run."""
    kinds = {(batch.modality, len(batch.places)): batch for batch in batches}
    return list(kinds.values())


def _extract(
    method: Method,
    extractor: Extractor,
    batches: list[_Batch],
    loader: _Loader,
    description: str,
) -> NDArray[np.float32]:
    """Embed all batches; one is copied to the host while the next is computed.

    Several processes take turns, so that each batch is what it is for one process.
    """
    embedded = _Embedded((sum(len(batch.places) for batch in batches), *extractor.shape))
    own = batches[rank() :: num_processes()]
    num_own = sum(len(batch.places) for batch in own)
    with progress(total=num_own, description=description) as bar:
        for batch, images in zip(own, loader.load(own), strict=True):
            features = extractor.embed(images, batch.modality)
            check_shape(method, features, extractor.shape)
            embedded.add(batch.places, features)
            bar.update(len(batch.places))
        joined = embedded.finished()
    places = np.concatenate([batch.places for batch in own]) if own else np.empty(0, np.int64)
    for others_places, others in collected((places, joined[places])):
        joined[others_places] = others
    return joined


class _Loader:
    """Gathers batches in a thread and copies them while others are computed."""

    def __init__(self, store: ImageStore, rows: NDArray[np.int64], device: torch.device) -> None:
        self._store, self._rows, self._device = store, rows, device
        self._copies = None
        if device.type == "cuda":
            self._copies = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._prefetcher = Prefetcher(self._gather)

    @property
    def waited_seconds(self) -> float:
        return self._prefetcher.waited_seconds

    def load(self, batches: Iterable[_Batch]) -> Iterator[torch.Tensor]:
        """Yield the images of batches (B, 3, H, W) in [0, 1], on the device."""
        for pixels in self._prefetcher.results(batches):
            yield to_float(self._to_device(pixels))

    def _to_device(self, pixels: torch.Tensor) -> torch.Tensor:
        """Copy gathered pixels to the device, beside what is computed there."""
        if self._copies is None:
            return pixels
        with torch.cuda.stream(self._copies):
            copied = pixels.to(self._device, non_blocking=True)
        computing = torch.cuda.current_stream(self._device)
        computing.wait_stream(self._copies)
        copied.record_stream(computing)  # its memory must not be used again before that is done
        return copied

    def _gather(self, batch: _Batch) -> torch.Tensor:
        pixels = torch.from_numpy(self._store.pixels[self._rows[batch.places]])
        return pixels if self._copies is None else pixels.pin_memory()


class _Embedded:
    """Collects embeddings on the host, each a batch after it was computed."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._features = np.empty(shape, dtype=np.float32)
        self._copied: deque[tuple[NDArray[np.int64], torch.Tensor, torch.cuda.Event | None]]
        self._copied = deque()

    def add(self, places: NDArray[np.int64], embedded: torch.Tensor) -> None:
        host = embedded.to("cpu", non_blocking=True)
        event = None
        if embedded.is_cuda:
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record(torch.cuda.current_stream(embedded.device))
        self._copied.append((places, host, event))
        if len(self._copied) > 1:
            self._store()

    def finished(self) -> NDArray[np.float32]:
        while self._copied:
            self._store()
        return self._features

    def _store(self) -> None:
        places, host, event = self._copied.popleft()
        if event is not None:
            event.synchronize()
        self._features[places] = host.numpy()
