"""Folders of people: what is listed, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_core import DataError
from bench_core.datasets import is_synthetic, list_people


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_the_images_of_each_person_are_listed_in_order_of_their_names(tmp_path: Path) -> None:
    for name in ("0007/b.jpg", "0007/f10.png", "0007/f5.png", "0000/A.JPEG", "0000/a.jpg"):
        touch(tmp_path / name)
    assert list_people(tmp_path) == {7: ("b.jpg", "f10.png", "f5.png"), 0: ("A.JPEG", "a.jpg")}


@pytest.mark.parametrize(
    "name",
    ["0007/Thumbs.db", "0007/._a.jpg", "0007/a.gif", "0009", "7/a.jpg", "00007/a.jpg", "x/a.jpg"],
)
def test_what_is_no_image_of_a_person_is_left_out(tmp_path: Path, name: str) -> None:
    touch(tmp_path / "0007" / "a.jpg")
    touch(tmp_path / name)
    (tmp_path / "0011").mkdir()
    assert list_people(tmp_path) == {7: ("a.jpg",)}


def test_linked_folders_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "disk" / "a.jpg")
    (tmp_path / "0007").symlink_to(tmp_path / "disk", target_is_directory=True)
    assert list_people(tmp_path) == {7: ("a.jpg",)}


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*cam1: No such file"):
        list_people(tmp_path / "cam1")


@pytest.mark.parametrize("names", [("2.jpg", "10.jpg"), ("1.png", "2.png", "10.png", "x.png")])
def test_numbers_that_lost_their_leading_zeros_are_refused(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    """10 would come before 2, and another image into the gallery than the authors'."""
    for name in names:
        touch(tmp_path / "0007" / name)
    with pytest.raises(DataError, match=r"0007: the image number 10 comes before 2 in the order"):
        list_people(tmp_path)


def test_numbers_in_the_order_of_their_names_are_not(tmp_path: Path) -> None:
    for name in ("1.jpg", "2.jpg", "0010.jpg", "copy of 3.jpg"):
        touch(tmp_path / "0008" / name)
        touch(tmp_path / "0007" / f"{len(name):04d}.jpg")
    (tmp_path / "0008" / "0010.jpg").unlink()
    assert list_people(tmp_path)[8] == ("1.jpg", "2.jpg", "copy of 3.jpg")


def test_a_rendered_dataset_is_known_by_a_marker_in_a_folder_too(tmp_path: Path) -> None:
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "synthetic.json").write_text("{}")
    assert is_synthetic(tmp_path)


def test_a_marker_tells_a_rendered_dataset(tmp_path: Path) -> None:
    assert not is_synthetic(tmp_path)
    (tmp_path / "synthetic.json").write_text("{}")
    assert is_synthetic(tmp_path)
