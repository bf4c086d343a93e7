"""The tree of RegDB: folders, file names and the split files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NAME = re.compile(r"(male|female)_(front|back)_([vt])_(\d{5})_(\d+)\.bmp")


@pytest.fixture
def regdb_root(tiny_people: Callable[[str], Path]) -> Path:
    return tiny_people("regdb")


def images(root: Path, folder: str) -> set[str]:
    return {path.relative_to(root).as_posix() for path in (root / folder).rglob("*.bmp")}


def listed(root: Path, half: str, kind: str, trial: int) -> list[tuple[str, int]]:
    lines = (root / "idx" / f"{half}_{kind}_{trial}.txt").read_text().splitlines()
    return [(path, int(label)) for path, label in (line.split(" ") for line in lines)]


def person(path: str) -> int:
    return int(path.split("/")[1])


def test_the_root_holds_the_real_folders_and_nothing_else(regdb_root: Path) -> None:
    assert {path.name for path in regdb_root.iterdir()} == {
        "Thermal",
        "Visible",
        "idx",
        "synthetic.json",
    }
    assert {path.name for path in (regdb_root / "idx").iterdir()} == {
        f"{half}_{kind}_{trial}.txt"
        for half in ("train", "test")
        for kind in ("visible", "thermal")
        for trial in range(1, 11)
    } | {"synthetic.json"}


def test_every_person_has_as_many_images_of_either_kind(regdb_root: Path) -> None:
    for kind in ("Visible", "Thermal"):
        folders = sorted(int(folder.name) for folder in (regdb_root / kind).iterdir())
        assert folders == list(range(1, 21))
        assert len(images(regdb_root, kind)) == 20 * 4


def test_file_names_tell_person_view_and_frame_as_the_real_ones_do(regdb_root: Path) -> None:
    for kind, letter in (("Visible", "v"), ("Thermal", "t")):
        for path in images(regdb_root, kind):
            match = NAME.fullmatch(path.rsplit("/", 1)[1])
            assert match is not None
            assert match[3] == letter
            assert int(match[5]) == person(path)


def test_the_two_images_of_a_pair_have_one_name_but_for_the_letter(regdb_root: Path) -> None:
    paired = {
        path.replace("Visible", "Thermal").replace("_v_", "_t_")
        for path in images(regdb_root, "Visible")
    }
    assert paired == images(regdb_root, "Thermal")


@pytest.mark.parametrize("trial", range(1, 11))
def test_lists_name_every_image_once_with_labels_from_zero(regdb_root: Path, trial: int) -> None:
    for kind in ("visible", "thermal"):
        train = listed(regdb_root, "train", kind, trial)
        test = listed(regdb_root, "test", kind, trial)
        paths = [path for path, _ in (*train, *test)]
        assert len(paths) == len(set(paths))
        assert set(paths) == images(regdb_root, kind.capitalize())
        assert not {person(path) for path, _ in train} & {person(path) for path, _ in test}
        for rows, num_people in ((train, 12), (test, 8)):
            assert {label for _, label in rows} == set(range(num_people))
            assert len({(person(path), label) for path, label in rows}) == num_people


@pytest.mark.parametrize("half", ["train", "test"])
def test_a_label_is_one_person_in_both_kinds(regdb_root: Path, half: str) -> None:
    for trial in range(1, 11):
        visible, thermal = (
            {label: person(path) for path, label in listed(regdb_root, half, kind, trial)}
            for kind in ("visible", "thermal")
        )
        assert visible == thermal


def test_images_are_bitmaps_of_the_real_size_and_thermal_ones_are_grey(regdb_root: Path) -> None:
    for kind in ("Visible", "Thermal"):
        for path in images(regdb_root, kind):
            with Image.open(regdb_root / path) as image:
                assert (image.format, image.mode, image.size) == ("BMP", "RGB", (64, 128))
                pixels = np.asarray(image)
            assert bool((pixels == pixels[:, :, :1]).all()) == (kind == "Thermal")
