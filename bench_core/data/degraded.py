"""Degraded images on disk, beside the decoded ones: those that a protocol scores, and no others.

They are kept in the same form, so that they are listed, found and cleared with them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.degradation import DegradationSpec, Degrade
from bench_core.contracts.errors import BenchError, PluginError
from bench_core.contracts.images import ResizeFilter
from bench_core.data.cache import (
    DESCRIPTION_FILE,
    IMAGES_FOLDER,
    MORE_ROOM,
    PIXELS_FILE,
    CacheDescription,
    CacheIdentity,
    ImageStore,
    discard,
    open_images,
    read_description,
)
from bench_core.data.decoding import RESIZE_FILTERS, decode, read_image_file
from bench_core.data.parallel import map_chunks
from bench_core.loading import load_object
from bench_core.system.escaping import in_one_line
from bench_core.system.files import (
    check_room,
    folder_written_whole,
    hash_json,
    remove_abandoned,
    write_text,
)
from bench_core.system.interruption import from_outside
from bench_core.system.processes import locked


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """The images of a dataset at a size, before they are degraded.

    Attributes:
        dataset: The dataset.
        fingerprint: Its content hash.
        size: Height and width in pixels.
        cache: Folder for the decoded images.
        resize_filter: How they are brought to the size.
    """

    dataset: Dataset
    fingerprint: str
    size: tuple[int, int]
    cache: Path
    resize_filter: ResizeFilter = "bilinear"


@dataclass(frozen=True)
class _Work:
    """What writes degraded pixels; it is sent to processes."""

    target: Path
    degradation: DegradationSpec
    size: tuple[int, int]
    resize_filter: ResizeFilter


@dataclass(frozen=True)
class _Image:
    row: int
    path: str
    """In the file system."""
    name: str
    """In the dataset, by which it is seeded."""
    degraded: bool
    decoded: NDArray[np.uint8]
    """(H, W, 3), of the size, mapped from the cache; empty where the file is decoded anew."""


def open_degraded(
    source: ImageSource,
    rows: NDArray[np.int64],
    degradation: DegradationSpec,
    folder: Path | None = None,
) -> ImageStore:
    """Open some images of a dataset, degraded; degrade them first where that was not yet done.

    Args:
        source: The dataset, and the size.
        rows: Row positions of the images.
        degradation: What befalls those of its modality; the others are copied.
        folder: Where degraded images are kept; None for the cache of decoded ones.

    Returns:
        The images in the order of `rows`, memory-mapped.

    Raises:
        DataError: An image is damaged; the message names it.
        PluginError: The degradation cannot be loaded, or breaks its contract.
        BenchError: The cache cannot be written.
    """
    identity = _identity(source, rows, degradation)
    path = (folder or source.cache) / IMAGES_FOLDER / identity.key
    if (pixels := _open(path, identity)) is not None:
        return ImageStore(pixels)
    with locked(path):
        if _open(path, identity) is None:
            discard(path)
            remove_abandoned(path.parent)
            _build(source, rows, degradation, identity, path)
    if (pixels := _open(path, identity)) is None:
        raise BenchError(f"{path} was written but cannot be read again; check the disk")
    return ImageStore(pixels)


def _identity(
    source: ImageSource, rows: NDArray[np.int64], degradation: DegradationSpec
) -> CacheIdentity:
    """Return what decides the pixels: that of the decoded ones, and the degradation's label."""
    decoded = CacheIdentity.of(
        source.dataset, source.fingerprint, source.size, source.resize_filter
    )
    paths = source.dataset.images["path"].iloc[rows].tolist()
    order = hash_json([degradation.label, degradation.definition, paths])
    return decoded.model_copy(update={"order": order, "num_images": len(rows)})


def _open(folder: Path, identity: CacheIdentity) -> NDArray[np.uint8] | None:
    description = read_description(folder)
    if description is None or description.identity != identity:
        return None
    with suppress(OSError):  # a cache on a read-only disk serves as well
        os.utime(folder / DESCRIPTION_FILE)
    return np.memmap(folder / PIXELS_FILE, dtype=np.uint8, mode="r", shape=identity.shape)


