"""Image files are found wherever they lie, once each, and nothing leads astray."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench_core.image_search import listing
from bench_core.image_search.listing import Listing, list_files, list_folder, path_text


def names(found: Listing) -> list[str]:
    return [file.name for file in found.files]


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_files_of_any_depth_are_listed_by_name(tmp_path: Path) -> None:
    for name in ("b.PNG", "a/z/1.jpg", "a/2.webp", "c.tif", "d.bmp", "e.JPEG"):
        touch(tmp_path / name)
    assert names(list_folder(tmp_path)) == [
        *("a/2.webp", "a/z/1.jpg", "b.PNG", "c.tif", "d.bmp", "e.JPEG")
    ]


def test_other_files_are_counted_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("a.jpg", "notes.txt", "page.html", "._a.jpg", ".git/b.jpg", ".DS_Store"):
        touch(tmp_path / name)
    found = list_folder(tmp_path)
    assert names(found) == ["a.jpg"]
    assert found.num_others == 2


def test_a_link_that_leads_back_does_no_harm(tmp_path: Path) -> None:
    touch(tmp_path / "own" / "a.jpg")
    (tmp_path / "own" / "up").symlink_to("..")
    (tmp_path / "again").symlink_to("own")
    (tmp_path / "self").symlink_to("self")
    found = list_folder(tmp_path)
    assert names(found) == ["own/a.jpg"]
    assert found.unreadable == ()


def test_linked_folders_and_files_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere" / "deep" / "a.jpg")
    (tmp_path / "gallery").mkdir()
    (tmp_path / "gallery" / "linked").symlink_to("../elsewhere")
    (tmp_path / "gallery" / "b.jpg").symlink_to("../elsewhere/deep/a.jpg")
    assert names(list_folder(tmp_path / "gallery")) == ["b.jpg", "linked/deep/a.jpg"]


def test_links_to_nothing_and_to_themselves_are_named(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "self.jpg").symlink_to("self.jpg")
    lines = [str(item) for item in list_folder(tmp_path).unreadable]
    assert lines == [
        f"{tmp_path}/gone.jpg cannot be read (No such file or directory)",
        f"{tmp_path}/self.jpg cannot be read (Too many levels of symbolic links)",
    ]


def test_names_of_any_bytes_are_kept(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"odd\xff\n.jpg")).touch()
    (file,) = list_folder(tmp_path).files
    assert os.fsencode(file.name) == b"odd\xff\n.jpg"
    assert path_text(Path(file.name)) == "odd\\xff\n.jpg"


def test_files_are_listed_once_in_their_order_whatever_their_names(tmp_path: Path) -> None:
    first, second = touch(tmp_path / "z.dat"), touch(tmp_path / "a.jpg")
    found = list_files([first, second, first, tmp_path / "gone.jpg"])
    assert names(found) == [str(first), str(second)]
    assert [item.path for item in found.unreadable] == [tmp_path / "gone.jpg"]


def test_a_file_of_this_moment_may_change_unseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = touch(tmp_path / "a.jpg")
    os.utime(path, (1e9, 1e9))  # as `cp -p` sets it
    assert not list_folder(tmp_path).files[0].certain
    later = path.stat().st_ctime_ns + 3 * 10**9
    monkeypatch.setattr(listing.time, "time_ns", lambda: later)
    assert list_folder(tmp_path).files[0].certain


def test_times_before_1970_are_facts_as_others(tmp_path: Path) -> None:
    os.utime(touch(tmp_path / "a.jpg"), (-1e6, -1e6))
    assert min(list_folder(tmp_path).files[0].facts) >= 0
