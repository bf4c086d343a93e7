"""Features of the images of a folder: kept ones where the files are the same, else extracted.

Letters in shapes: N files, B images of a batch, V views, D dimensions, H and W pixels.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import Modality
from bench_core.data.decoding import DECODING_VERSION
from bench_core.data.prefetching import Prefetcher
from bench_core.features.extraction import ExtractionSettings, batch_limit
from bench_core.features.fast import Extractor, check_shape, choose_extractor
from bench_core.image_search.inspection import SeenFile, decode_seen, inspect
from bench_core.image_search.kept_features import PART_ROWS, FeatureShelf, KeptPart
from bench_core.image_search.listing import ImageFile, Listing, UnreadableFile
from bench_core.pipeline.methods import networks_digest
from bench_core.pipeline.opened_models import OpenedModel
from bench_core.plugins import Registry
from bench_core.system.devices import fixed_threads
from bench_core.system.files import hash_json
from bench_core.system.processes import num_processors
from bench_core.system.progress import progress
from bench_core.training.batches import to_float
from bench_core.training.code import training_code_hash

Judge = Callable[[Sequence[UnreadableFile]], None]
"""Raises where files that give no picture may not be left out."""


@dataclass(frozen=True, kw_only=True)
class ExtractionWay:
    """How the features of files come about.

    Attributes:
        model: The model.
        identity: What decides its features, from `identity_of`.
        modality: What the pictures are taken as.
        device: Where to compute.
        threads: Processor threads.
        judge: Asked about files that give no picture, before anything is extracted.
    """

    model: OpenedModel
    identity: str
    modality: Modality
    device: torch.device
    threads: int
    judge: Judge

    def key_of(self, folder: Path) -> str:
        """Return the name under which the features of a folder are kept."""
        place = os.fsencode(folder.resolve()).hex()
        return hash_json([self.identity, self.modality, place])[:24]


@dataclass(frozen=True, kw_only=True, eq=False)
class FolderFeatures:
    """The features of the image files of a folder.

    Attributes:
        listing: The folder.
        parts: The features; every readable file has a row in one of them.
        unreadable: What gives no picture.
        num_extracted: Of how many pictures they were extracted now.
    """

    listing: Listing
    parts: tuple[KeptPart, ...]
    unreadable: tuple[UnreadableFile, ...]
    num_extracted: int

    @property
    def files(self) -> list[SeenFile]:
        """The file of each row, counted through all parts."""
        return [seen for part in self.parts for seen in part.files]


def identity_of(registry: Registry, model: OpenedModel) -> str:
    """Return a hash of all that decides a model's features, but for the last bits of a device."""
    spec, _ = registry.method(f"{model.facts['method']}:{model.facts['variant']}")
    return hash_json(
        {
            "method": spec.method,
            "code": training_code_hash(spec.method),
            "config": model.config.model_dump(mode="json"),
            "networks": networks_digest(model.method.networks),
            "decoding": DECODING_VERSION,
        }
    )


def features_of(listing: Listing, way: ExtractionWay, shelf: FeatureShelf) -> FolderFeatures:
    """Return the features of all files of a listing.

    Files that did not change since their features were kept are not opened. Of others the content
    decides: a file that was moved or touched, or a copy, takes the features that are there.
    What was extracted is kept part by part; files that are gone are forgotten.

    Args:
        listing: The files.
        way: How features come about.
        shelf: Where they are kept.

    Raises:
        BenchError: What `judge` raises, or features cannot be kept.
        DataError: The features of a picture are not finite, or all zeros where they are compared
            by their cosine.
        PluginError: The method breaks its contract.
    """
    with shelf.opened() as kept:
        current = _current_rows(kept, listing)
        unchanged = {
            part.files[row].file.name
            for part, rows in zip(kept, current, strict=True)
            for row in rows.tolist()
        }
        new = [file for file in listing.files if file.name not in unchanged]
        seen, unreadable = inspect(listing, new)
        unreadable = sorted([*listing.unreadable, *unreadable], key=lambda item: item.path)
        way.judge(unreadable)
        extraction = _Extraction(listing.folder, way, kept if seen else ())
        made = list(extraction.parts_of(seen, shelf))
        current += [np.arange(len(part.files)) for part in made]
        parts = _tidied([*kept, *made], current, shelf)
    return FolderFeatures(
        listing=listing,
        parts=tuple(parts),
        unreadable=tuple(unreadable),
        num_extracted=extraction.num_extracted,
    )


def _current_rows(parts: Sequence[KeptPart], listing: Listing) -> list[NDArray[np.int64]]:
    """Return the rows of each part whose files are as they were; each file once.

    A process that was killed while it joined parts has left rows of both.
    """
    waiting = {file.name: file for file in listing.files if file.certain}
    found = []
    for part in parts:
        rows = [row for row, seen in enumerate(part.files) if _is_current(seen, waiting)]
        found.append(np.array(rows, dtype=np.int64))
    return found


def _is_current(seen: SeenFile, waiting: dict[str, ImageFile]) -> bool:
    if not seen.file.certain or waiting.get(seen.file.name) != seen.file:
        return False
    del waiting[seen.file.name]
    return True


