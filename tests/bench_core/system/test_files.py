"""Files and folders appear whole or not at all; hashes follow content and nothing else."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.system.files import (
    check_new_folder,
    check_room,
    folder_written_whole,
    hash_file,
    hash_json,
    remove_abandoned,
    write_atomically,
    write_json,
    write_text,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set the umask for one test."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def disk_is_full(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_half_then_fill_the_disk(file: BinaryIO) -> None:
    file.write(b"half of the n")
    disk_is_full()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_holds_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.bin"
    write_atomically(path, lambda file: [file.write(part) for part in (b"a\n", b"\0b")] and None)
    assert path.read_bytes() == b"a\n\0b"
    assert names(path.parent) == ["file.bin"]


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "a long old text")
    write_text(path, "näu")
    assert path.read_bytes() == "näu".encode()
    assert names(tmp_path) == ["file.txt"]


def test_a_full_disk_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(BenchError, match=f"cannot write {path}: No space left on device"):
        write_atomically(path, write_half_then_fill_the_disk)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_full_disk_at_the_last_moment_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"old": 1})
    monkeypatch.setattr(os, "fsync", disk_is_full)
    with pytest.raises(BenchError, match="No space left on device"):
        write_json(path, {"new": 2})
    assert json.loads(path.read_text()) == {"old": 1}
    assert names(tmp_path) == ["file.json"]


def test_a_new_file_does_not_appear_on_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(BenchError):
        write_atomically(tmp_path / "file", write_half_then_fill_the_disk)
    assert names(tmp_path) == []


def test_the_content_is_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "file", []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append(path.exists())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_text(path, "new")
    assert seen == [False, True]  # the file before it is renamed, its folder after


def test_an_error_of_the_writer_passes_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def interrupted(file: BinaryIO) -> None:
        file.write(b"new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, interrupted)
    assert (path.read_text(), names(tmp_path)) == ("old", ["file"])


def test_a_folder_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(BenchError, match=r"cannot write .*taken/file: (File exists|Not a dir)"):
        write_text(tmp_path / "taken" / "file", "text")


def test_permissions_follow_the_umask(tmp_path: Path, umask: int) -> None:
    write_text(tmp_path / "file", "text")
    with folder_written_whole(tmp_path / "folder"):
        pass
    assert mode(tmp_path / "file") == 0o666 & ~umask
    assert mode(tmp_path / "folder") == 0o777 & ~umask
    assert os.umask(umask) == umask


def test_json_is_sorted_and_ends_with_a_newline(tmp_path: Path) -> None:
    write_json(tmp_path / "file", {"b": [1], "a": None})
    assert (tmp_path / "file").read_text() == '{\n "a": null,\n "b": [\n  1\n ]\n}\n'


def test_json_has_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "file", {"old": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "file", {"new": float("nan")})
    assert json.loads((tmp_path / "file").read_text()) == {"old": 1}


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"
    with folder_written_whole(target) as temporary:
        (temporary / "part").write_text("1")
        assert not target.exists()
        assert temporary.parent == target.parent
    assert (target / "part").read_text() == "1"
    assert names(target.parent) == ["folder"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, BenchError])
def test_a_folder_does_not_appear_after_an_error(
    tmp_path: Path, error: type[BaseException]
) -> None:
    with pytest.raises(error, match="half way"), folder_written_whole(tmp_path / "folder") as new:
        (new / "part").write_text("1")
        raise error("half way")
    assert names(tmp_path) == []


def test_a_full_disk_within_a_folder_is_one_clear_line(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    message = f"cannot write {target}: No space left on device"
    with pytest.raises(BenchError, match=message), folder_written_whole(target):
        disk_is_full()
    assert names(tmp_path) == []


def test_a_folder_that_holds_something_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(BenchError, match="cannot write"), folder_written_whole(target) as new:
        (new / "new").write_text("new")
    assert (names(tmp_path), names(target)) == (["folder"], ["old"])


def test_the_files_named_of_an_older_folder_are_replaced(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    for content in ("old", "new"):
        with folder_written_whole(target, replaced={"old"}) as new:
            (new / content).write_text(content)
            assert content == "old" or names(target) == ["old"]
    assert (names(tmp_path), names(target)) == (["folder"], ["new"])


def test_what_else_an_older_folder_holds_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").write_text("old")
    with folder_written_whole(target, replaced={"old"}) as new:
        (new / "new").write_text("new")
        (target / "thesis").mkdir()
        (target / "thesis" / "chapter.tex").write_text("text")
    assert (names(tmp_path), names(target)) == (["folder"], ["new", "thesis"])
    assert (target / "thesis" / "chapter.tex").read_text() == "text"


@pytest.mark.parametrize("name", [".", "..", "link"])
def test_the_current_folder_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    current = tmp_path / "outer" / "inner"
    current.mkdir(parents=True)
    (current / "link").symlink_to(current)
    monkeypatch.chdir(current)
    message = f"cannot write {name}: it is the current folder, or holds it"
    with pytest.raises(BenchError, match=message), folder_written_whole(Path(name)):
        pytest.fail("the block must not be entered")


def test_the_folder_that_a_link_names_is_written_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    with folder_written_whole(tmp_path / "link") as new:
        (new / "new").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "folder") == ["new"]


@pytest.mark.parametrize("there", [True, False])
def test_the_file_that_a_link_names_is_replaced_and_the_link_stays(
    tmp_path: Path, *, there: bool
) -> None:
    target, link = tmp_path / "elsewhere" / "target", tmp_path / "link"
    target.parent.mkdir()
    if there:
        target.write_text("old")
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert (names(tmp_path), names(target.parent)) == (["elsewhere", "link"], ["target"])


def test_a_link_to_itself_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(BenchError, match=r"cannot write .*link: Too many levels of symbolic links"):
        write_text(tmp_path / "link", "new")


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "private"
    path.write_text("old")
    path.chmod(0o600)
    write_text(path, "new")
    assert (path.read_text(), mode(path)) == ("new", 0o600)


def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    for path in (Path("/dev/null"), tmp_path / "link"):
        write_text(path, "text")
        assert path.is_char_device()


def test_a_pipe_is_written_to_where_a_process_reads_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_json(pipe, {"a": 1})
    assert os.read(reader, 100) == b'{\n "a": 1\n}\n'
    os.close(reader)
    with pytest.raises(BenchError, match="no process reads this pipe"):
        write_json(pipe, {"a": 1})
    assert (names(tmp_path), pipe.is_fifo()) == (["pipe"], True)


def test_a_socket_and_a_folder_are_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(BenchError, match="cannot write socket: it is no file; name a file"):
            write_text(Path("socket"), "text")
    with pytest.raises(BenchError, match=r"cannot write .*: Is a directory"):
        write_text(tmp_path, "text")


@pytest.mark.parametrize("length", [100, 200, 201, 255])
def test_a_name_may_be_as_long_as_the_system_allows(tmp_path: Path, length: int) -> None:
    write_text(tmp_path / ("n" * length), "text")
    assert names(tmp_path) == ["n" * length]


def test_a_name_that_is_too_long_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"cannot write .*: File name too long"):
        write_text(tmp_path / ("n" * 300), "text")
    with (
        pytest.raises(BenchError, match="File name too long"),
        folder_written_whole(tmp_path / ("n" * 300)),
    ):
        pass


def test_a_text_with_the_name_of_a_file_that_is_no_utf_8_is_written(tmp_path: Path) -> None:
    write_text(tmp_path / "file", os.fsdecode(b"caf\xe9"))
    assert (tmp_path / "file").read_bytes() == rb"caf\udce9"


def test_a_folder_that_is_to_be_replaced_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").write_text("old")
    with (
        pytest.raises(RuntimeError, match="half way"),
        folder_written_whole(target, replaced={"old"}) as new,
    ):
        (new / "new").write_text("new")
        raise RuntimeError("half way")
    assert (names(tmp_path), names(target)) == (["folder"], ["old"])


def test_a_folder_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").write_text("old")
    rename = Path.rename

    def refuse_new(self: Path, place: Path) -> Path:
        if (self / "new").exists():
            disk_is_full()
        return rename(self, place)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with (
        pytest.raises(BenchError, match="No space left"),
        folder_written_whole(target, replaced={"old"}) as new,
    ):
        (new / "new").write_text("new")
    assert (names(tmp_path), names(target)) == (["folder"], ["old"])


def test_an_empty_folder_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with folder_written_whole(tmp_path / "folder") as new:
        (new / "new").write_text("new")
    assert names(tmp_path / "folder") == ["new"]


def test_a_folder_in_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    target = tmp_path / "taken" / "folder"
    with pytest.raises(BenchError, match="cannot write"), folder_written_whole(target):
        pytest.fail("the block must not be entered")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["new/and/deeper", "empty"])
def test_a_new_folder_may_be_made_where_nothing_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    check_new_folder(tmp_path / name)


def test_a_new_folder_takes_the_place_of_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(UsageError, match="exists and is not an empty folder: name another"):
            check_new_folder(path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UsageError, match="is the folder that you are in: name one below it"):
        check_new_folder(tmp_path / "here")


def test_room_is_looked_up_on_the_disk_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    check_room(tmp_path / "new" / "deeper", 1)
    with pytest.raises(BenchError, match=r"it takes .* MB and the disk has .* left; name another"):
        check_room(tmp_path / "new" / "deeper", 10**18, "name another")


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_a_hash_is_independent_of_the_order_of_keys(document: dict[str, object]) -> None:
    turned = dict(reversed(document.items()))
    assert hash_json({"outer": turned}) == hash_json({"outer": document})


@given(JSON, JSON)
def test_different_documents_have_different_hashes(first: object, second: object) -> None:
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (hash_json(first) == hash_json(second)) == same


def test_the_hash_of_a_document_is_that_of_its_shortest_form() -> None:
    """Fixed for good: identities of trainings and results rest on it."""
    expected = hashlib.sha256(b'{"a":[1,2.5],"b":null}').hexdigest()
    assert hash_json({"b": None, "a": [1, 2.5]}) == expected


def test_a_document_with_nan_has_no_hash() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        hash_json([float("nan")])


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert hash_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()


WRITER = """
import sys, time
from pathlib import Path
from bench_core.system.files import folder_written_whole, write_atomically

