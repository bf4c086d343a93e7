"""Arrays from outside: what is not what AGW's script writes is refused, and nothing of it runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench_core.contracts.errors import DataError, UsageError
from bench_core.data.exchange.array_files import open_arrays

SIZE = (32, 16)
IMAGES, LABELS = "train_rgb_resized_img.npy", "train_rgb_resized_label.npy"


@pytest.fixture
def folder(arrays: Path, tmp_path: Path) -> Path:
    """Arrays that a test may change."""
    return Path(shutil.copytree(arrays, tmp_path / "arrays"))


def test_images_stay_on_the_disk_and_labels_are_numbers(arrays: Path) -> None:
    opened = open_arrays(arrays, SIZE)
    assert opened.size == SIZE
    images = opened.images["infrared"].pixels()
    assert isinstance(images, np.memmap)
    assert np.array_equal(images, np.load(arrays / "train_ir_resized_img.npy"))
    assert opened.labels["infrared"].dtype == np.int64


@pytest.mark.parametrize(
    ("size", "whose"), [((288, 144), "AGW"), ((384, 144), "DEEN"), ((256, 128), "PMT")]
)
def test_sizes_of_the_field_are_known(tmp_path: Path, size: tuple[int, int], whose: str) -> None:
    for kind in ("rgb", "ir"):
        np.save(tmp_path / f"train_{kind}_resized_img.npy", np.zeros((2, *size, 3), np.uint8))
        np.save(tmp_path / f"train_{kind}_resized_label.npy", np.arange(2))
    assert open_arrays(tmp_path).size == size


def test_another_size_must_be_named(arrays: Path) -> None:
    with pytest.raises(UsageError, match=r"288x144 \(AGW.* right, give --image-size 32x16"):
        open_arrays(arrays)
    with pytest.raises(UsageError, match=r"--image-size 288x144: .* has images of 32x16"):
        open_arrays(arrays, (288, 144))


def labels_of(edit: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / LABELS, edit(np.load(folder / LABELS)))


def images_of(edit: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / IMAGES, edit(np.load(folder / IMAGES)))


def cut(folder: Path) -> None:
    (folder / IMAGES).write_bytes((folder / IMAGES).read_bytes()[:-100])


def lengthen(folder: Path) -> None:
    with (folder / IMAGES).open("ab") as file:
        file.write(b"more")


def cut_header(folder: Path) -> None:
    (folder / IMAGES).write_bytes((folder / IMAGES).read_bytes()[:40])


def open_bracket(folder: Path) -> None:
    (folder / IMAGES).write_bytes((folder / IMAGES).read_bytes().replace(b"3)", b"3,", 1))


def negative(folder: Path) -> None:
    header = (folder / IMAGES).read_bytes()
    longer = header.replace(b"(94, 32,", b"(-94,-32,", 1)
    (folder / IMAGES).write_bytes(longer.replace(b" \n", b"\n", 1))


def python_2(folder: Path) -> None:
    header = (folder / IMAGES).read_bytes()
    (folder / IMAGES).write_bytes(header.replace(b"(94, 32,", b"(94L,32,", 1))


def newer(folder: Path) -> None:
    (folder / IMAGES).write_bytes(b"\x93NUMPY\x09\x00" + bytes(200))


def web_page(folder: Path) -> None:
    (folder / IMAGES).write_text("<!DOCTYPE html>")


def remove(folder: Path) -> None:
    (folder / LABELS).unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove, f"has no {LABELS}; expected the four arrays"),
        (cut, f"{IMAGES} is truncated: .* make or copy the file again"),
        (lengthen, f"{IMAGES} is too long: "),
        (cut_header, f"{IMAGES} has a damaged header"),
        (newer, f"{IMAGES} has a damaged header"),
        (open_bracket, f"{IMAGES} has a damaged header"),
        (negative, r"of the shape \(-94, -32, 16, 3\)"),
        (web_page, f"{IMAGES} is a web page"),
        (images_of(np.asfortranarray), f"{IMAGES} is in Fortran order"),
        (images_of(lambda a: a.astype(object)), f"{IMAGES} holds Python objects, .* never loaded"),
        (labels_of(lambda a: a.astype(object)), f"{LABELS} holds Python objects, .* never loaded"),
        (images_of(lambda a: a.astype(np.float32)), "is an array of float32 .* expected uint8"),
        (images_of(lambda a: a[..., 0]), "expected uint8 of the shape"),
        (images_of(lambda a: a[:, :16]), "images of 16x16 and train_ir_resized_img.npy of 32x16"),
        (labels_of(lambda a: a[:-1]), r"has 94 images, but train_rgb_resized_label.npy 93 labels"),
        (labels_of(lambda a: a[:, None]), "expected a whole number for each image"),
        (labels_of(lambda a: a / 2), "expected a whole number for each image"),
        (labels_of(lambda a: a + 1), "labels run from 1 to 16 and skip 0"),
        (labels_of(lambda a: a * 3), "labels run from 0 to 45 and skip 1"),
        (labels_of(lambda a: np.minimum(a, 9)), "has 10 people and .* 16; both must have the same"),
    ],
)
def test_what_the_script_does_not_write_is_refused(
    folder: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(folder)
    with pytest.raises(DataError, match=message):
        open_arrays(folder, SIZE)


def test_arrays_of_python_2_are_read(folder: Path) -> None:
    python_2(folder)
    assert open_arrays(folder, SIZE).images["visible"].shape == (94, 32, 16, 3)


def test_labels_of_windows_are_read(folder: Path) -> None:
    labels_of(lambda labels: labels.astype(np.int32))(folder)
    assert open_arrays(folder, SIZE).labels["visible"].dtype == np.int64
