"""Facts of SYSU-MM01: its cameras, its splits, and what tells its protocols apart."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from bench_core import INFRARED, VISIBLE, PublishedCount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench_core import Modality

CAMERA_MODALITY: Mapping[int, Modality] = MappingProxyType(
    {1: VISIBLE, 2: VISIBLE, 3: INFRARED, 4: VISIBLE, 5: VISIBLE, 6: INFRARED}
)
"""Modality of each camera."""

VISIBLE_CAMERAS = (1, 2, 4, 5)
INDOOR_CAMERAS = (1, 2)
"""The visible cameras inside a building."""
INFRARED_CAMERAS = (3, 6)

_LOCATION: Mapping[int, int] = MappingProxyType({1: 1, 2: 2, 3: 2, 4: 4, 5: 5, 6: 6})
"""Where each camera hangs: cameras 2 and 3 share a room."""

SPLIT_FOLDER = "exp"


def camera_folder(camera: int) -> str:
    """Return the folder of a camera's images, relative to the root."""
    return f"cam{camera}"


FOLDERS = (*(camera_folder(camera) for camera in CAMERA_MODALITY), SPLIT_FOLDER)
"""What lies below a root."""

_TRAINING_NOTE = (
    "some papers (AlignGAN, JSIA-ReID) print 19,659 visible and 12,792 infrared images, the "
    "distributed files hold 22,258 and 11,909, of which 20,284 and 9,929 without validation people"
)
PUBLISHED_COUNTS = tuple(
    PublishedCount(subset=subset, modality=modality, images=images, identities=people, note=note)
    for subset, modality, images, people, note in (
        ("training", VISIBLE, 22_258, 395, _TRAINING_NOTE),
        ("training", INFRARED, 11_909, 395, _TRAINING_NOTE),
        ("validation", VISIBLE, 1_974, 99, ""),
        ("validation", INFRARED, 1_980, 99, ""),
        ("query", INFRARED, 3_803, 96, ""),
        ("gallery", VISIBLE, 6_775, 96, ""),
    )
)
"""Counts of the distributed dataset; training includes the validation people."""

NUM_TRIALS = 10

TRAINING_SPLIT = "train+val"
"""What papers train on: the 296 training and the 99 validation identities."""
VALIDATION_SPLIT = "train"
"""The 296 training identities alone: the validation identities select the model."""
VALIDATION_QUERY_CAMERAS = (3,)
VALIDATION_GALLERY_CAMERAS = (4, 5)
"""Validation identities were seen by cameras 3, 4 and 5 only."""


@dataclass(frozen=True, kw_only=True)
class GallerySetting:
    """What tells one protocol from another.

    Attributes:
        search: What is searched, for people.
        query_cameras: All their test images are queries.
        cameras: The cameras that form the gallery; of one modality, as the query cameras are.
        shots: Most gallery images of one identity in one camera.
        num_queries: Query images of the distributed dataset.
        num_gallery: Gallery images of each of its trials.
    """

    search: str
    query_cameras: tuple[int, ...] = INFRARED_CAMERAS
    cameras: tuple[int, ...] = VISIBLE_CAMERAS
    shots: int = 1
    num_queries: int = 3803
    num_gallery: int

    @property
    def query_modality(self) -> Modality:
        """Modality of the query images."""
        return CAMERA_MODALITY[self.query_cameras[0]]

    @property
    def gallery_modality(self) -> Modality:
        """Modality of the gallery images."""
        return CAMERA_MODALITY[self.cameras[0]]

    @property
    def excluded_camera_pairs(self) -> tuple[tuple[int, int], ...]:
        """(query camera, gallery camera) pairs that may not meet: those of one location.

        A camera is at its own location, so that no query meets an image of its own camera.
        """
        return tuple(
            (query, gallery)
            for query in self.query_cameras
            for gallery in self.cameras
            if _LOCATION[query] == _LOCATION[gallery]
        )

    @property
    def has_agw_draw(self) -> bool:
        """Whether the agw convention defines the gallery: one shot of visible cameras."""
        return self.shots == 1 and self.gallery_modality == VISIBLE


GALLERY_SETTINGS: Mapping[str, GallerySetting] = MappingProxyType(
    {
        "sysu-all-single": GallerySetting(search="all-search", num_gallery=301),
        "sysu-all-multi": GallerySetting(search="all-search", shots=10, num_gallery=3010),
        "sysu-indoor-single": GallerySetting(
            search="indoor-search", cameras=INDOOR_CAMERAS, num_gallery=112
        ),
        "sysu-indoor-multi": GallerySetting(
            search="indoor-search", cameras=INDOOR_CAMERAS, shots=10, num_gallery=1120
        ),
        "sysu-rgb-to-rgb": GallerySetting(
            search="visible to visible (analysis)",
            query_cameras=VISIBLE_CAMERAS,
            num_queries=6775,
            num_gallery=301,
        ),
        "sysu-ir-to-ir": GallerySetting(
            search="infrared to infrared (analysis)", cameras=INFRARED_CAMERAS, num_gallery=189
        ),
        "sysu-rgb-to-ir": GallerySetting(
            search="visible to infrared (analysis)",
            query_cameras=VISIBLE_CAMERAS,
            cameras=INFRARED_CAMERAS,
            num_queries=6775,
            num_gallery=189,
        ),
        "sysu-ir-to-rgb": GallerySetting(search="infrared to visible (analysis)", num_gallery=301),
    }
)
"""The setting of each protocol, by its id: the four of the dataset, then four for analysis."""
