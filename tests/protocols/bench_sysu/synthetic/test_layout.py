"""The tree of SYSU-MM01: folders, split files and gallery permutations."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from bench_core.plugins import Registry
from bench_core.synthetic import generate
from bench_core.synthetic.scales import resolve_sizes
from bench_sysu.synthetic import permutation_file
from bench_sysu.synthetic.plan import SYSU_SCALES, plan_sysu

SPLITS = ("train", "val", "test", "available")


@pytest.fixture
def tiny_root(tiny_people: Callable[[str], Path]) -> Path:
    return tiny_people("sysu-mm01")


def listed(root: Path, split: str) -> list[int]:
    (line,) = (root / "exp" / f"{split}_id.txt").read_text().splitlines()
    return [int(number) for number in line.split(",")]


def test_images_lie_where_the_plan_says(tiny_root: Path) -> None:
    planned = {
        f"cam{camera}/{person.identity:04d}/{number:04d}.jpg"
        for person in plan_sysu(SYSU_SCALES["tiny"], 3)
        for camera, count in person.images.items()
        for number in range(1, count + 1)
    }
    images = {path.relative_to(tiny_root).as_posix() for path in tiny_root.rglob("*.jpg")}
    assert images == planned


def test_images_are_rgb_jpegs_and_infrared_ones_are_grey(tiny_root: Path) -> None:
    for camera in range(1, 7):
        path = next((tiny_root / f"cam{camera}").rglob("*.jpg"))
        with Image.open(path) as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")
            pixels = np.asarray(image)
        is_grey = bool((pixels == pixels[:, :, :1]).all())
        assert is_grey == (camera in (3, 6))


def test_split_files_agree_and_do_not_overlap(tiny_root: Path) -> None:
    for split in SPLITS:
        loaded = loadmat(tiny_root / "exp" / f"{split}_id.mat")["id"]
        assert loaded.dtype == np.uint16
        assert loaded.tolist() == [listed(tiny_root, split)]
    train, val, test = (set(listed(tiny_root, split)) for split in SPLITS[:3])
    assert (len(train), len(val), len(test)) == (12, 4, 8)
    assert train | val | test == set(listed(tiny_root, "available"))
    assert len(train | val | test) == 24


def test_permutations_have_the_official_structure(tiny_root: Path) -> None:
    cell = loadmat(tiny_root / "exp" / "rand_perm_cam.mat")["rand_perm_cam"]
    assert cell.shape == (6, 1)
    lengths = [cell[camera, 0].shape[0] for camera in range(6)]
    assert lengths[0] == lengths[1] == lengths[5] < lengths[2] == lengths[3] == lengths[4]
    for camera in range(6):
        for row in range(lengths[camera]):
            rows = cell[camera, 0][row, 0]
            folder = tiny_root / f"cam{camera + 1}" / f"{row + 1:04d}"
            count = len(list(folder.glob("*.jpg")))
            assert rows.shape == (10, count)
            assert (np.sort(rows, axis=1) == np.arange(1, count + 1)).all()


def test_permutations_load_as_cells_of_cells() -> None:
    rows = np.array([[2, 1], [1, 2]], dtype=np.uint8)
    empty = np.empty((2, 0), dtype=np.uint8)
    content = permutation_file([[rows, empty], [empty]])
    cell = loadmat(io.BytesIO(content))["rand_perm_cam"]
    assert cell.shape == (2, 1)
    assert cell[0, 0].shape == (2, 1)
    assert cell[1, 0].shape == (1, 1)
    assert cell[0, 0][0, 0].dtype == np.uint8
    assert cell[0, 0][0, 0].tolist() == rows.tolist()
    assert cell[0, 0][1, 0].shape == (2, 0)


@pytest.mark.slow
def test_trials_order_the_images_differently(registry: Registry, tmp_path: Path) -> None:
    generate(
        tmp_path / "few",
        registry.dataset("sysu-mm01"),
        scale="tiny",
        train_identities=1,
        val_identities=1,
        test_identities=1,
        images_per_camera=12,
    )
    cell = loadmat(tmp_path / "few" / "exp" / "rand_perm_cam.mat")["rand_perm_cam"]
    test_id = listed(tmp_path / "few", "test")[0]
    assert len({tuple(row) for row in cell[0, 0][test_id - 1, 0]}) == 10


def test_the_most_images_of_a_person_can_be_counted_in_a_byte() -> None:
    """The permutations of SYSU-MM01 are bytes, whatever the chance that spreads the images."""
    for people in (2, 3, 40):
        sizes = resolve_sizes(
            SYSU_SCALES, "tiny", train_identities=people, test_identities=people,
            images_per_camera=100,
        )  # fmt: skip
        plan = plan_sysu(sizes, 0)
        assert max(max(person.images.values()) for person in plan) <= 255
