"""The four arrays that `pre_process_sysu.py` of the AGW family writes, and how they are checked.

Images are uint8 (N, height, width, 3) in RGB, labels whole numbers (N,), both in version 1 of
NumPy's format. One name is used for every image size, so the shape is checked before anything else.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.images import INFRARED, VISIBLE, Modality
from bench_core.system.foreign_files import HEAD_BYTES, open_given, recognise

FORMAT = "agw-npy"
STEMS: Mapping[Modality, str] = MappingProxyType(
    {VISIBLE: "train_rgb_resized", INFRARED: "train_ir_resized"}
)
"""How the names of each modality's two files begin."""
USUAL_SIZE = (288, 144)
SIZES: Mapping[tuple[int, int], str] = MappingProxyType(
    {(288, 144): "AGW, CAJ, DDAG, DNS, LbA, CIL", (384, 144): "DEEN", (256, 128): "PMT"}
)
"""Height and width in pixels of the arrays that are around, and whose they are."""
MOST_LABELS = 1 << 24

_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Readers of the headers that arrays of numbers have, by version."""
_MAGIC = b"\x93NUMPY"
_WHAT = "the four arrays that pre_process_sysu.py of AGW writes"


def image_file(modality: Modality) -> str:
    """Return the name of a modality's images."""
    return f"{STEMS[modality]}_img.npy"


def label_file(modality: Modality) -> str:
    """Return the name of a modality's labels."""
    return f"{STEMS[modality]}_label.npy"


@dataclass(frozen=True)
class ImageArray:
    """The images of one modality in a file, of which none is in memory.

    Attributes:
        path: The file.
        shape: (N, height, width, 3).
        offset: Bytes before the first pixel.
    """

    path: Path
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.shape[1], self.shape[2]

    def pixels(self) -> NDArray[np.uint8]:
        """Map the images into memory, read-only."""
        return np.memmap(self.path, np.uint8, "r", offset=self.offset, shape=self.shape)


