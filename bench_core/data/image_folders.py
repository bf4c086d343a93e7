"""Reads the folders in which datasets keep their images: one for each person, named NNNN."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from bench_core.contracts.dataset import IMPORT_RECORD, SYNTHETIC_MARKER
from bench_core.contracts.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def list_people(folder: Path) -> dict[int, tuple[str, ...]]:
    """List the images of each person in a folder that holds a folder NNNN for each.

    Other folders, files that are no JPEG or PNG images by their names, and hidden files (desktop
    file managers leave "._0001.jpg" and the like) are not listed. Numbers that lost their leading
    zeros are refused: the order of such names, by which galleries are drawn, is another one.

    Args:
        folder: Such as cam1 of SYSU-MM01.

    Returns:
        By identity the names of their images, sorted as text; people without images are left out.

    Raises:
        DataError: A folder cannot be read, or a name has lost its leading zeros.
    """
    try:
        people = {
            int(name): tuple(sorted(filter(_is_image, _names(folder / name))))
            for name in _names(folder)
            if re.fullmatch("[0-9]{4}", name) and (folder / name).is_dir()
        }
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
    for identity, names in people.items():
        _check_order(folder / f"{identity:04d}", names)
    return {identity: names for identity, names in people.items() if names}


def is_synthetic(root: Path) -> bool:
    """Tell whether `bench data synth` rendered a dataset.

    A marker lies at its root and another one beside its split files, so that a copy that lost the
    first is not taken for real images.
    """
    markers = (root / SYNTHETIC_MARKER, *root.glob(f"*/{SYNTHETIC_MARKER}"))
    return any(marker.exists() for marker in markers)


def is_imported(root: Path) -> bool:
    """Tell whether `bench data import` made a dataset of what are not its owners' files."""
    return next(import_records(root), None) is not None


def import_records(root: Path) -> Iterator[Path]:
    """Find the records of an import: one at the root, and one beside the split files."""
    records = (root / IMPORT_RECORD, *sorted(root.glob(f"*/{IMPORT_RECORD}")))
    return (record for record in records if record.exists())


def _check_order(folder: Path, names: Sequence[str]) -> None:
    """Check that images that are named by numbers are in the order of these."""
    stems = [name.rpartition(".")[0] for name in names]
    numbers = [int(stem) for stem in stems if re.fullmatch("[0-9]{1,18}", stem)]
    falls = next((place for place, pair in enumerate(pairwise(numbers)) if pair[0] > pair[1]), None)
    if falls is not None:
        first, second = numbers[falls : falls + 2]
        raise DataError(
            f"{folder}: the image number {first} comes before {second} in the order of names, by "
            "which galleries are drawn; restore the names with leading zeros, as 0002.jpg"
        )


def _is_image(name: str) -> bool:
    return name.lower().endswith(IMAGE_SUFFIXES) and name[0] != "."


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]
