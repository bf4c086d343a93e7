"""Opening every image: its bytes, whether they decode, and whether it has colours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from bench_core.data.decoding import ImageFileError, decode, read_image_file
from bench_core.data.parallel import map_chunks


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What one image file turned out to be.

    Attributes:
        path: Relative to the root.
        content: SHA-256 (hex) of its bytes; None where they cannot be read.
        colour: Mean over the pixels of the highest minus the lowest of the three channels, 0 to
            255; 0 is gray. None where it cannot be decoded.
        fault: Why it cannot be decoded (see `ImageFileError`), or None.
        reason: The same as the rest of a sentence that starts with the file's name.
    """

    path: str
    content: str | None
    colour: float | None = None
    fault: str | None = None
    reason: str = ""


def inspect_images(root: Path, paths: Sequence[str]) -> list[ImageFacts]:
    """Open every image, on all processors, with a progress bar.

    Args:
        root: What `paths` are relative to.
        paths: The images.

    Returns:
        The facts, in the order of `paths`.
    """
    chunks = map_chunks(partial(_inspect_chunk, root), paths, description="checking images")
    return [facts for chunk in chunks for facts in chunk]


def _inspect_chunk(root: Path, paths: Sequence[str]) -> list[ImageFacts]:
    return [_inspect(root, path) for path in paths]


def _inspect(root: Path, path: str) -> ImageFacts:
    content = None
    try:
        data = read_image_file(root / path)
        content = hashlib.sha256(data).hexdigest()
        image = decode(data, root / path)
    except ImageFileError as error:
        return ImageFacts(path=path, content=content, fault=error.fault, reason=error.reason)
    return ImageFacts(path=path, content=content, colour=_colour(image))


def _colour(image: Image.Image) -> float:
    red, green, blue = image.split()
    highest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    lowest = ImageChops.darker(ImageChops.darker(red, green), blue)
    return float(ImageStat.Stat(ImageChops.subtract(highest, lowest)).mean[0])