class _Extraction:
    """Extracts features of pictures that are not known yet, and remembers them by content."""

    def __init__(self, folder: Path, way: ExtractionWay, kept: Sequence[KeptPart]) -> None:
        self._folder, self._way = folder, way
        self._known: dict[bytes, NDArray[np.float32]] = {
            seen.digest: row
            for part in kept
            for seen, row in zip(part.files, part.features, strict=True)
        }
        self.num_extracted = 0

    def parts_of(self, files: Sequence[SeenFile], shelf: FeatureShelf) -> Iterator[KeptPart]:
        """Yield parts of files in their order, each when it is kept."""
        first = {seen.digest: seen for seen in reversed(files) if seen.digest not in self._known}
        unknown = [seen for seen in files if first.get(seen.digest) is seen]
        if unknown:
            features = self._extracted(unknown)
        for start in range(0, len(files), PART_ROWS):
            some = files[start : start + PART_ROWS]
            while any(seen.digest not in self._known for seen in some):
                self._known.update(next(features))
            rows = np.stack([self._known[seen.digest] for seen in some])
            part = shelf.keep(KeptPart.of(some, rows), len(files) - start - len(some))
            pairs = zip(some, part.features, strict=True)
            self._known.update({seen.digest: row for seen, row in pairs})
            yield part

    def _extracted(
        self, files: Sequence[SeenFile]
    ) -> Iterator[Mapping[bytes, NDArray[np.float32]]]:
        """Yield features by content, a batch at a time."""
        way, config = self._way, self._way.model.config
        settings = ExtractionSettings(device=way.device, batch_size=config.extraction_batch)
        size = min(batch_limit(settings, config.image_size), len(files))
        batches = [files[start : start + size] for start in range(0, len(files), size)]
        way.model.method.networks.to(way.device).eval()
        with (
            fixed_threads(way.threads),
            ThreadPoolExecutor(num_processors()) as decoders,
            progress(total=len(files), description="extracting features") as bar,
        ):
            decoded = Prefetcher(partial(self._pixels, size, decoders)).results(batches)
            extractor = None
            for batch, pixels in zip(batches, decoded, strict=True):
                images = to_float(torch.from_numpy(pixels).to(way.device))
                extractor = extractor or self._chosen(images)
                features = self._features(extractor, images)[: len(batch)]
                self._check(batch, features)
                self.num_extracted += len(batch)
                bar.update(len(batch))
                yield {seen.digest: row for seen, row in zip(batch, features, strict=True)}

    def _pixels(
        self, size: int, decoders: ThreadPoolExecutor, batch: Sequence[SeenFile]
    ) -> NDArray[np.uint8]:
        """Decode a batch (B, H, W, 3); a last one that is short is filled up with its first.

        All batches are of one size, for which the fast path was checked.
        """
        config = self._way.model.config
        decode = partial(
            decode_seen, self._folder, size=config.image_size, resize_filter=config.resize_filter
        )
        pixels = list(decoders.map(decode, batch))
        return np.stack([*pixels, *[pixels[0]] * (size - len(pixels))])

    def _chosen(self, images: torch.Tensor) -> Extractor:
        way = self._way
        extractor = choose_extractor(way.model.method, [(way.modality, images)], "float32")
        if extractor.note:
            sys.stderr.write(f"Note: features are extracted the slow way: {extractor.note}\n")
        return extractor

    def _features(self, extractor: Extractor, images: torch.Tensor) -> NDArray[np.float32]:
        features = extractor.embed(images, self._way.modality)
        check_shape(self._way.model.method, features, extractor.shape)
        values: NDArray[np.float32] = features.cpu().numpy()
        return values

    def _check(self, batch: Sequence[SeenFile], features: NDArray[np.float32]) -> None:
        """Refuse features that have no distance.

        Raises:
            DataError: Some are not finite, or all zeros where the cosine is the metric.
        """
        faults = {"not finite": ~np.isfinite(features).all(axis=(1, 2))}
        if self._way.model.method.metric == "cosine":
            faults["all zeros"] = ~np.any(features != 0, axis=2).all(axis=1)
        for fault, rows in faults.items():
            if rows.any():
                path = self._folder / batch[int(np.argmax(rows))].file.name
                raise DataError(
                    f"the model's features of {path} are {fault}, so that it has no distance; the "
                    "model has diverged, or the picture is nothing that it was made for"
                )


def _tidied(
    parts: Sequence[KeptPart], current: Sequence[NDArray[np.int64]], shelf: FeatureShelf
) -> list[KeptPart]:
    """Return parts of the current files alone; short ones are joined, and what is gone is removed.

    Args:
        parts: All that there are.
        current: Their rows whose files are current.
        shelf: Where they lie.
    """
    pairs = list(zip(parts, current, strict=True))
    whole = [part for part, rows in pairs if len(rows) == len(part.files) == PART_ROWS]
    others = [(part, rows) for part, rows in pairs if part not in whole]
    if len(others) == 1 and len(others[0][1]) == len(others[0][0].files):
        return [*whole, others[0][0]]
    joined = [shelf.keep(part) for part in _joined(others)]
    shelf.forget([part for part, _ in others])
    return [*whole, *joined]


def _joined(parts: Sequence[tuple[KeptPart, NDArray[np.int64]]]) -> Iterator[KeptPart]:
    """Yield the rows of parts as whole parts, of which the last may be short."""
    waiting: list[KeptPart] = []
    for part, rows in parts:
        waiting.append(part.chosen(rows))
        if sum(len(some.files) for some in waiting) >= PART_ROWS:
            whole, rest = KeptPart.joined(waiting, PART_ROWS)
            yield whole
            waiting = [rest]
    if waiting:
        last, _ = KeptPart.joined(waiting, PART_ROWS)
        if last.files:
            yield last
