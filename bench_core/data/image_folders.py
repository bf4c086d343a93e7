"""Reads the folders in which datasets keep their images: one for each person, named NNNN."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from bench_core.contracts.dataset import SYNTHETIC_MARKER
from bench_core.contracts.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def list_people(folder: Path) -> dict[int, tuple[str, ...]]:
    """List the images of each person in a folder that holds a folder NNNN for each.

    Other folders, files that are no JPEG or PNG images by their names, and hidden files (desktop
    file managers leave "._0001.jpg" and the like) are not listed.

    Args:
        folder: Such as cam1 of SYSU-MM01.

    Returns:
        By identity the names of their images, sorted as text; people without images are left out.

    Raises:
        DataError: A folder cannot be read.
    """
    try:
        people = {
            int(name): tuple(sorted(filter(_is_image, _names(folder / name))))
            for name in _names(folder)
            if re.fullmatch("[0-9]{4}", name) and (folder / name).is_dir()
        }
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
    return {identity: names for identity, names in people.items() if names}


def is_synthetic(root: Path) -> bool:
    """Tell whether `bench data synth` rendered a dataset."""
    return (root / SYNTHETIC_MARKER).exists()


def _is_image(name: str) -> bool:
    return name.lower().endswith(IMAGE_SUFFIXES) and name[0] != "."


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]
