"""Facts of RegDB: its folders, its lists of images, and the two directions of search."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from bench_core import INFRARED, VISIBLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench_core import Modality

DATASET_ID = "regdb"
NUM_TRIALS = 10
INDEX_FOLDER = "idx"

Role: TypeAlias = Literal["train", "test"]
ROLES: tuple[Role, ...] = ("train", "test")
MODALITIES: tuple[Modality, ...] = (VISIBLE, INFRARED)

CAMERA_MODALITY: Mapping[int, Modality] = MappingProxyType({1: VISIBLE, 2: INFRARED})
"""Modality of each camera: there is one of each."""

FOLDERS: Mapping[Modality, str] = MappingProxyType({VISIBLE: "Visible", INFRARED: "Thermal"})
"""Folder of the images of each modality; it holds a folder for each person."""

DIRECTIONS: Mapping[str, tuple[Modality, Modality]] = MappingProxyType(
    {
        "regdb-visible-to-thermal": (VISIBLE, INFRARED),
        "regdb-thermal-to-visible": (INFRARED, VISIBLE),
    }
)
"""Modality of the queries and of the gallery, by protocol id."""

TRAINING_SPLITS = tuple(f"trial-{number}" for number in range(1, NUM_TRIALS + 1))
"""Name of the training split of each trial."""


def list_name(role: Role, modality: Modality, number: int) -> str:
    """Return the name of a list file; trials count from 1 here."""
    return f"{role}_{FOLDERS[modality].lower()}_{number}.txt"


def subset_name(role: Role, number: int) -> str:
    """Return the name of the images that train, or test, in a trial (from 1)."""
    return f"trial {number} {'training' if role == 'train' else 'test'}"
