"""A small SYSU-MM01 tree: six identities, of which two train, one validates and three test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

TRAIN, VAL, TEST = (1, 4), (2,), (3, 5, 7)

# Images of each camera and identity; identity 5 was never seen by camera 3, 7 not by camera 1, and
# the validation identity, as in the real dataset, by cameras 3, 4 and 5 alone.
COUNTS: dict[int, dict[int, int]] = {
    1: {1: 2, 3: 3, 4: 2, 5: 2},
    2: {1: 2, 3: 2, 5: 4, 7: 3},
    3: {1: 1, 2: 3, 3: 2, 4: 3, 7: 2},
    4: {1: 2, 2: 1, 3: 3, 5: 2, 7: 2},
    5: {2: 2, 3: 2, 5: 1, 7: 12},
    6: {1: 1, 3: 2, 4: 2, 5: 3, 7: 2},
}


def permutations(counts: dict[int, dict[int, int]], *, seed: int = 0) -> np.ndarray:
    """Make the cell of `rand_perm_cam.mat`: cameras of identities of (10, n) permutations."""
    rng = np.random.default_rng(seed)
    cameras = np.empty((6, 1), dtype=object)
    for camera in range(1, 7):
        identities = np.empty((8, 1), dtype=object)
        for identity in range(1, 9):
            order = np.arange(1, counts[camera].get(identity, 0) + 1, dtype=np.uint8)
            identities[identity - 1, 0] = rng.permuted(np.tile(order, (10, 1)), axis=1)
        cameras[camera - 1, 0] = identities
    return cameras


@pytest.fixture
def write_splits() -> Callable[[Path], None]:
    """Write all split files, identities as text, into a folder."""

    def write(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, identities in (("train", TRAIN), ("val", VAL), ("test", TEST)):
            (folder / f"{name}_id.txt").write_text(",".join(map(str, identities)) + "\n")
        savemat(folder / "rand_perm_cam.mat", {"rand_perm_cam": permutations(COUNTS)})

    return write


@pytest.fixture
def root(tmp_path: Path, write_splits: Callable[[Path], None]) -> Path:
    """Make a dataset root with empty image files, which reading never opens."""
    for camera, identities in COUNTS.items():
        for identity, count in identities.items():
            folder = tmp_path / f"cam{camera}" / f"{identity:04d}"
            folder.mkdir(parents=True)
            for number in range(1, count + 1):
                (folder / f"{number:04d}.jpg").touch()
    write_splits(tmp_path / "exp")
    return tmp_path


@pytest.fixture
def table() -> pd.DataFrame:
    """Make the table of all images of `COUNTS`, shuffled, as a feature file might hold it."""
    rows = [
        (identity, camera, "infrared" if camera in (3, 6) else "visible", index)
        for camera, identities in COUNTS.items()
        for identity, count in identities.items()
        for index in range(count)
    ]
    columns = ["identity", "camera", "modality", "index"]
    return pd.DataFrame(rows, columns=columns).sample(frac=1, random_state=4, ignore_index=True)
