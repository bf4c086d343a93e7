"""Facts of SYSU-MM01: its cameras, its splits, and what tells its four protocols apart."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from bench_core import INFRARED, VISIBLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench_core import Modality

CAMERA_MODALITY: Mapping[int, Modality] = MappingProxyType(
    {1: VISIBLE, 2: VISIBLE, 3: INFRARED, 4: VISIBLE, 5: VISIBLE, 6: INFRARED}
)
"""Modality of each camera."""

QUERY_CAMERAS = (3, 6)
"""The infrared cameras; all their test images are queries, in both search modes."""

SAME_ROOM = ((3, 2),)
"""(query camera, gallery camera) pairs that may not meet: cameras 2 and 3 share a room."""

NUM_TRIALS = 10

TRAINING_SPLIT = "train+val"
"""The one training split: the 296 training and the 99 validation identities."""


@dataclass(frozen=True, kw_only=True)
class GallerySetting:
    """What tells one protocol from another.

    Attributes:
        mode: "all" or "indoor".
        cameras: The visible cameras that form the gallery.
        shots: Most gallery images of one identity in one camera.
    """

    mode: str
    cameras: tuple[int, ...]
    shots: int


ALL_SEARCH = (1, 2, 4, 5)
INDOOR_SEARCH = (1, 2)

GALLERY_SETTINGS: Mapping[str, GallerySetting] = MappingProxyType(
    {
        "sysu-all-single": GallerySetting(mode="all", cameras=ALL_SEARCH, shots=1),
        "sysu-all-multi": GallerySetting(mode="all", cameras=ALL_SEARCH, shots=10),
        "sysu-indoor-single": GallerySetting(mode="indoor", cameras=INDOOR_SEARCH, shots=1),
        "sysu-indoor-multi": GallerySetting(mode="indoor", cameras=INDOOR_SEARCH, shots=10),
    }
)
"""The setting of each protocol, by its id."""