def write(file):
    print("in", flush=True)
    time.sleep(60)

folder = Path(sys.argv[1])
with folder_written_whole(folder / "out") as temporary:
    (temporary / "file").touch()
    write_atomically(folder / "a.json", write)
"""


def leftover(path: Path) -> Path:
    """Write what a killed writer of a file leaves."""
    left = path.with_name(f".{path.name}.{'0' * 32}.tmp")
    left.write_bytes(b"half")
    return left


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    leftover(tmp_path / "a.json")
    leftover(tmp_path / "line\nbreak")
    (tmp_path / f".folder.{'0' * 32}.tmp" / "inner").mkdir(parents=True)
    (tmp_path / "target").mkdir()
    (tmp_path / f".link.{'0' * 32}.tmp").symlink_to(tmp_path / "target")
    (tmp_path / ".mine.tmp").write_bytes(b"")
    assert remove_abandoned(tmp_path) == []
    assert names(tmp_path) == [f".link.{'0' * 32}.tmp", ".mine.tmp", "target"]


def test_only_what_would_have_become_a_name_is_removed(tmp_path: Path) -> None:
    (tmp_path / f".a[b].{'1' * 32}.tmp").mkdir()
    leftover(tmp_path / "a[b]")
    others = [leftover(tmp_path / name).name for name in ("ab", "a[b].c", "*")]
    others += [".a[b].mine.tmp", "a[b]"]
    for name in others[-2:]:
        (tmp_path / name).write_text("mine")
    remove_abandoned(tmp_path, "a[b]")
    assert names(tmp_path) == sorted(others)


def test_what_is_being_written_stays_until_its_process_is_killed(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "in\n"
    remove_abandoned(tmp_path)
    assert len(names(tmp_path)) == 2
    writer.kill()
    writer.communicate()
    remove_abandoned(tmp_path, "a.json")
    (folder,) = tmp_path.iterdir()
    assert names(folder) == ["file"]
    remove_abandoned(tmp_path)
    assert names(tmp_path) == []


def test_a_temporary_file_that_is_being_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.json"

    def write(file: BinaryIO) -> None:
        file.write(b"whole")
        remove_abandoned(tmp_path)

    write_atomically(path, write)
    assert path.read_bytes() == b"whole"


def test_what_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    left = leftover(tmp_path / "a.json")
    monkeypatch.setattr(Path, "unlink", refuse)  # as root, permissions hinder nothing
    assert remove_abandoned(tmp_path) == [left]


def test_nothing_is_removed_where_there_is_no_folder(tmp_path: Path) -> None:
    assert remove_abandoned(tmp_path / "absent") == []
    assert not (tmp_path / "absent").exists()
