"""A first look at image files: what they hold, and which of them give no picture.

All of them are decoded before the first feature is extracted: a damaged file is found in the first
minutes and not in the last ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import ResizeFilter
from bench_core.data.decoding import RESIZE_FILTERS, ImageFileError, decode, read_image_file
from bench_core.data.parallel import map_chunks
from bench_core.image_search.listing import ImageFile, Listing, UnreadableFile

GRAY_DIFFERENCE = 2.0
"""Mean difference between the channels of a picture that counts as gray, of 255: what JPEG leaves
of three equal channels."""
GRAY_PIXELS = (32, 64)
"""Width and height at which it is looked for."""


@dataclass(frozen=True, kw_only=True)
class SeenFile:
    """An image file that was decoded.

    Attributes:
        file: The file.
        digest: SHA-256 of its bytes.
        gray: Whether its three channels are equal, as those of an infrared picture are.
    """

    file: ImageFile
    digest: bytes
    gray: bool


def inspect(
    listing: Listing, files: Sequence[ImageFile]
) -> tuple[list[SeenFile], list[UnreadableFile]]:
    """Read and decode image files on all processors.

    Args:
        listing: What they are of.
        files: Some of its files.

    Returns:
        Those that give a picture, and those that give none, both in their order.
    """
    if not files:
        return [], []
    work = partial(_inspect_chunk, listing.folder)
    found = [seen for chunk in map_chunks(work, files, description="reading") for seen in chunk]
    return (
        [seen for seen in found if isinstance(seen, SeenFile)],
        [seen for seen in found if isinstance(seen, UnreadableFile)],
    )


def decode_seen(
    folder: Path, seen: SeenFile, size: tuple[int, int], resize_filter: ResizeFilter
) -> NDArray[np.uint8]:
    """Decode a file once more, and resize it as images of datasets are.

    Args:
        folder: What its name is relative to.
        seen: The file.
        size: Height and width in pixels.
        resize_filter: How it is resized.

    Returns:
        Array (height, width, 3), uint8, RGB.

    Raises:
        DataError: It is not what it was at the first look.
    """
    path = folder / seen.file.name
    try:
        content = read_image_file(path)
        if hashlib.sha256(content).digest() != seen.digest:
            raise DataError(f"{path} was changed while it was read; give the command once more")
        image = decode(content, path)
    except ImageFileError as error:
        raise DataError(f"{path} {error.reason}; give the command once more") from error
    return np.asarray(image.resize((size[1], size[0]), RESIZE_FILTERS[resize_filter]))


def is_gray(image: Image.Image) -> bool:
    """Tell whether the channels of an RGB image are equal, but for what JPEG changes."""
    pixels = np.asarray(image.resize(GRAY_PIXELS, Image.Resampling.BOX)).astype(np.int16)
    return float(np.ptp(pixels, axis=2).mean()) < GRAY_DIFFERENCE


def _inspect_chunk(folder: Path, files: Sequence[ImageFile]) -> list[SeenFile | UnreadableFile]:
    return list(_inspected(folder, files))


def _inspected(folder: Path, files: Sequence[ImageFile]) -> Iterator[SeenFile | UnreadableFile]:
    for file in files:
        path = folder / file.name
        try:
            content = read_image_file(path)
            image = decode(content, path)
        except ImageFileError as error:
            yield UnreadableFile(path=path, reason=error.reason)
        else:
            digest = hashlib.sha256(content).digest()
            yield SeenFile(file=file, digest=digest, gray=is_gray(image))
