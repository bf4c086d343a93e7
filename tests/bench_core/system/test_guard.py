"""What watched code does is noted with its line, and what others do is not."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench_core.system.guard import Guard

SOURCE = """
import os, socket
def write(path): open(path, "w").close()
def append(path): os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
def read(path): open(path).close()
def rename(path): os.rename(path, path + ".old")
def remove(path): os.remove(path)
def make(path): os.mkdir(path + ".folder")
def call(function): function()
def connect(_): socket.create_connection(("192.0.2.1", 80), timeout=1)
def look_up(_): socket.getaddrinfo("example.org", 80)
def talk_here(_): [one.close() for one in socket.socketpair()]
"""


@pytest.fixture
def stranger() -> ModuleType:
    module = ModuleType("stranger.module")
    exec(compile(SOURCE, "stranger/module.py", "exec"), vars(module))  # noqa: S102  # it is ours
    return module


@pytest.fixture
def does(stranger: ModuleType, tmp_path: Path) -> Callable[[str], list[tuple[str, int]]]:
    """Let the stranger do something to a file; return the kinds and lines of what was noted."""
    (tmp_path / "allowed").mkdir()

    def run(name: str, path: Any = None) -> list[tuple[str, int]]:
        file = tmp_path / "file"
        file.touch()
        guard = Guard(["stranger"], [tmp_path / "allowed"])
        with guard.watching():
            vars(stranger)[name](str(file) if path is None else path)
        return [(deed.kind, deed.place.line) for deed in guard.deeds]

    return run


@pytest.mark.parametrize(
    ("name", "line"), [("write", 3), ("append", 4), ("remove", 7), ("make", 8)]
)
def test_a_changed_file_is_noted_with_the_line(
    name: str, line: int, does: Callable[[str], list[tuple[str, int]]]
) -> None:
    assert does(name) == [("file", line)]


def test_of_a_move_both_names_are_noted(does: Callable[[str], list[tuple[str, int]]]) -> None:
    assert does("rename") == [("file", 6), ("file", 6)]


def test_reading_is_no_change(does: Callable[[str], list[tuple[str, int]]]) -> None:
    assert does("read") == []


def test_writing_is_allowed_below_its_folders_and_to_devices(
    does: Callable[..., list[tuple[str, int]]], tmp_path: Path
) -> None:
    assert does("write", str(tmp_path / "allowed" / "file")) == []
    assert does("write", os.devnull) == []
    assert does("write", str(tmp_path / "allowed" / ".." / "other")) == [("file", 3)]


@pytest.mark.parametrize(("name", "line"), [("connect", 10), ("look_up", 11)])
def test_the_network_is_refused_and_noted(name: str, line: int, stranger: ModuleType) -> None:
    guard = Guard(["stranger"], [])
    with guard.watching(), pytest.raises(OSError, match="network is refused"):
        vars(stranger)[name](None)
    assert {(deed.kind, deed.place.line) for deed in guard.deeds} == {("network", line)}


def test_sockets_within_the_machine_are_no_network(
    does: Callable[[str], list[tuple[str, int]]],
) -> None:
    assert does("talk_here") == []


def test_what_a_library_does_for_it_is_its_deed(
    does: Callable[..., list[tuple[str, int]]], tmp_path: Path
) -> None:
    assert does("call", lambda: (tmp_path / "other").write_text("")) == [("file", 9)]


def test_what_others_do_is_not_noted(tmp_path: Path) -> None:
    guard = Guard(["stranger"], [])
    with guard.watching():
        (tmp_path / "file").write_text("")
        socket.socket().close()
    assert not guard.deeds
