"""From an image file to pixels: the one path that training, evaluation and verification share.

How other files than 8-bit RGB become 8-bit RGB:

- Gray of 8 bits, or black and white: the value is repeated in all three channels.
- Gray of 16 bits: the high byte is kept, as PIL does for 16-bit colour (its own conversion of gray
  would turn all values above 255 into white).
- A palette is looked up; transparency is dropped, what lies behind it is kept.
- CMYK and other colour spaces: PIL's conversion.
- Floating-point pixels have no fixed range and are refused.

An orientation in the EXIF data is ignored, as in the code of the field's papers.

Only JPEG, PNG, BMP, TIFF and WebP are decoded. PIL knows forty formats more, of which PostScript
starts another program.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import ResizeFilter
from bench_core.system.foreign_files import read_regular, recognise

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
"""Names of PIL's decoders that are used."""
LARGEST_IMAGE_BYTES = 1 << 28
"""256 MiB: no image of a person is as large."""
MOST_PIXELS = 1 << 25
"""33 million: a few bytes can claim to be as many, and cost minutes and gigabytes."""
NO_IMAGE = "not a JPEG, PNG, BMP, TIFF or WebP image"

DECODING_VERSION = 1
"""Raised whenever the same file would give other pixels: caches of older versions are not used."""

RESIZE_FILTERS: Mapping[ResizeFilter, Image.Resampling] = MappingProxyType(
    {
        "bilinear": Image.Resampling.BILINEAR,
        "bicubic": Image.Resampling.BICUBIC,
        "lanczos": Image.Resampling.LANCZOS,
    }
)
"""PIL's filters, which average when they shrink; the strong baseline resizes by the first."""

DAMAGE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, IndexError, KeyError, RuntimeError),
    *(struct.error, Image.DecompressionBombError),
)
"""What PIL's decoders raise for damaged files."""

HIGHEST_16_BIT = 0xFFFF
START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
"""Markers of a JPEG file."""

Fault: TypeAlias = Literal["unreadable", "empty", "truncated", "damaged"]


class ImageFileError(DataError):
    """An image file that gives no pixels.

    Attributes:
        path: The file.
        fault: "unreadable" (missing, no permission, or no regular file), "empty", "truncated" or
            "damaged".
        reason: What is wrong with the file, as the rest of a sentence that starts with its name.
    """

    def __init__(self, path: Path, fault: Fault, reason: str) -> None:
        super().__init__(path, fault, reason)
        self.path, self.fault, self.reason = path, fault, reason

    def __str__(self) -> str:
        return f"{self.path} {self.reason}; restore it from the dataset's archive"


def decode_image(
    path: Path, size: tuple[int, int], resize_filter: ResizeFilter = "bilinear"
) -> NDArray[np.uint8]:
    """Decode an image and resize it.

    Args:
        path: The image file.
        size: Height and width in pixels.
        resize_filter: How it is resized.

    Returns:
        Array (height, width, 3), uint8, RGB.

    Raises:
        ImageFileError: The file is missing, empty, truncated or no image; the message names it.
    """
    image = decode(read_image_file(path), path)
    return np.asarray(image.resize((size[1], size[0]), RESIZE_FILTERS[resize_filter]))


def read_image_file(path: Path) -> bytes:
    """Return the content of an image file.

    Raises:
        ImageFileError: The file is missing, may not be read, is no regular file or too large.
    """
    try:
        return read_regular(path, LARGEST_IMAGE_BYTES)
    except OSError as error:
        reason = f"cannot be decoded ({error.strerror or error})"
        raise ImageFileError(path, "unreadable", reason) from None


def decode(content: bytes, path: Path) -> Image.Image:
    """Decode the content of an image file; the module's documentation says how it becomes RGB.

    Args:
        content: The bytes of the file.
        path: Where they come from, for the message.

    Returns:
        An 8-bit RGB image of the file's own size.

    Raises:
        ImageFileError: The content is empty, truncated or no image.
    """
    if not content:
        raise ImageFileError(path, "empty", "is empty (0 bytes)")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        pixels = _as_rgb(image)
    except UnidentifiedImageError:
        kind = (recognise(content) or "").partition(";")[0]
        named = f"{kind}, " if kind and not kind.endswith("image") else ""
        reason = f"is {named}{NO_IMAGE}"
        raise ImageFileError(path, "damaged", reason) from None
    except DAMAGE as error:
        fault: Fault = "truncated" if "truncated" in str(error).lower() else "damaged"
        raise ImageFileError(path, fault, f"cannot be decoded ({error})") from None
    if image.format == "JPEG" and content.rfind(END_OF_IMAGE) < content.rfind(START_OF_SCAN):
        # The decoder would read zeros after the end of a broken download as pixels.
        reason = "cannot be decoded (image file is truncated: it has no end marker)"
        raise ImageFileError(path, "truncated", reason)
    return pixels


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.width * image.height > MOST_PIXELS:
        raise ValueError(f"{image.width} x {image.height} pixels are more than {MOST_PIXELS:,}")
    if image.mode == "RGB":
        image.load()
        return image
    if image.mode == "F":
        raise ValueError("floating-point pixels have no fixed range; save it with 8 bits")
    if image.mode.startswith("I"):
        image = _high_bytes(image)
    image.info.pop("transparency", None)  # PIL warns of it when it converts a palette
    return image.convert("RGB")


def _high_bytes(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > HIGHEST_16_BIT:
        raise ValueError("pixels of 32 bits have no fixed range; save it with 8 or 16 bits")
    return Image.fromarray((values >> 8).astype(np.uint8))
