"""Decoded images on disk: decoded and resized once, memory-mapped ever after.

A cache is a folder named by what decides its pixels: the images, their order, the size, the filter
and the version of decoding. It gets its name when it is whole; a description says what it holds.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench_core.configuration import FrozenModel
from bench_core.contracts.dataset import Dataset
from bench_core.contracts.errors import BenchError
from bench_core.contracts.images import ResizeFilter
from bench_core.data.decoding import DECODING_VERSION, RESIZE_FILTERS, decode_image
from bench_core.data.parallel import map_chunks
from bench_core.system.cache_folder import CACHE_VARIABLE
from bench_core.system.files import (
    check_room,
    folder_written_whole,
    hash_json,
    remove_abandoned,
    temporary_beside,
    write_text,
)
from bench_core.system.processes import locked

IMAGES_FOLDER = "images"
PIXELS_FILE = "pixels.bin"
"""The pixels of all images, row by row of (N, H, W, 3), and nothing else."""
DESCRIPTION_FILE = "description.json"
MORE_ROOM = (
    f"remove other caches ('bench data cache --list' shows them), or set {CACHE_VARIABLE} to a "
    "folder on another disk"
)


@dataclass(frozen=True)
class ImageStore:
    """The decoded images of a dataset, in the order of its image table.

    Attributes:
        pixels: Array (N, H, W, 3), uint8, memory-mapped and read-only.
    """

    pixels: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[1], self.pixels.shape[2]


class CacheIdentity(FrozenModel):
    """What decides the pixels of a cache: a change of any of it is another cache.

    Attributes:
        fingerprint: Of the dataset.
        order: SHA-256 (hex) of the paths in the order of the rows.
        num_images: Number of images.
        height: In pixels.
        width: In pixels.
        resize_filter: Name of PIL's filter.
        decoding_version: `DECODING_VERSION` when the cache was made.
    """

    fingerprint: str
    order: str
    num_images: int
    height: int
    width: int
    resize_filter: str
    decoding_version: int

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        fingerprint: str,
        size: tuple[int, int],
        resize_filter: ResizeFilter = "bilinear",
    ) -> CacheIdentity:
        """Return the identity of a dataset's images at a size (height, width) in pixels."""
        return cls(
            fingerprint=fingerprint,
            order=hash_json(dataset.images["path"].tolist()),
            num_images=len(dataset.images),
            height=size[0],
            width=size[1],
            resize_filter=RESIZE_FILTERS[resize_filter].name,
            decoding_version=DECODING_VERSION,
        )

    @property
    def key(self) -> str:
        """Name of the cache's folder."""
        return hash_json(self.model_dump())[:24]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the pixels."""
        return self.num_images, self.height, self.width, 3


class CacheDescription(FrozenModel):
    """What a cache says that it holds.

    Attributes:
        identity: What decides its pixels.
        dataset: Id of the dataset.
        synthetic: Whether the images were rendered by `bench data synth`.
        root: Where the images were read from.
        made: When it was made.
    """

    identity: CacheIdentity
    dataset: str
    synthetic: bool
    root: str
    made: datetime


def open_images(
    dataset: Dataset,
    fingerprint: str,
    size: tuple[int, int],
    cache: Path,
    resize_filter: ResizeFilter = "bilinear",
) -> ImageStore:
    """Open the decoded images of a dataset; decode them first where that was not yet done.

    Every image is decoded before the first is used, so that a damaged file is found now and not
    in the middle of a training. Two processes may ask at once: one builds, the other waits.

    Args:
        dataset: The dataset.
        fingerprint: Its content hash: images that change are decoded anew.
        size: Height and width in pixels.
        cache: Folder for the decoded images.
        resize_filter: How they are brought to the size.

    Returns:
        The images, memory-mapped.

    Raises:
        DataError: An image is damaged; the message names it.
        BenchError: The cache cannot be written.
    """
    identity = CacheIdentity.of(dataset, fingerprint, size, resize_filter)
    folder = cache / IMAGES_FOLDER / identity.key
    pixels = _open(folder, identity)
    if pixels is None:
        with locked(folder):
            pixels = _open(folder, identity)
            if pixels is None:
                discard(folder)
                remove_abandoned(folder.parent)
                _build(dataset, identity, folder, resize_filter)
                pixels = _open(folder, identity)
    if pixels is None:
        raise BenchError(f"{folder} was written but cannot be read again; check the disk")
    return ImageStore(pixels)


def discard(folder: Path) -> None:
    """Remove a cache and what killed processes left of it; its lock must be held.

    It loses its name first, so that nobody opens one that is half removed. Processes that have
    it mapped keep their pixels.

    Raises:
        BenchError: It cannot be removed.
    """
    if left := remove_abandoned(folder.parent, folder.name):
        raise BenchError(f"cannot remove {left[0]}, which a killed process left")
    try:
        if folder.exists():
            shutil.rmtree(folder.rename(temporary_beside(folder)))
    except OSError as error:
        raise BenchError(f"cannot remove {folder}: {error.strerror or error}") from error


def read_description(folder: Path) -> CacheDescription | None:
    """Return what a cache says that it holds; None where it is damaged or not whole."""
    try:
        description = CacheDescription.model_validate_json((folder / DESCRIPTION_FILE).read_bytes())
        size = (folder / PIXELS_FILE).stat().st_size
    except (OSError, ValueError):
        return None
    return description if size == math.prod(description.identity.shape) else None


def _open(folder: Path, identity: CacheIdentity) -> NDArray[np.uint8] | None:
    """Map the decoded images; None where there are none, or damaged ones that are made again."""
    description = read_description(folder)
    if description is None or description.identity != identity:
        return None
    with suppress(OSError):  # a cache on a read-only disk serves as well
        os.utime(folder / DESCRIPTION_FILE)
    return np.memmap(folder / PIXELS_FILE, dtype=np.uint8, mode="r", shape=identity.shape)


def _build(
    dataset: Dataset, identity: CacheIdentity, folder: Path, resize_filter: ResizeFilter
) -> None:
    paths = [str(dataset.root / path) for path in dataset.images["path"]]
    size = identity.height, identity.width
    description = CacheDescription(
        identity=identity,
        dataset=dataset.id,
        synthetic=dataset.synthetic,
        root=_as_text(dataset.root.resolve()),
        made=datetime.now(UTC).replace(microsecond=0),
    )
    check_room(folder, math.prod(identity.shape), MORE_ROOM)
    with folder_written_whole(folder) as temporary:
        target = temporary / PIXELS_FILE
        target.touch()
        map_chunks(
            partial(_decode_chunk, target, size, resize_filter),
            list(enumerate(paths)),
            description=f"decoding {size[0]}x{size[1]}",
        )
        write_text(temporary / DESCRIPTION_FILE, description.model_dump_json(indent=1) + "\n")


def _as_text(path: Path) -> str:
    """Return a path as UTF-8 can write it: a name of other bytes is shown with escapes."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _decode_chunk(
    target: Path,
    size: tuple[int, int],
    resize_filter: ResizeFilter,
    images: Sequence[tuple[int, str]],
) -> None:
    """Write the pixels of images, given as (row, path) with rows that follow each other.

    They are on the disk when this ends: waiting for it here lets others decode meanwhile.
    """
    with target.open("r+b") as file:
        file.seek(images[0][0] * math.prod(size) * 3)
        for _, path in images:
            file.write(decode_image(Path(path), size, resize_filter).data)
        file.flush()
        os.fsync(file.fileno())
