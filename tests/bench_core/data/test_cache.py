"""The cache of decoded images: built once, whole or not at all, the same however it is built."""

from __future__ import annotations

import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.errors import BenchError, DataError
from bench_core.data import cache as cache_module
from bench_core.data.cache import open_images
from bench_core.data.decoding import decode_image

SIZE = (24, 12)
FINGERPRINT = "f" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder for the cache."""
    return tmp_path / "cache"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the name of every image that is decoded."""
    names: list[str] = []

    def decode(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
        names.append(path.name)
        return decode_image(path, size)

    monkeypatch.setattr(cache_module, "decode_image", decode)
    return names


def caches(folder: Path) -> list[str]:
    """Everything in the cache but the locks, which stay."""
    images = folder / "images"
    return sorted(path.name for path in images.iterdir() if path.suffix != ".lock")


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


def test_another_way_of_decoding_is_another_cache(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_images(dataset, FINGERPRINT, SIZE, folder)
    monkeypatch.setattr(cache_module, "DECODING_VERSION", -1)
    open_images(dataset, FINGERPRINT, SIZE, folder)
    assert len(caches(folder)) == 2


def test_processes_decode_the_same_pixels_as_threads(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cache_module._workers(8) as pool:
        assert isinstance(pool, ThreadPoolExecutor)
    by_threads = open_images(dataset, FINGERPRINT, SIZE, folder / "threads")
    monkeypatch.setattr(cache_module, "IMAGES_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(cache_module, "CHUNK", 3)
    with cache_module._workers(8) as pool:
        assert isinstance(pool, ProcessPoolExecutor)
    by_processes = open_images(dataset, FINGERPRINT, SIZE, folder / "processes")
    np.testing.assert_array_equal(by_threads.pixels, by_processes.pixels)


@pytest.mark.parametrize("worth_a_process", [1, 1000])
def test_a_damaged_image_is_named_and_nothing_is_left(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch, worth_a_process: int
) -> None:
    monkeypatch.setattr(cache_module, "IMAGES_WORTH_A_PROCESS", worth_a_process)
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

    monkeypatch.setattr(cache_module, "as_completed", interrupt)
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
