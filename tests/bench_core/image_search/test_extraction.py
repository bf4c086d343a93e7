"""Features are extracted once: whatever happens to files and processes, no more than is new."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench_core.contracts.errors import BenchError, DataError
from bench_core.image_search import extraction, kept_features
from bench_core.image_search.extraction import ExtractionWay, FolderFeatures, features_of
from bench_core.image_search.kept_features import FeatureShelf
from bench_core.image_search.listing import Listing, UnreadableFile, list_folder

Extract = Callable[[], FolderFeatures]
Paint = Callable[[Path, tuple[int, int, int]], Path]


def reds(found: FolderFeatures) -> dict[str, int]:
    """Return the red that the features say, by name; each file has one row."""
    rows = np.concatenate([part.features for part in found.parts])
    told = {
        seen.file.name: round(float(row[0, 0]) * 255)
        for seen, row in zip(found.files, rows, strict=True)
    }
    assert len(told) == len(found.files)
    return told


EXPECTED = {f"{number % 2}/{number}.png": 40 * number for number in range(6)}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (extraction, kept_features):
        monkeypatch.setattr(module, "PART_ROWS", 4, raising=False)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read."""
    names: list[str] = []
    inspect = extraction.inspect

    def count(listing: Listing, files: Any) -> Any:
        names.extend(file.name for file in files)
        return inspect(listing, files)

    monkeypatch.setattr(extraction, "inspect", count)
    return names


def test_features_are_extracted_once(extract: Extract, decoded: list[str]) -> None:
    first = extract()
    assert reds(first) == EXPECTED
    assert first.num_extracted == len(decoded) == 6
    second = extract()
    assert reds(second) == EXPECTED
    assert second.num_extracted == 0
    assert len(decoded) == 6


@pytest.mark.usefixtures("settled")
def test_unchanged_files_are_not_even_opened(extract: Extract, opened: list[str]) -> None:
    extract()
    opened.clear()
    assert reds(extract()) == EXPECTED
    assert opened == []


def test_of_a_new_and_a_changed_file_alone_features_are_extracted(
    extract: Extract, folder: Path, paint: Paint, decoded: list[str]
) -> None:
    extract()
    decoded.clear()
    paint(folder / "new.png", (200, 1, 9))
    paint(folder / "1" / "3.png", (33, 0, 9))
    assert reds(extract()) == {**EXPECTED, "new.png": 200, "1/3.png": 33}
    assert sorted(decoded) == ["1/3.png", "new.png"]


@pytest.mark.usefixtures("settled")
def test_a_change_that_keeps_size_and_time_is_seen(
    extract: Extract, folder: Path, paint: Paint
) -> None:
    extract()
    path = folder / "0" / "2.png"
    before = path.stat()
    content = bytearray(paint(folder.parent / "other.png", (81, 0, 9)).read_bytes())
    assert len(content) == before.st_size
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert reds(extract())["0/2.png"] == 81


def test_a_file_that_was_moved_or_copied_takes_the_features_that_are_there(
    extract: Extract, folder: Path, decoded: list[str]
) -> None:
    extract()
    decoded.clear()
    (folder / "0" / "2.png").rename(folder / "moved.png")
    shutil.copy(folder / "0" / "4.png", folder / "copy.png")
    found = reds(extract())
    assert found["moved.png"] == EXPECTED["0/2.png"]
    assert found["copy.png"] == EXPECTED["0/4.png"]
    assert "0/2.png" not in found
    assert decoded == []


def test_equal_files_are_extracted_once(extract: Extract, folder: Path, decoded: list[str]) -> None:
    for number in range(5):
        shutil.copy(folder / "0" / "4.png", folder / f"copy-{number}.png")
    assert len(reds(extract())) == 11
    assert len(decoded) == 6


@pytest.mark.usefixtures("settled")
def test_files_that_are_gone_are_forgotten(
    extract: Extract, folder: Path, tmp_path: Path, decoded: list[str]
) -> None:
    extract()
    (folder / "1" / "5.png").unlink()
    assert "1/5.png" not in reds(extract())
    kept = FeatureShelf(tmp_path / "kept" / "key")
    with kept.opened() as parts:
        assert sorted(seen.file.name for part in parts for seen in part.files) == sorted(
            set(EXPECTED) - {"1/5.png"}
        )
    assert len(decoded) == 6


