"""The tree of LLCM: folders, file names and lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NAME = re.compile(r"(\d{4})_c(\d{2})_s(\d{2})([0-5]\d)([0-5]\d)_f\d+_(vis|nir)\.jpg")


@pytest.fixture
def llcm_root(tiny_people: Callable[[str], Path]) -> Path:
    return tiny_people("llcm")


def images(root: Path, folder: str) -> set[str]:
    return {path.relative_to(root).as_posix() for path in (root / folder).rglob("*.jpg")}


def listed(root: Path, kind: str) -> list[tuple[str, int]]:
    lines = (root / "idx" / f"train_{kind}.txt").read_text().splitlines()
    return [(path, int(label)) for path, label in (line.split(" ") for line in lines)]


def held_out(root: Path) -> set[int]:
    text = (root / "idx" / "test_id.txt").read_text()
    assert re.fullmatch(r"\d{4}(,\d{4})*", text)
    return {int(number) for number in text.split(",")}


def person(path: str) -> int:
    return int(path.split("/")[-2])


def test_the_root_holds_the_real_folders_and_nothing_else(llcm_root: Path) -> None:
    assert {path.name for path in llcm_root.iterdir()} == {
        "idx",
        "nir",
        "synthetic.json",
        "test_nir",
        "test_vis",
        "vis",
    }
    cameras = {
        kind: {folder.name for folder in (llcm_root / f"test_{kind}").iterdir()}
        for kind in ("vis", "nir")
    }
    assert cameras["vis"] == {f"cam{number}" for number in range(1, 10)}
    assert cameras["nir"] == {f"cam{number}" for number in (1, 2, 4, 5, 6, 7, 8, 9)}


def test_file_names_tell_person_camera_time_and_modality(llcm_root: Path) -> None:
    for kind in ("vis", "nir"):
        for path in images(llcm_root, kind) | images(llcm_root, f"test_{kind}"):
            match = NAME.fullmatch(path.rsplit("/", 1)[1])
            assert match is not None
            assert int(match[1]) == person(path)
            assert 17 <= int(match[3]) < 22
            assert match[6] == kind
            if path.startswith("test_"):
                assert path.split("/")[1] == f"cam{int(match[2])}"


def test_lists_name_every_training_image_once_with_labels_from_zero(llcm_root: Path) -> None:
    held = held_out(llcm_root)
    assert len(held) == 8
    numbering = []
    for kind in ("vis", "nir"):
        rows = listed(llcm_root, kind)
        paths = [path for path, _ in rows]
        assert len(paths) == len(set(paths))
        assert set(paths) == {p for p in images(llcm_root, kind) if person(p) not in held}
        assert {label for _, label in rows} == set(range(12))
        numbering.append({(person(path), label) for path, label in rows})
    assert numbering[0] == numbering[1]
    assert len(numbering[0]) == 12


def test_test_people_lie_in_both_places_with_the_same_bytes(llcm_root: Path) -> None:
    held = held_out(llcm_root)
    for kind in ("vis", "nir"):
        originals = {p.rsplit("/", 1)[1]: p for p in images(llcm_root, kind) if person(p) in held}
        copies = {p.rsplit("/", 1)[1]: p for p in images(llcm_root, f"test_{kind}")}
        assert originals.keys() == copies.keys()
        for name, path in copies.items():
            assert (llcm_root / path).read_bytes() == (llcm_root / originals[name]).read_bytes()


def test_images_are_jpegs_of_many_sizes_and_infrared_ones_are_grey(llcm_root: Path) -> None:
    for kind in ("vis", "nir"):
        sizes = set()
        for path in sorted(images(llcm_root, kind))[::7]:
            with Image.open(llcm_root / path) as image:
                assert (image.format, image.mode) == ("JPEG", "RGB")
                sizes.add(image.size)
                pixels = np.asarray(image)
            assert bool((pixels == pixels[:, :, :1]).all()) == (kind == "nir")
        assert len(sizes) > 10
