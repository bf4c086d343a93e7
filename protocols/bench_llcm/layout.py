"""Facts of LLCM: its cameras, folders and lists, and the two directions of search."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from bench_core import INFRARED, VISIBLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench_core import Modality

DATASET_ID = "llcm"
NUM_TRIALS = 10
INDEX_FOLDER = "idx"
TEST_LIST = "test_id.txt"

CAMERAS: Mapping[Modality, tuple[int, ...]] = MappingProxyType(
    {VISIBLE: (1, 2, 3, 4, 5, 6, 7, 8, 9), INFRARED: (1, 2, 4, 5, 6, 7, 8, 9)}
)
"""Cameras of each modality. One number is one place: all but camera 3 see both."""

FOLDERS: Mapping[Modality, str] = MappingProxyType({VISIBLE: "vis", INFRARED: "nir"})
"""Folder of the images of each modality; its name is part of other names, too."""

TRAINING_SPLIT = "train"
"""The one training split."""

DIRECTIONS: Mapping[str, tuple[Modality, Modality]] = MappingProxyType(
    {
        "llcm-visible-to-infrared": (VISIBLE, INFRARED),
        "llcm-infrared-to-visible": (INFRARED, VISIBLE),
    }
)
"""Modality of the queries and of the gallery, by protocol id."""


def training_list(modality: Modality) -> str:
    """Return the name of the list of training images."""
    return f"train_{FOLDERS[modality]}.txt"


def test_list(modality: Modality) -> str:
    """Return the name of the list of test images."""
    return f"test_{FOLDERS[modality]}.txt"


def test_folder(modality: Modality) -> str:
    """Return the folder of the test images of a modality, relative to the root."""
    return f"test_{FOLDERS[modality]}"


def camera_folder(modality: Modality, camera: int) -> str:
    """Return the folder of the test images of a camera, relative to the root."""
    return f"{test_folder(modality)}/cam{camera}"
