"""The fingerprint of a dataset: its content, wherever it lies, and remembered."""

from __future__ import annotations

import os
import shutil
import time
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from io import BufferedReader
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.errors import DataError
from bench_core.data import fingerprint as module
from bench_core.data.fingerprint import (
    fingerprint,
    fingerprint_of_contents,
    remember_fingerprint,
    take_snapshot,
)
from bench_core.system.files import hash_file
from bench_core.system.foreign_files import open_regular

ReadDataset = Callable[..., Dataset]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder for the memory."""
    return tmp_path / "cache"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the name of every file that is hashed; no file is too young to be trusted."""
    names: list[str] = []

    def note(path: Path) -> BufferedReader:
        names.append(path.name)
        return open_regular(path)

    monkeypatch.setattr(module, "open_regular", note)
    monkeypatch.setattr(module, "SETTLING_NANOSECONDS", 0)
    return names


def remembered(folder: Path) -> list[Path]:
    return sorted((folder / "fingerprints").iterdir())


def change_a_byte(path: Path) -> None:
    """Change the content but not the size; a file system may keep times coarsely."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))


def test_it_is_a_sha_256(dataset: Dataset, folder: Path) -> None:
    value = fingerprint(dataset, folder)
    assert len(value) == 64
    assert int(value, 16) >= 0


def test_a_copy_has_the_same(dataset: Dataset, folder: Path, read_dataset: ReadDataset) -> None:
    shutil.copytree(dataset.root, dataset.root.with_name("copy"))  # with other times
    copy = read_dataset(dataset.root.with_name("copy"))
    assert fingerprint(copy, folder) == fingerprint(dataset, folder)


def test_one_changed_byte_gives_another(dataset: Dataset, folder: Path) -> None:
    before = fingerprint(dataset, folder)
    change_a_byte(dataset.root / dataset.images["path"].iloc[3])
    assert fingerprint(dataset, folder) != before


@pytest.mark.parametrize("column", ["identity", "camera"])
def test_one_changed_entry_gives_another(dataset: Dataset, folder: Path, column: str) -> None:
    images = dataset.images.copy()
    images.loc[2, column] += 1
    changed = replace(dataset, images=images)
    assert fingerprint(changed, folder) != fingerprint(dataset, folder)


def test_fewer_images_give_another(dataset: Dataset, folder: Path) -> None:
    fewer = replace(dataset, images=dataset.images.iloc[:-1])
    assert fingerprint(fewer, folder) != fingerprint(dataset, folder)


def test_split_files_are_no_part_of_it(
    dataset: Dataset, folder: Path, read_dataset: ReadDataset
) -> None:
    """A gallery draw that is put there later must not cost a training."""
    other = read_dataset(dataset.root, splits="other")
    assert fingerprint(other, folder) == fingerprint(dataset, folder)


def test_a_renamed_image_gives_another(
    dataset: Dataset, folder: Path, read_dataset: ReadDataset
) -> None:
    before = fingerprint(dataset, folder)
    (dataset.root / "1_4_0.png").rename(dataset.root / "1_4_7.png")
    assert fingerprint(read_dataset(dataset.root), folder) != before


def test_it_stays_the_same_from_version_to_version(dataset: Dataset, folder: Path) -> None:
    """Committed results carry fingerprints: the same files must give them for ever."""
    for number, path in enumerate(dataset.images["path"]):
        (dataset.root / path).write_bytes(bytes([number]))
    known = "f2a26302b40f267f8177c7b7623534cd55d7ef19222a808112c8da6ece3971b3"
    assert fingerprint(dataset, folder) == known


def test_the_order_of_the_rows_does_not_matter(dataset: Dataset, folder: Path) -> None:
    turned = replace(dataset, images=dataset.images[::-1])
    assert fingerprint(turned, folder / "other") == fingerprint(dataset, folder)


@pytest.mark.parametrize("name", ["é", "한국", "Å"])
def test_a_file_system_may_compose_accents_or_not(
    dataset: Dataset, folder: Path, name: str
) -> None:
    """One that stores "e" and an accent gives the names of one that stores the letter."""
    values = set()
    for form in ("NFC", "NFD"):
        spelt = unicodedata.normalize(form, f"{name}.png")
        images = dataset.images.replace("1_4_0.png", spelt)
        root = dataset.root.with_name(form)
        shutil.copytree(dataset.root, root)
        (root / "1_4_0.png").rename(root / spelt)
        values.add(fingerprint(replace(dataset, root=root, images=images), folder))
    assert len(values) == 1


def test_a_name_of_other_bytes_has_one(dataset: Dataset, folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    (dataset.root / "1_4_0.png").rename(dataset.root / name)
    images = dataset.images.replace("1_4_0.png", name)
    assert len(fingerprint(replace(dataset, images=images), folder)) == 64


def test_it_can_be_made_of_hashes_that_are_known(dataset: Dataset, folder: Path) -> None:
    contents = [hash_file(dataset.root / path) for path in dataset.images["path"]]
    assert fingerprint_of_contents(dataset.images, contents) == fingerprint(dataset, folder)


def test_what_was_computed_elsewhere_is_remembered(
    dataset: Dataset, folder: Path, hashed: list[str]
) -> None:
    remember_fingerprint(take_snapshot(dataset), folder, "f" * 64)
    assert fingerprint(dataset, folder) == "f" * 64
    assert hashed == []


def test_it_is_remembered(dataset: Dataset, folder: Path, hashed: list[str]) -> None:
    first = fingerprint(dataset, folder)
    assert sorted(hashed) == sorted(dataset.images["path"])
    hashed.clear()
    assert fingerprint(dataset, folder) == first
    assert hashed == []


def test_a_touched_file_is_hashed_anew(dataset: Dataset, folder: Path, hashed: list[str]) -> None:
    first = fingerprint(dataset, folder)
    hashed.clear()
    os.utime(dataset.root / dataset.images["path"].iloc[0], ns=(1, 1))
    assert fingerprint(dataset, folder) == first
    assert len(hashed) == len(dataset.images)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff\xfe", b"[]", b"{}", b"3", b'{"fingerprint": 3}']
)
def test_a_damaged_memory_is_ignored_and_replaced(
    dataset: Dataset, folder: Path, damage: bytes, hashed: list[str]
) -> None:
    first = fingerprint(dataset, folder)
    (memory,) = remembered(folder)
    memory.write_bytes(damage)
    hashed.clear()
    assert fingerprint(dataset, folder) == first
    assert len(hashed) == len(dataset.images)
    hashed.clear()
    assert fingerprint(dataset, folder) == first
    assert hashed == []


def replace_in_place(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def replace_by_another_file(path: Path, content: bytes) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(content)
    other.replace(path)


@pytest.mark.parametrize("put", [replace_in_place, replace_by_another_file])
def test_other_content_of_the_same_size_and_times_is_noticed(
    dataset: Dataset, folder: Path, hashed: list[str], put: Callable[[Path, bytes], None]
) -> None:
    """As `cp -p`, `rsync -a` and unpacking an archive leave it."""
    path = dataset.root / dataset.images["path"].iloc[3]
    os.utime(path, ns=(1_500_000_000_000_000_000,) * 2)
    before = fingerprint(dataset, folder)
    put(path, bytes(reversed(path.read_bytes())))
    os.utime(path, ns=(1_500_000_000_000_000_000,) * 2)
    assert fingerprint(dataset, folder) != before


def test_images_that_changed_a_moment_ago_are_hashed_again(
    dataset: Dataset, folder: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another change could get the same time: clocks of file systems step."""
    monkeypatch.undo()
    assert not take_snapshot(dataset).is_certain
    fingerprint(dataset, folder)
    assert not (folder / "fingerprints").exists()


