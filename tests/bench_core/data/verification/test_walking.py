"""Finding every file once: suffixes, hidden names, links, loops, other scripts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bench_core.data.verification.walking import walk


def make(root: Path, *files: str) -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_images_are_told_from_other_files_by_their_suffix(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "a/2.JPEG", "b/3.png", "4.bmp", "a/list.txt", "a/5.jpg.part", "b/6")
    found = walk(tmp_path)
    assert found.images == ["4.bmp", "a/1.jpg", "a/2.JPEG", "b/3.png"]
    assert found.others == ["a/5.jpg.part", "a/list.txt", "b/6"]


def test_hidden_files_are_no_images_and_hidden_folders_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a/._1.jpg", "a/.jpg", ".trash/1.jpg", "a/1.jpg")
    found = walk(tmp_path)
    assert (found.images, found.others) == (["a/1.jpg"], ["a/._1.jpg", "a/.jpg"])


def test_names_in_other_scripts_are_found(tmp_path: Path) -> None:
    names = ["行人/照片.jpg", "é/ж.png", "a b/c d.jpg"]
    assert walk(make(tmp_path, *names)).images == sorted(names)


def test_a_name_of_other_bytes_is_found(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    assert walk(make(tmp_path, name)).images == [name]


def test_links_are_followed(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", "cam1/1.jpg", "2.jpg")
    root = make(tmp_path / "root", "cam2/1.jpg")
    (root / "cam1").symlink_to(tmp_path / "elsewhere" / "cam1")
    (root / "cam2" / "2.jpg").symlink_to(tmp_path / "elsewhere" / "2.jpg")
    found = walk(root)
    assert found.images == ["cam1/1.jpg", "cam2/1.jpg", "cam2/2.jpg"]
    assert (found.broken_links, found.repeated_links) == ([], [])


def test_a_root_that_is_a_link_is_walked(tmp_path: Path) -> None:
    make(tmp_path / "real", "1.jpg")
    (tmp_path / "link").symlink_to("real")
    assert walk(tmp_path / "link").images == ["1.jpg"]


def test_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    make(tmp_path, "1.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "itself.jpg").symlink_to("itself.jpg")
    found = walk(tmp_path)
    assert found.broken_links == ["gone", "gone.jpg", "itself.jpg"]
    assert found.images == ["1.jpg"]


@pytest.mark.timeout(10)
def test_loops_end_and_are_told(tmp_path: Path) -> None:
    make(tmp_path, "a/b/1.jpg", "c/2.jpg")
    for link, target in {"a/up": "..", "a/b/self": ".", "a/c": "../c", "c/a": "../a"}.items():
        (tmp_path / link).symlink_to(target)
    found = walk(tmp_path)
    assert found.images == ["a/b/1.jpg", "c/2.jpg"]
    assert found.repeated_links == ["a/b/self", "a/c", "a/up", "c/a"]


def test_a_folder_has_its_own_name_and_not_that_of_a_link(tmp_path: Path) -> None:
    make(tmp_path, "z/1.jpg")
    (tmp_path / "a").symlink_to("z")
    found = walk(tmp_path)
    assert (found.images, found.repeated_links) == (["z/1.jpg"], ["a"])


def test_a_folder_that_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "closed/1.jpg", "open/2.jpg")
    scan = os.scandir

    def refuse(folder: Path) -> Any:
        if Path(folder).name == "closed":
            raise PermissionError
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = walk(tmp_path)
    assert (found.images, found.closed_folders) == (["open/2.jpg"], ["closed"])


def test_a_folder_within_one_that_may_only_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "listed/closed/1.jpg", "open/2.jpg")
    ask = Path.stat

    def refuse(path: Path, **options: Any) -> os.stat_result:
        if path.name == "closed":
            raise PermissionError
        return ask(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    found = walk(tmp_path)
    assert (found.images, found.closed_folders) == (["open/2.jpg"], ["listed/closed"])
