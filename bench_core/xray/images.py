"""A tree of files in the layout of SYSU-MM01, for functions that draw galleries from a folder.

The files are empty: a draw goes by their names.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from bench_core.xray import probes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Image = tuple[int, int, int]
"""Camera, identity, number of the file."""


def write_images(root: Path) -> None:
    """Write the images of the probe "folders", their permutations and lists of identities."""
    from scipy.io import savemat

    probe = probes.make_features("folders")
    for name in probe.paths:
        file = root.parent / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for camera in probes.INFRARED:
        for person in range(1, probes.NUM_PEOPLE + 1):
            folder = root / f"cam{camera}" / f"{person:04d}"
            folder.mkdir(parents=True)
            (folder / "0001.jpg").touch()
    lists = root / "exp"
    lists.mkdir()
    people = ",".join(str(person) for person in range(1, probes.NUM_PEOPLE + 1))
    (lists / "test_id.txt").write_text(people + "\n", encoding="utf-8")
    savemat(lists / "rand_perm_cam.mat", {"rand_perm_cam": probe.matlab_permutations()})


@cache
def drawn_images(how: str, mode: str, trial: int) -> tuple[Image, ...]:
    """Return the images that a draw takes, in no order.

    Args:
        how: One of `bench_core.xray.probes.DRAWS`.
        mode: "all" or "indoor".
        trial: From 0.
    """
    probe = probes.make_features("folders")
    cameras = probes.VISIBLE if mode == "all" else probes.INDOOR
    rows = probes.draw_gallery(probe.folders, probe.permutations, cameras, how, trial)
    return read_names([probe.paths[row] for row in rows or ()])


def read_names(paths: Sequence[str]) -> tuple[Image, ...]:
    """Return the images that paths name, sorted; what names none is left out."""
    found = (re.search(r"cam(\d)/(\d+)/(\d+)\.\w+$", path.replace("\\", "/")) for path in paths)
    images = sorted((int(one[1]), int(one[2]), int(one[3])) for one in found if one)
    return tuple(images)