@dataclass(frozen=True)
class TrainingArrays:
    """The arrays of both modalities, checked against each other.

    Attributes:
        images: By modality.
        labels: By modality the label of each image, int64 (N,); both cover 0 to n - 1.
    """

    images: Mapping[Modality, ImageArray]
    labels: Mapping[Modality, NDArray[np.int64]]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of all images, in pixels."""
        return self.images[VISIBLE].size


def open_arrays(folder: Path, size: tuple[int, int] | None = None) -> TrainingArrays:
    """Open the arrays of a folder; only labels are read.

    Args:
        folder: Where the four files lie.
        size: Height and width that the images must have; None takes one of `SIZES`.

    Raises:
        DataError: A file is missing, truncated, a pickle, of another type, shape or order, the
            modalities have different sizes or people, or labels do not cover 0 to n - 1.
        UsageError: The size is none of `SIZES` and was not named.
    """
    names = [name(modality) for modality in STEMS for name in (image_file, label_file)]
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise DataError(f"{folder} has no {missing[0]}; expected {_WHAT}: {', '.join(names)}")
    images = {modality: _open_images(folder / image_file(modality)) for modality in STEMS}
    _check_sizes(images, size)
    labels = {modality: _read_labels(folder / label_file(modality)) for modality in STEMS}
    for modality, array in images.items():
        if len(labels[modality]) != array.shape[0]:
            raise DataError(
                f"{array.path} has {array.shape[0]:,} images, but {label_file(modality)} "
                f"{len(labels[modality]):,} labels; both must come from one run of the script"
            )
    _check_same_people(folder, labels)
    return TrainingArrays(images, labels)


def _open_images(path: Path) -> ImageArray:
    with open_given(path) as file:
        shape, dtype = _read_header(path, file)
        if dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or min(shape) < 1:
            raise DataError(
                f"{path} is an array of {dtype} of the shape {shape}; expected uint8 of the shape "
                "(images, height, width, 3)"
            )
        return ImageArray(path, shape, file.tell())


def _read_labels(path: Path) -> NDArray[np.int64]:
    with open_given(path) as file:
        shape, dtype = _read_header(path, file)
        if dtype.kind not in "iu" or len(shape) != 1 or not 0 < shape[0] <= MOST_LABELS:
            raise DataError(
                f"{path} is an array of {dtype} of the shape {shape}; expected a whole number for "
                "each image"
            )
        labels = np.frombuffer(file.read(shape[0] * dtype.itemsize), dtype).astype(np.int64)
    num_people = len(np.unique(labels))
    lost = np.setdiff1d(np.arange(num_people), labels)
    if lost.size:
        raise DataError(
            f"{path}: its {num_people} labels run from {labels.min()} to {labels.max()} and skip "
            f"{lost[0]}; labels of training arrays are 0 to n - 1, so this is another array, such "
            "as one of identity numbers"
        )
    return labels


def _read_header(path: Path, file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Read what an array is, and leave the file where its values begin."""
    head = file.read(HEAD_BYTES)
    if not head.startswith(_MAGIC):
        kind = recognise(head) or "something else"
        raise DataError(f"{path} is {kind}; expected an array that numpy.save wrote")
    file.seek(0)
    try:
        with warnings.catch_warnings(action="ignore"):  # of the way in which Python 2 wrote lengths
            shape, is_fortran, dtype = _READERS[np.lib.format.read_magic(file)](file)
    # numpy evaluates the header as a literal, which fails in nearly any way.
    except Exception as error:
        raise DataError(f"{path} has a damaged header; make or copy the file again") from error
    if dtype.hasobject:
        raise DataError(
            f"{path} holds Python objects, which are never loaded because they could run code; "
            "where you trust it, load it yourself and save its numbers with numpy.save"
        )
    if is_fortran:
        raise DataError(
            f"{path} is in Fortran order, which the scripts of the field never write; save it with "
            "numpy.save(file, numpy.ascontiguousarray(array))"
        )
    _check_length(path, file, math.prod(shape) * dtype.itemsize)
    return shape, dtype


def _check_length(path: Path, file: BinaryIO, num_bytes: int) -> None:
    start = file.tell()
    found = file.seek(0, 2) - start
    file.seek(start)
    if found != num_bytes:
        state = "truncated" if found < num_bytes else "too long"
        raise DataError(
            f"{path} is {state}: {found:,} bytes of values where its shape takes {num_bytes:,}; "
            "make or copy the file again"
        )


def _check_sizes(images: Mapping[Modality, ImageArray], wanted: tuple[int, int] | None) -> None:
    visible, infrared = images[VISIBLE], images[INFRARED]
    if visible.size != infrared.size:
        raise DataError(
            f"{visible.path} has images of {_text(visible.size)} and {infrared.path.name} of "
            f"{_text(infrared.size)}; two runs of different scripts wrote into one folder, make "
            "both again"
        )
    if wanted is None and visible.size not in SIZES:
        known = "; ".join(f"{_text(size)} ({whose})" for size, whose in SIZES.items())
        raise UsageError(
            f"{visible.path} has images of {_text(visible.size)}, as no known script writes: "
            f"{known}; where that is right, give --image-size {_text(visible.size)}"
        )
    if wanted not in (None, visible.size):
        raise UsageError(
            f"--image-size {_text(wanted)}: {visible.path} has images of {_text(visible.size)}"
        )


def _check_same_people(folder: Path, labels: Mapping[Modality, NDArray[np.int64]]) -> None:
    counts = {modality: int(of.max()) + 1 for modality, of in labels.items()}
    if len(set(counts.values())) > 1:
        raise DataError(
            f"{folder}: {label_file(VISIBLE)} has {counts[VISIBLE]} people and "
            f"{label_file(INFRARED)} {counts[INFRARED]}; both must have the same"
        )


def _text(size: tuple[int, int] | None) -> str:
    return "" if size is None else f"{size[0]}x{size[1]}"
