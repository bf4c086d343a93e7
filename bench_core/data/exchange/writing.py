"""Writing what a plan says: a folder that appears whole, or not at all."""

from __future__ import annotations

import errno
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from bench_core.contracts.dataset import SYNTHETIC_MARKER
from bench_core.contracts.errors import UsageError
from bench_core.contracts.images import Modality
from bench_core.data.decoding import decode, read_image_file
from bench_core.data.exchange.array_files import ImageArray, image_file, label_file
from bench_core.data.exchange.plans import ArrayRows, PlacedFile, TreePlan
from bench_core.data.parallel import map_chunks
from bench_core.system.files import write_text

PNG_EFFORT = 1
"""Of 9: the file is a fifth larger than with 6, and written in a third of the time."""


def write_tree(root: Path, plan: TreePlan, *, hard_links: bool = False) -> None:
    """Make the folders, copy the files and write the texts of a plan.

    Args:
        root: An empty folder.
        plan: What goes where.
        hard_links: Whether files get a second name instead of being copied.

    Raises:
        UsageError: Hard links were asked for and the files lie on another disk.
        OSError: A file cannot be read or written.
    """
    places = [*(file.place for file in plan.files), *plan.texts]
    for folder in {*plan.folders, *map(_folder, places)}:
        (root / folder).mkdir(parents=True, exist_ok=True)
    map_chunks(
        partial(_link_chunk if hard_links else _copy_chunk, root),
        list(plan.files),
        description="linking files" if hard_links else "copying files",
    )
    for place, text in plan.texts.items():
        write_text(root / place, text)


def synthetic_markers(sources: Sequence[Path], plan: TreePlan) -> list[PlacedFile]:
    """Return what keeps rendered people marked as such in a new folder.

    Args:
        sources: Folders that hold the marker where the people are rendered.
        plan: The new folder: it gets one at its root and one beside its split files.
    """
    marker = next(
        (path for source in sources if (path := source / SYNTHETIC_MARKER).exists()), None
    )
    if marker is None:
        return []
    folders = sorted({"", *(f"{parent}/" for place in plan.texts if (parent := _folder(place)))})
    return [PlacedFile(marker, f"{folder}{SYNTHETIC_MARKER}") for folder in folders]


def _folder(place: str) -> str:
    return place.rpartition("/")[0]


def bytes_of_files(plan: TreePlan) -> int:
    """Return the size of all files of a plan."""
    return sum(file.source.stat().st_size for file in plan.files)


def bytes_of_arrays(arrays: Mapping[Modality, ArrayRows], size: tuple[int, int]) -> int:
    """Return the size of the pixels and labels of arrays of a size (height, width)."""
    return sum(len(rows.paths) * (math.prod(size) * 3 + 8) for rows in arrays.values())


def write_arrays(
    folder: Path, root: Path, arrays: Mapping[Modality, ArrayRows], size: tuple[int, int]
) -> None:
    """Write the four training arrays of the AGW family.

    The whole image is resized by PIL's Lanczos filter, whatever its aspect. Some chunks of images
    are in memory at a time.

    Args:
        folder: Where they are written.
        root: What the paths of the rows are relative to.
        arrays: The rows of each modality.
        size: Height and width in pixels.

    Raises:
        DataError: An image is damaged.
        OSError: The disk is full, or fails.
    """
    for modality, rows in arrays.items():
        np.save(folder / label_file(modality), np.array(rows.labels, dtype=np.int64))
        target = folder / image_file(modality)
        start = _write_header(target, (len(rows.paths), *size, 3))
        map_chunks(
            partial(_resize_chunk, root, target, start, size),
            list(enumerate(rows.paths)),
            description=f"writing {target.name}",
        )


def write_pictures(root: Path, array: ImageArray, places: Sequence[str], modality: str) -> None:
    """Write each image of an array as a PNG file, which keeps every pixel.

    Args:
        root: Folder for the files.
        array: The images.
        places: Where each row goes, relative to `root`.
        modality: For the progress bar.
    """
    for folder in set(map(_folder, places)):
        (root / folder).mkdir(parents=True, exist_ok=True)
    work = partial(_picture_chunk, root, array)
    map_chunks(work, list(enumerate(places)), description=f"writing {modality} images")


def _write_header(target: Path, shape: tuple[int, ...]) -> int:
    """Write the header that `numpy.save` would write, and return its length."""
    description = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with target.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, description)
        return file.tell()


def _resize_chunk(
    root: Path,
    target: Path,
    start: int,
    size: tuple[int, int],
    images: Sequence[tuple[int, str]],
) -> None:
    """Write the pixels of images, given as (row, path) with rows that follow each other.

    They are written, not mapped: a process that writes into a map on a full disk is killed.
    """
    with target.open("r+b") as file:
        file.seek(start + images[0][0] * math.prod(size) * 3)
        for _, path in images:
            image = decode(read_image_file(root / path), root / path)
            file.write(image.resize((size[1], size[0]), Image.Resampling.LANCZOS).tobytes())
        file.flush()
        os.fsync(file.fileno())


def _picture_chunk(root: Path, array: ImageArray, images: Sequence[tuple[int, str]]) -> None:
    pixels = array.pixels()
    for row, place in images:
        Image.fromarray(pixels[row]).save(root / place, "PNG", compress_level=PNG_EFFORT)


def _copy_chunk(root: Path, files: Sequence[PlacedFile]) -> None:
    for file in files:
        shutil.copyfile(file.source, root / file.place)


def _link_chunk(root: Path, files: Sequence[PlacedFile]) -> None:
    for file in files:
        try:
            os.link(file.source.resolve(), root / file.place)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP):
                raise
            raise UsageError(
                f"--hard-links: {file.source} cannot have a second name there "
                f"({error.strerror}), as on another disk; without the option files are copied"
            ) from error