@pytest.mark.usefixtures("settled", "small_parts")
def test_a_search_that_was_killed_goes_on_with_what_it_kept(
    extract: Extract, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = FeatureShelf.keep
    kept: list[Any] = []

    def keep_one(self: FeatureShelf, part: Any, num_more: int = 0) -> Any:
        if kept:
            raise KeyboardInterrupt
        kept.append(part)
        return keep(self, part, num_more)

    with monkeypatch.context() as patch:
        patch.setattr(FeatureShelf, "keep", keep_one)
        with pytest.raises(KeyboardInterrupt):
            extract()
    decoded.clear()
    found = extract()
    assert reds(found) == EXPECTED
    assert found.num_extracted == len(decoded) == 2


@pytest.mark.usefixtures("settled", "small_parts")
def test_parts_that_a_killed_process_joined_by_half_count_once(
    extract: Extract,
    folder: Path,
    paint: Paint,
    decoded: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extract()
    paint(folder / "new.png", (200, 1, 9))

    def die(self: FeatureShelf, parts: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FeatureShelf, "forget", die)
        with pytest.raises(KeyboardInterrupt):
            extract()
    found = extract()
    assert reds(found) == {**EXPECTED, "new.png": 200}
    assert len(decoded) == 7


@pytest.mark.usefixtures("settled", "small_parts")
def test_short_parts_are_joined(extract: Extract, folder: Path, paint: Paint) -> None:
    extract()
    for number in range(6):
        paint(folder / f"new-{number}.png", (number, 2, 9))
        found = extract()
    assert [len(part.files) for part in found.parts] == [4, 4, 4]
    assert reds(found) == {**EXPECTED, **{f"new-{number}.png": number for number in range(6)}}


@pytest.mark.usefixtures("settled", "small_parts")
@pytest.mark.parametrize("file", ["features.npy", "files.npz"])
@pytest.mark.parametrize("damage", ["cut", "gone", "empty", "other"])
def test_a_damaged_part_is_made_anew(
    extract: Extract, tmp_path: Path, file: str, damage: str
) -> None:
    extract()
    path = sorted((tmp_path / "kept" / "key").glob(f"*/{file}"))[0]
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": content[:-9], "empty": b"", "other": b"x" * 99}[damage])
    found = extract()
    assert reds(found) == EXPECTED
    assert 0 < found.num_extracted < 6


def test_without_a_folder_nothing_is_kept(
    folder: Path, way: ExtractionWay, decoded: list[str], tmp_path: Path
) -> None:
    for _ in range(2):
        assert reds(features_of(list_folder(folder), way, FeatureShelf(None))) == EXPECTED
    assert len(decoded) == 12
    assert not (tmp_path / "kept").exists()


def test_another_model_and_modality_have_features_of_their_own(
    folder: Path, way: ExtractionWay
) -> None:
    keys = {
        changed.key_of(folder)
        for changed in (way, replace(way, identity="x"), replace(way, modality="infrared"))
    }
    assert len(keys) == 3
    assert way.key_of(folder) == way.key_of(folder / "0" / "..")


def test_a_short_last_batch_is_filled_up(
    extract: Extract, way: ExtractionWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    method: Any = way.model.method
    plain = type(method).extract

    def note(self: Any, images: torch.Tensor, modality: Any) -> torch.Tensor:
        sizes.append(len(images))
        return plain(self, images, modality)

    monkeypatch.setattr(extraction, "batch_limit", lambda *_: 4)
    monkeypatch.setattr(type(method), "extract", note)
    assert reds(extract()) == EXPECTED
    assert sizes[-2:] == [4, 4]


def test_files_that_give_no_picture_are_judged_before_anything_is_extracted(
    folder: Path, way: ExtractionWay, decoded: list[str]
) -> None:
    (folder / "empty.png").touch()
    os.mkfifo(folder / "pipe.jpg")
    (folder / "text.jpg").write_text("hello")
    reasons: list[str] = []

    def judge(unreadable: Any) -> None:
        reasons.extend(str(item).removeprefix(f"{folder}/") for item in unreadable)
        assert decoded == []

    found = features_of(list_folder(folder), replace(way, judge=judge), FeatureShelf(None))
    assert reds(found) == EXPECTED
    assert reasons == [
        "empty.png is empty (0 bytes)",
        "pipe.jpg cannot be decoded (It is a named pipe, not a regular file)",
        "text.jpg is not a JPEG, PNG, BMP, TIFF or WebP image",
    ]
    assert [type(item) for item in found.unreadable] == [UnreadableFile] * 3


@pytest.mark.parametrize(
    ("metric", "value", "fault"),
    [("euclidean", float("nan"), "not finite"), ("cosine", 0.0, "all zeros")],
)
def test_features_without_a_distance_are_named(
    extract: Extract,
    way: ExtractionWay,
    metric: str,
    value: float,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method = type(way.model.method)

    def spoil(self: Any, images: torch.Tensor, modality: Any) -> torch.Tensor:
        features = images.mean((2, 3))[:, None]
        return torch.where(features[:, :, :1] * 255 > 190, value, features)

    monkeypatch.setattr(method, "extract", spoil)
    monkeypatch.setattr(method, "metric", metric)
    with pytest.raises(DataError, match=f"features of .*1/5.png are {fault}"):
        extract()


def test_a_file_that_changes_meanwhile_is_named(
    extract: Extract, folder: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspect = extraction.inspect

    def change(listing: Listing, files: Any) -> Any:
        seen = inspect(listing, files)
        paint(folder / "1" / "1.png", (1, 1, 1))
        return seen

    monkeypatch.setattr(extraction, "inspect", change)
    with pytest.raises(DataError, match=r"1/1\.png was changed while it was read"):
        extract()


def test_a_disk_without_room_is_one_line(extract: Extract, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(BenchError, match=r"takes 0\.0 MB .*or give --no-cache to keep nothing"):
        extract()