def test_images_from_the_future_are_in_doubt(
    dataset: Dataset, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    assert take_snapshot(dataset).is_certain
    monkeypatch.setattr(time, "time_ns", lambda: now - 3_600_000_000_000)
    assert not take_snapshot(dataset).is_certain


@pytest.mark.parametrize(
    ("change", "step", "is_certain"),
    [(0, 10_000_000, False), (5_000_000_000, 10_000_000, True), (0, 1, True)],
)
def test_a_file_system_without_times_of_change_is_not_trusted(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, change: int, step: int, is_certain: bool
) -> None:
    """FAT and SFTP repeat the time of modification, which programs set, in coarse steps."""
    modified = 1_500_000_000_123_456_789 // step * step
    status = SimpleNamespace(
        st_size=1, st_mtime_ns=modified, st_ctime_ns=modified + change, st_ino=1, st_dev=1
    )
    monkeypatch.setattr(module, "_stat", lambda _: status)
    assert take_snapshot(dataset).is_certain is is_certain


def test_images_that_change_while_they_are_read_are_not_remembered_as_they_are_then(
    dataset: Dataset, folder: Path, hashed: list[str]
) -> None:
    snapshot = take_snapshot(dataset)
    change_a_byte(dataset.root / dataset.images["path"].iloc[0])
    remember_fingerprint(snapshot, folder, "f" * 64)
    assert fingerprint(dataset, folder) != "f" * 64


def test_a_pipe_among_the_images_is_named_and_not_waited_for(
    dataset: Dataset, folder: Path
) -> None:
    path = dataset.root / dataset.images["path"].iloc[4]
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match=f"cannot read {path}: It is a named pipe, not a regular"):
        fingerprint(dataset, folder)


def test_an_image_that_is_gone_is_named(dataset: Dataset, folder: Path) -> None:
    gone = dataset.root / dataset.images["path"].iloc[4]
    gone.unlink()
    with pytest.raises(DataError, match=f"cannot read {gone}: No such file or directory"):
        fingerprint(dataset, folder)


def test_an_image_that_cannot_be_read_is_named(dataset: Dataset, folder: Path) -> None:
    path = dataset.root / dataset.images["path"].iloc[4]
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match=f"cannot read {path}: Is a directory"):
        fingerprint(dataset, folder)
    assert not (folder / "fingerprints").exists()
