"""The cache of decoded images: built once, whole or not at all, the same however it is built."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.errors import BenchError, DataError
from bench_core.data import cache as cache_module
from bench_core.data import parallel
from bench_core.data.cache import open_images
from bench_core.data.decoding import decode_image
from bench_sysu.dataset import SysuMM01Reader

SIZE = (24, 12)
FINGERPRINT = "f" * 64

BUILDER = """
import sys, time
from pathlib import Path
from bench_core.data import cache
from bench_core.data.decoding import decode_image
from bench_sysu.dataset import SysuMM01Reader

def decode(path, *how):
    with open(sys.argv[3], "a") as file:
        file.write(f"{path}\\n")
    time.sleep(0.01)
    return decode_image(path, *how)

cache.decode_image = decode
dataset = SysuMM01Reader().read(Path(sys.argv[1]))
cache.open_images(dataset, "f" * 64, (24, 12), Path(sys.argv[2]))
"""
"""Builds a cache slowly, and notes every image that it decodes."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder for the cache."""
    return tmp_path / "cache"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the name of every image that is decoded."""
    names: list[str] = []

    def decode(path: Path, *how: Any) -> NDArray[np.uint8]:
        names.append(path.name)
        return decode_image(path, *how)

    monkeypatch.setattr(cache_module, "decode_image", decode)
    return names


def caches(folder: Path) -> list[str]:
    """Everything in the cache but the locks, which stay, and the notes of who was killed in one."""
    images = folder / "images"
    beside = (".lock", ".owner")
    return sorted(path.name for path in images.iterdir() if path.suffix not in beside)


def test_the_store_holds_every_image_in_the_order_of_the_table(
    dataset: Dataset, folder: Path
) -> None:
    shuffled = dataset.images.sample(frac=1, random_state=3)
    store = open_images(replace(dataset, images=shuffled), FINGERPRINT, SIZE, folder)
    assert (store.pixels.shape, store.pixels.dtype) == ((8, 24, 12, 3), np.uint8)
    assert store.size == SIZE
    for pixels, path in zip(store.pixels, shuffled["path"], strict=True):
        np.testing.assert_array_equal(pixels, decode_image(dataset.root / path, SIZE))


def test_the_store_is_mapped_from_disk_and_read_only(dataset: Dataset, folder: Path) -> None:
    pixels = open_images(dataset, FINGERPRINT, SIZE, folder).pixels
    assert isinstance(pixels, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0


def test_images_are_decoded_once(dataset: Dataset, folder: Path, decoded: list[str]) -> None:
    first = open_images(dataset, FINGERPRINT, SIZE, folder)
    assert sorted(decoded) == sorted(dataset.images["path"])
    decoded.clear()
    second = open_images(dataset, FINGERPRINT, SIZE, folder)
    assert decoded == []
    np.testing.assert_array_equal(first.pixels, second.pixels)


def test_two_that_ask_at_once_share_the_work(
    dataset: Dataset, folder: Path, decoded: list[str]
) -> None:
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(open_images, dataset, FINGERPRINT, SIZE, folder) for _ in range(2)]
        stores = [job.result() for job in jobs]
    assert sorted(decoded) == sorted(dataset.images["path"])
    np.testing.assert_array_equal(stores[0].pixels, stores[1].pixels)


@pytest.mark.parametrize(
    ("fingerprint", "size"), [("e" * 64, SIZE), (FINGERPRINT, (12, 24)), (FINGERPRINT, (24, 14))]
)
def test_other_images_or_another_size_are_decoded_anew(
    dataset: Dataset, folder: Path, fingerprint: str, size: tuple[int, int], decoded: list[str]
) -> None:
    open_images(dataset, FINGERPRINT, SIZE, folder)
    decoded.clear()
    assert open_images(dataset, fingerprint, size, folder).size == size
    assert len(decoded) == len(dataset.images)
    assert len(caches(folder)) == 2


def test_another_filter_is_another_cache(dataset: Dataset, folder: Path) -> None:
    bilinear, bicubic = (
        open_images(dataset, FINGERPRINT, SIZE, folder, name) for name in ("bilinear", "bicubic")
    )
    assert len(caches(folder)) == 2
    assert not np.array_equal(bilinear.pixels, bicubic.pixels)
    expected = decode_image(dataset.root / dataset.images["path"].iloc[0], SIZE, "bicubic")
    np.testing.assert_array_equal(bicubic.pixels[0], expected)


def test_another_way_of_decoding_is_another_cache(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_images(dataset, FINGERPRINT, SIZE, folder)
    monkeypatch.setattr(cache_module, "DECODING_VERSION", -1)
    open_images(dataset, FINGERPRINT, SIZE, folder)
    assert len(caches(folder)) == 2


def test_the_order_of_the_images_is_part_of_a_cache(dataset: Dataset, folder: Path) -> None:
    """The fingerprint says which images there are, not in which order the table has them."""
    open_images(dataset, FINGERPRINT, SIZE, folder)
    turned = replace(dataset, images=dataset.images[::-1])
    store = open_images(turned, FINGERPRINT, SIZE, folder)
    first = decode_image(dataset.root / dataset.images["path"].iloc[0], SIZE)
    np.testing.assert_array_equal(store.pixels[-1], first)


def test_processes_decode_the_same_pixels_as_threads(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_threads = open_images(dataset, FINGERPRINT, SIZE, folder / "threads")
    monkeypatch.setattr(parallel, "IMAGES_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(parallel, "CHUNK", 3)
    by_processes = open_images(dataset, FINGERPRINT, SIZE, folder / "processes")
    np.testing.assert_array_equal(by_threads.pixels, by_processes.pixels)


@pytest.mark.parametrize("worth_a_process", [1, 1000])
def test_a_damaged_image_is_named_and_nothing_is_left(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch, worth_a_process: int
) -> None:
    monkeypatch.setattr(parallel, "IMAGES_WORTH_A_PROCESS", worth_a_process)
    damaged = dataset.root / dataset.images["path"].iloc[5]
    damaged.write_bytes(damaged.read_bytes()[:200])
    with pytest.raises(DataError, match=f"{damaged} cannot be decoded"):
        open_images(dataset, FINGERPRINT, SIZE, folder)
    assert caches(folder) == []


def test_a_repaired_image_is_decoded_after_a_failure(dataset: Dataset, folder: Path) -> None:
    damaged = dataset.root / dataset.images["path"].iloc[0]
    whole = damaged.read_bytes()
    damaged.write_bytes(b"")
    with pytest.raises(DataError, match="0 bytes"):
        open_images(dataset, FINGERPRINT, SIZE, folder)
    damaged.write_bytes(whole)
    store = open_images(dataset, FINGERPRINT, SIZE, folder)
    np.testing.assert_array_equal(store.pixels[0], decode_image(damaged, SIZE))


def test_an_interruption_leaves_nothing(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(parallel, "as_completed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        open_images(dataset, FINGERPRINT, SIZE, folder)
    assert caches(folder) == []


def test_a_cache_that_cannot_be_written_is_one_clear_line(dataset: Dataset, folder: Path) -> None:
    folder.write_text("a file in the way")
    with pytest.raises(BenchError, match=rf"^cannot write {folder}/images/\w+\.lock: Not a dir"):
        open_images(dataset, FINGERPRINT, SIZE, folder)


def test_a_lock_that_cannot_be_taken_is_one_clear_line(dataset: Dataset, folder: Path) -> None:
    open_images(dataset, FINGERPRINT, SIZE, folder)
    shutil.rmtree(folder / "images" / caches(folder)[0])
    (lock,) = (folder / "images").iterdir()
    lock.unlink()
    lock.mkdir()
    with pytest.raises(BenchError, match=f"^cannot write {lock}: Is a directory"):
        open_images(dataset, FINGERPRINT, SIZE, folder)


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(BenchError, match=rf"^cannot write {folder}/images/\w+: No space left"):
        open_images(dataset, FINGERPRINT, SIZE, folder)
    assert caches(folder) == []


def test_a_disk_without_room_is_refused_before_anything_is_decoded(
    dataset: Dataset, folder: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = len(dataset.images) * 24 * 12 * 3
    room = shutil.disk_usage(folder.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room._replace(free=needed - 1))
    with pytest.raises(BenchError, match=r"cannot write .+ takes 0\.0 MB and the disk has 0\.0 MB"):
        open_images(dataset, FINGERPRINT, SIZE, folder)
    assert decoded == []
    assert caches(folder) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room._replace(free=needed))
    assert len(open_images(dataset, FINGERPRINT, SIZE, folder).pixels) == len(dataset.images)


def test_a_cache_on_a_read_only_disk_serves(
    dataset: Dataset, folder: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_images(dataset, FINGERPRINT, SIZE, folder)
    decoded.clear()

    def refuse(*_: object) -> NoReturn:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)
    again = open_images(dataset, FINGERPRINT, SIZE, folder)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert decoded == []


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"0")


def of_another(path: Path) -> None:
    description = json.loads(path.read_text())
    description["identity"]["decoding_version"] += 1
    path.write_text(json.dumps(description))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("pixels.bin", cut),
        ("pixels.bin", lengthen),
        ("pixels.bin", Path.unlink),
        ("description.json", cut),
        ("description.json", Path.unlink),
        ("description.json", of_another),
    ],
)
def test_a_damaged_cache_is_made_again(
    dataset: Dataset,
    folder: Path,
    decoded: list[str],
    name: str,
    damage: Callable[[Path], None],
) -> None:
    expected = open_images(dataset, FINGERPRINT, SIZE, folder).pixels.copy()
    (key,) = caches(folder)
    damage(folder / "images" / key / name)
    decoded.clear()
    np.testing.assert_array_equal(open_images(dataset, FINGERPRINT, SIZE, folder).pixels, expected)
    assert len(decoded) == len(dataset.images)
    assert caches(folder) == [key]
    decoded.clear()
    open_images(dataset, FINGERPRINT, SIZE, folder)
    assert decoded == []


def start_builder(root: Path, folder: Path, notes: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", BUILDER, root, folder, notes])


def assert_holds_every_image(folder: Path, root: Path) -> None:
    dataset = SysuMM01Reader().read(root)
    store = open_images(dataset, FINGERPRINT, SIZE, folder)
    for pixels, path in zip(store.pixels, dataset.images["path"], strict=True):
        np.testing.assert_array_equal(pixels, decode_image(root / path, SIZE))


def test_what_a_killed_process_left_is_not_used(
    sysu_root: Path, folder: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    builder = start_builder(sysu_root, folder, notes)
    while not (notes.exists() and len(notes.read_text().splitlines()) > 70):
        assert builder.poll() is None
        time.sleep(0.01)
    builder.kill()
    builder.wait()
    (left,) = caches(folder)
    assert left.endswith(".tmp")
    assert_holds_every_image(folder, sysu_root)
    assert len(caches(folder)) == 1
    assert left not in caches(folder)


@pytest.mark.slow
def test_two_processes_at_once_build_one_cache(
    sysu_root: Path, folder: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    builders = [start_builder(sysu_root, folder, notes) for _ in range(2)]
    assert [builder.wait() for builder in builders] == [0, 0]
    decoded = notes.read_text().splitlines()
    assert len(decoded) == len(set(decoded)) == len(SysuMM01Reader().read(sysu_root).images)
    assert len(caches(folder)) == 1
    assert_holds_every_image(folder, sysu_root)
