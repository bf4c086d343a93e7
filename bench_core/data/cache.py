"""Decoded images on disk: decoded and resized once, memory-mapped ever after."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.errors import BenchError
from bench_core.data.decoding import DECODING_VERSION, RESIZE_FILTER, decode_image
from bench_core.files import folder_written_whole, hash_json, remove_leftovers
from bench_core.processes import locked, num_processors, process_pool
from bench_core.progress import progress

PIXELS_FILE = "pixels.npy"
CHUNK = 64
IMAGES_WORTH_A_PROCESS = 2_000


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


def open_images(
    dataset: Dataset, fingerprint: str, size: tuple[int, int], cache: Path
) -> ImageStore:
    """Open the decoded images of a dataset; decode them first where that was not yet done.

    Every image is decoded before the first is used, so that a damaged file is found now and not
    in the middle of a training. Two processes may ask at once: one builds, the other waits.

    Args:
        dataset: The dataset.
        fingerprint: Its content hash: images that change are decoded anew.
        size: Height and width in pixels.
        cache: Folder for the decoded images.

    Returns:
        The images, memory-mapped.

    Raises:
        DataError: An image is damaged; the message names it.
        BenchError: The cache cannot be written.
    """
    key = hash_json([fingerprint, list(size), RESIZE_FILTER.name, DECODING_VERSION])[:24]
    folder = cache / "images" / key
    shape = (len(dataset.images), *size, 3)
    pixels = _open(folder, shape)
    if pixels is None:
        with locked(folder):
            pixels = _open(folder, shape)
            if pixels is None:
                remove_leftovers(folder)
                shutil.rmtree(folder, ignore_errors=True)  # a damaged one makes room
                _build(dataset, shape, folder)
                pixels = _open(folder, shape)
    if pixels is None:
        raise BenchError(f"{folder} was written but cannot be read again; check the disk")
    return ImageStore(pixels)


def _open(folder: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Map the decoded images; None where there are none, or a damaged file that is made again."""
    try:
        pixels: NDArray[np.uint8] = np.load(folder / PIXELS_FILE, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return pixels if pixels.shape == shape and pixels.dtype == np.uint8 else None


def _build(dataset: Dataset, shape: tuple[int, int, int, int], folder: Path) -> None:
    paths = [str(dataset.root / path) for path in dataset.images["path"]]
    chunks = [range(start, min(start + CHUNK, len(paths))) for start in range(0, len(paths), CHUNK)]
    with folder_written_whole(folder) as temporary:
        target = temporary / PIXELS_FILE
        np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=shape).flush()
        _claim_space(target)
        with (
            _workers(len(paths)) as pool,
            progress(total=len(paths), description=f"decoding {shape[1]}x{shape[2]}") as bar,
        ):
            jobs = {
                pool.submit(_decode_chunk, target, chunk.start, paths[chunk.start : chunk.stop])
                for chunk in chunks
            }
            try:
                for job in as_completed(jobs):
                    bar.update(job.result())
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        _sync(target)


def _claim_space(target: Path) -> None:
    """Claim the file's space now: a disk that fills while it is mapped would end the process."""
    if hasattr(os, "posix_fallocate"):
        with target.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, target.stat().st_size)


def _sync(target: Path) -> None:
    """Have the pixels reach the disk before the folder gets its name."""
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _workers(num_images: int) -> AbstractContextManager[Executor]:
    """Choose processes for many images; for a few, starting them would take longer."""
    if num_images < IMAGES_WORTH_A_PROCESS:
        return ThreadPoolExecutor(num_processors())
    return process_pool(num_processors())


def _decode_chunk(target: Path, start: int, paths: Sequence[str]) -> int:
    pixels = np.load(target, mmap_mode="r+")
    size = pixels.shape[1], pixels.shape[2]
    for offset, path in enumerate(paths):
        pixels[start + offset] = decode_image(Path(path), size)
    return len(paths)