def _build(
    source: ImageSource,
    rows: NDArray[np.int64],
    degradation: DegradationSpec,
    identity: CacheIdentity,
    folder: Path,
) -> None:
    dataset = source.dataset
    load_object(degradation.definition)  # what is missing is found before any work
    images = _images(source, rows, degradation)
    description = CacheDescription(
        identity=identity,
        dataset=f"{dataset.id}, {degradation.id}",
        synthetic=dataset.synthetic,
        root=os.fsencode(dataset.root.resolve()).decode(errors="backslashreplace"),
        made=datetime.now(UTC).replace(microsecond=0),
    )
    check_room(folder, math.prod(identity.shape), MORE_ROOM)
    with folder_written_whole(folder) as temporary:
        target = temporary / PIXELS_FILE
        target.touch()
        work = _Work(target, degradation, source.size, source.resize_filter)
        map_chunks(partial(_write_chunk, work), images, description=f"degrading ({degradation.id})")
        write_text(temporary / DESCRIPTION_FILE, description.model_dump_json(indent=1) + "\n")


def _images(
    source: ImageSource, rows: NDArray[np.int64], degradation: DegradationSpec
) -> list[_Image]:
    """Say of each image where it is found and what becomes of it.

    Decoded ones are opened, and decoded where that was not yet done, unless files are decoded at
    their own size, of which none is kept.
    """
    dataset, none = source.dataset, np.empty(0, np.uint8)
    table = dataset.images.iloc[rows]
    degraded = (table["modality"] == degradation.modality).tolist()
    decoded: NDArray[np.uint8] | None = None
    if degradation.stage == "resized" or not all(degraded):
        decoded = open_images(
            dataset, source.fingerprint, source.size, source.cache, source.resize_filter
        ).pixels
    return [
        _Image(
            row=row,
            path=str(dataset.root / name),
            name=name,
            degraded=is_degraded,
            decoded=none
            if decoded is None or (is_degraded and degradation.stage == "original")
            else decoded[at],
        )
        for row, (at, name, is_degraded) in enumerate(
            zip(rows.tolist(), table["path"].tolist(), degraded, strict=True)
        )
    ]


def _write_chunk(work: _Work, images: Sequence[_Image]) -> None:
    """Write the pixels of images whose rows follow each other; they are on the disk at the end."""
    function = load_object(work.degradation.definition)
    with work.target.open("r+b") as file:
        file.seek(images[0].row * math.prod(work.size) * 3)
        for image in images:
            file.write(np.ascontiguousarray(_pixels(work, function, image)).data)
        file.flush()
        os.fsync(file.fileno())


def _pixels(work: _Work, function: Degrade, image: _Image) -> NDArray[np.uint8]:
    if not image.degraded:
        return image.decoded
    if work.degradation.stage == "resized":
        return _degraded(work.degradation, function, image.decoded, image.name)
    path = Path(image.path)
    whole = np.asarray(decode(read_image_file(path), path))
    degraded = Image.fromarray(_degraded(work.degradation, function, whole, image.name))
    height, width = work.size
    return np.asarray(degraded.resize((width, height), RESIZE_FILTERS[work.resize_filter]))


def _degraded(
    degradation: DegradationSpec, function: Degrade, pixels: NDArray[np.uint8], name: str
) -> NDArray[np.uint8]:
    """Degrade one image, and hold what comes back to the contract."""
    given = np.array(pixels)
    try:
        degraded = function(given, name, degradation.settings)
    except BaseException as error:  # a stranger's function may raise anything
        if from_outside(error) or isinstance(error, BenchError):
            raise
        raise PluginError(
            f"{degradation.definition} failed for {name}: {in_one_line(error)}"
        ) from error
    fits = isinstance(degraded, np.ndarray) and degraded.dtype == np.uint8
    if not fits or degraded.shape != given.shape:
        found = f"{degraded.dtype} {degraded.shape}" if isinstance(degraded, np.ndarray) else "none"
        raise PluginError(
            f"{degradation.definition} must return uint8 pixels {given.shape}, not {found}"
        )
    return degraded
