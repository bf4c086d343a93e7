"""A small LLCM tree: five identities, of which two train and three test."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_core import INFRARED, VISIBLE, Modality
from bench_llcm.layout import CAMERAS, FOLDERS, camera_folder, training_list

LABELS = {4: 0, 1: 1}
"""Label of each training identity."""
TEST = (0, 3, 12)

# Images of each modality, camera and identity; camera 5 sees identities 0 and 3 in both.
COUNTS: dict[Modality, dict[int, dict[int, int]]] = {
    VISIBLE: {
        3: {1: 2, 0: 3, 3: 2, 12: 1},
        4: {1: 1, 4: 2, 0: 2},
        5: {4: 3, 0: 1, 3: 12},
        9: {12: 2},
    },
    INFRARED: {
        5: {1: 2, 0: 2, 3: 1},
        6: {1: 1, 4: 3, 0: 3, 12: 4},
        8: {3: 2},
    },
}


def image_name(modality: Modality, camera: int, identity: int, number: int) -> str:
    """Name an image as LLCM does: the frame has no leading zeros, so 10 sorts before 5."""
    return f"{identity:04d}_c{camera:02d}_s185535_f{5 * number}_{FOLDERS[modality]}.jpg"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a dataset root with empty image files, which reading never opens."""
    lists: dict[Modality, list[str]] = {VISIBLE: [], INFRARED: []}
    for modality, folder in FOLDERS.items():
        for camera in CAMERAS[modality]:
            (tmp_path / camera_folder(modality, camera)).mkdir(parents=True)
            for identity, count in COUNTS[modality].get(camera, {}).items():
                copies = [f"{folder}/{identity:04d}"]
                if identity in TEST:
                    copies.append(f"{camera_folder(modality, camera)}/{identity:04d}")
                for number in range(1, count + 1):
                    name = image_name(modality, camera, identity, number)
                    for copy in copies:
                        (tmp_path / copy).mkdir(parents=True, exist_ok=True)
                        (tmp_path / copy / name).touch()
                    if identity in LABELS:
                        lists[modality].append(f"{copies[0]}/{name} {LABELS[identity]}")
    (tmp_path / "idx").mkdir()
    for modality, lines in lists.items():
        (tmp_path / "idx" / training_list(modality)).write_text("\n".join(lines) + "\n")
    (tmp_path / "idx" / "test_id.txt").write_text("0012,0000,0003")
    return tmp_path
