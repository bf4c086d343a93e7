"""Opening what a user's folder holds: regular files, of bounded size, and nothing that waits."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from bench_core.system.foreign_files import open_regular, read_regular, recognise


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "file", 7) == b"content"
    assert read_regular(tmp_path / "link", 7) == b"content"


def test_a_larger_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with pytest.raises(OSError, match="It has more than 6 bytes"):
        read_regular(tmp_path / "file", 6)


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="Linux says there what it is")
def test_one_that_says_it_is_empty_is_read_all_the_same() -> None:
    assert Path("/proc/version").stat().st_size == 0
    assert read_regular(Path("/proc/version"), 10_000).startswith(b"Linux version")
    with pytest.raises(OSError, match="It has more than 5 bytes"):
        read_regular(Path("/proc/version"), 5)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="It is a named pipe, not a regular file"):
        open_regular(tmp_path / "pipe")


def test_a_device_is_not_opened() -> None:
    with pytest.raises(OSError, match="It is a device, not a regular file"):
        open_regular(Path("/dev/zero"))


def test_a_socket_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(OSError, match="It is a socket, not a regular file"):
            open_regular(Path("socket"))


def test_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        open_regular(tmp_path)


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at it and the opening."""
    regular = tmp_path / "file"
    regular.touch()
    os.mkfifo(tmp_path / "pipe")
    status = regular.stat()
    monkeypatch.setattr(Path, "stat", lambda _: status)
    with pytest.raises(OSError, match="It is a named pipe"):
        open_regular(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        (b"\xef\xbb\xbf  <!DOCTYPE html><title>404", "web page"),
        (b"%!PS-Adobe", "PostScript"),
        (b"\xff\xd8\xff\xe0", "JPEG image"),
        (b"cam1/0001.jpg 3", None),
        (b"", "empty"),
    ],
)
def test_what_is_in_the_place_of_a_file_is_recognized(content: bytes, name: str | None) -> None:
    found = recognise(content)
    assert name in found if name and found else found is name
