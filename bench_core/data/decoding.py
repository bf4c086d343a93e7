"""From an image file to pixels: the one path that training and evaluation share."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bench_core.contracts.errors import DataError

DECODING_VERSION = 1
"""Raised whenever the same file would give other pixels: caches of older versions are not used."""

RESIZE_FILTER = Image.Resampling.BILINEAR
"""PIL's bilinear filter, which averages when it shrinks, as the strong baseline resizes."""

DAMAGE = (OSError, SyntaxError, ValueError, IndexError, struct.error, Image.DecompressionBombError)
"""What PIL's decoders raise for damaged files."""


def decode_image(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Decode an image and resize it.

    Args:
        path: A JPEG or PNG file; a single channel is repeated to three.
        size: Height and width in pixels.

    Returns:
        Array (height, width, 3), uint8, RGB.

    Raises:
        DataError: The file is missing, empty, truncated or no image; the message names it.
    """
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty (0 bytes); restore it from the dataset's archive")
        with Image.open(path) as image:
            pixels = image.convert("RGB").resize((size[1], size[0]), RESIZE_FILTER)
    except UnidentifiedImageError:
        raise DataError(f"{path} is not an image; restore it from the dataset's archive") from None
    except DAMAGE as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{path} cannot be decoded ({reason}); restore it from the dataset's archive"
        ) from None
    return np.asarray(pixels)
