"""Listing and clearing caches of decoded images, whatever state they are in."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.errors import BenchError, UsageError
from bench_core.data.cache import ImageStore, open_images
from bench_core.data.cache_listing import clear_caches, list_caches
from bench_core.system.processes import locked

Make = Callable[..., ImageStore]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder for the cache."""
    return tmp_path / "cache"


@pytest.fixture
def make(dataset: Dataset, folder: Path) -> Make:
    """Make a cache of a size."""
    return lambda size=(24, 12): open_images(dataset, "f" * 64, size, folder)


def folders(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "images").iterdir() if path.is_dir())


def test_a_cache_says_what_it_holds(dataset: Dataset, folder: Path, make: Make) -> None:
    pixels = make().pixels
    (entry,) = list_caches(folder)
    document = entry.as_document()
    assert document == {
        "key": folders(folder)[0],
        "state": "whole",
        "dataset": "demo",
        "synthetic": True,
        "root": str(dataset.root.resolve()),
        "fingerprint": "f" * 64,
        "images": len(dataset.images),
        "image_size": [24, 12],
        "filter": "BILINEAR",
        "version": 1,
        "made": document["made"],
        "used": document["used"],
        "bytes": document["bytes"],
        "path": str(folder / "images" / entry.key),
    }
    assert pixels.nbytes < entry.num_bytes < pixels.nbytes + 2000
    for name in ("made", "used"):
        assert abs(datetime.fromisoformat(document[name]) - datetime.now(UTC)).seconds < 3600


def test_opening_a_cache_is_using_it(folder: Path, make: Make) -> None:
    make()
    (entry,) = list_caches(folder)
    os.utime(entry.path / "description.json", (1, 1))
    assert list_caches(folder)[0].used.year == 1970
    make()
    assert list_caches(folder)[0].used.year > 1970


def test_there_may_be_none(folder: Path) -> None:
    assert list_caches(folder) == []
    assert clear_caches(folder, ["all"]) == []


@pytest.mark.parametrize("name", ["pixels.bin", "description.json"])
def test_a_damaged_cache_is_listed_and_can_be_cleared(folder: Path, make: Make, name: str) -> None:
    make()
    (entry,) = list_caches(folder)
    (entry.path / name).write_bytes(b"")
    (damaged,) = list_caches(folder)
    assert (damaged.state, damaged.as_document()["dataset"]) == ("damaged", None)
    assert clear_caches(folder, [entry.key]) == [damaged]
    assert folders(folder) == []


def test_what_a_killed_process_left_is_listed_and_can_be_cleared(folder: Path, make: Make) -> None:
    make()
    (key,) = folders(folder)
    left = folder / "images" / f".0123456789abcdef.{32 * 'f'}.tmp"
    left.mkdir()
    (left / "pixels.bin").write_bytes(bytes(100))
    states = {entry.key: (entry.state, entry.num_bytes) for entry in list_caches(folder)}
    assert states["0123456789abcdef"] == ("unfinished", 100)
    assert states[key][0] == "whole"
    clear_caches(folder, ["0123"])
    assert folders(folder) == [key]


def test_locks_stay_and_are_no_caches(folder: Path, make: Make) -> None:
    """A lock that is removed while somebody waits for it would let two in."""
    make()
    clear_caches(folder, ["all"])
    assert len(list((folder / "images").glob("*.lock"))) == 1
    assert list_caches(folder) == []


def test_who_reads_a_cache_keeps_its_pixels_when_it_is_cleared(folder: Path, make: Make) -> None:
    store = make()
    expected = store.pixels.copy()
    clear_caches(folder, ["all"])
    np.testing.assert_array_equal(store.pixels, expected)
    np.testing.assert_array_equal(make().pixels, expected)


def test_a_key_may_be_cut_but_must_name_one(folder: Path) -> None:
    for key in ("abc1", "abd2"):
        (folder / "images" / key).mkdir(parents=True)
    with pytest.raises(UsageError, match="--clear ab fits 2 caches; 'bench data cache --list'"):
        clear_caches(folder, ["ab"])
    for wrong in ("", "x", "abc12"):
        with pytest.raises(UsageError, match=f"--clear {wrong} names no cache"):
            clear_caches(folder, [wrong])
    assert folders(folder) == ["abc1", "abd2"]
    assert [entry.key for entry in clear_caches(folder, ["abc"])] == ["abc1"]
    assert folders(folder) == ["abd2"]


def test_a_wrong_key_clears_nothing(folder: Path, make: Make) -> None:
    make()
    with pytest.raises(UsageError, match="names no cache"):
        clear_caches(folder, [folders(folder)[0], "wrong"])
    assert len(folders(folder)) == 1


def test_one_that_is_being_written_is_left_and_the_others_are_cleared(
    folder: Path, make: Make
) -> None:
    make()
    make((12, 24))
    busy, free = folders(folder)
    with (
        locked(folder / "images" / busy),
        pytest.raises(
            BenchError,
            match=rf"process {os.getpid()} on .+ is writing {folder}/images/{busy}; wait",
        ),
    ):
        clear_caches(folder, [free, busy])
    assert folders(folder) == [busy]
    assert [entry.state for entry in list_caches(folder)] == ["whole"]


def test_a_clearing_that_was_killed_is_finished_by_the_next(folder: Path, make: Make) -> None:
    make()
    (key,) = folders(folder)
    images = folder / "images"
    (images / key).rename(images / f".{key}.{32 * 'f'}.tmp")
    make()
    assert folders(folder) == [key]
    clear_caches(folder, ["all"])
    assert folders(folder) == []


def test_a_folder_that_cannot_be_read_is_one_clear_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "images").mkdir(parents=True)

    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(BenchError, match=f"cannot read {folder}/images: Permission denied"):
        list_caches(folder)
