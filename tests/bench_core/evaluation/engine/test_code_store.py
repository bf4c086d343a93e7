"""Where compiled code is kept: whose folder, what is believed, and what happens without."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench_core.evaluation.engine.code_store import CodeStore, hash_names

CONTENT = b"compiled code" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that a store in `tmp_path` makes."""
    return tmp_path / f"compiled-{os.getuid()}"


def test_what_is_written_is_read_by_the_next_process(tmp_path: Path, folder: Path) -> None:
    CodeStore(tmp_path).write("name", CONTENT)
    assert CodeStore(tmp_path).read("name") == CONTENT
    assert CodeStore(tmp_path).read("other") is None
    assert [path.name for path in folder.iterdir()] == ["name.code"]


def test_folder_and_files_are_the_users_alone(tmp_path: Path, folder: Path) -> None:
    before = os.umask(0)
    try:
        CodeStore(tmp_path).write("name", CONTENT)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "name.code").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_not_used(
    tmp_path: Path, folder: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    store = CodeStore(tmp_path)
    store.write("name", CONTENT)
    folder.chmod(mode)
    assert store.read("name") is None
    store.write("name", b"more")
    (line,) = capsys.readouterr().err.splitlines()
    assert f"not kept in {folder}: others could write to this folder; remove it" in line
    folder.chmod(0o700)
    assert CodeStore(tmp_path).read("name") == CONTENT


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_folder_or_a_file_of_somebody_else_is_not_used(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    CodeStore(tmp_path).write("name", CONTENT)
    os.chown(folder / "name.code", 12345, -1)
    assert CodeStore(tmp_path).read("name") is None
    assert not (folder / "name.code").exists()
    CodeStore(tmp_path).write("name", CONTENT)
    os.chown(folder, 12345, -1)
    assert CodeStore(tmp_path).read("name") is None
    assert "others could write to this folder" in capsys.readouterr().err


def test_a_link_in_place_of_the_folder_is_not_followed(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    CodeStore(tmp_path / "elsewhere").write("name", CONTENT)
    folder.symlink_to(tmp_path / "elsewhere" / folder.name)
    assert CodeStore(tmp_path).read("name") is None
    assert "Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damaged",
    [b"", CONTENT, pickle.dumps([1]), bytes(32) + CONTENT, b"x" * 31],
    ids=["empty", "bare", "pickle", "wrong-digest", "short"],
)
def test_a_damaged_file_is_removed(tmp_path: Path, folder: Path, damaged: bytes) -> None:
    CodeStore(tmp_path).write("name", CONTENT)
    (folder / "name.code").write_bytes(damaged)
    assert CodeStore(tmp_path).read("name") is None
    assert not (folder / "name.code").exists()


def test_every_cut_and_every_changed_byte_is_seen(tmp_path: Path, folder: Path) -> None:
    CodeStore(tmp_path).write("name", CONTENT)
    whole = (folder / "name.code").read_bytes()
    for place in range(0, len(whole), 7):
        for damaged in (whole[:place], whole[:place] + b"\xff" + whole[place + 1 :]):
            (folder / "name.code").write_bytes(damaged)
            assert CodeStore(tmp_path).read("name") is None


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path, folder: Path) -> None:
    CodeStore(tmp_path).write("name", CONTENT)
    (folder / "name.code").unlink()
    os.mkfifo(folder / "name.code")
    assert CodeStore(tmp_path).read("name") is None


def test_without_a_place_it_says_so_once_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    store = CodeStore(tmp_path / "file")
    for _ in range(2):
        assert store.read("name") is None
        store.write("name", CONTENT)
    (line,) = capsys.readouterr().err.splitlines()
    assert "Not a directory; each process compiles anew" in line


def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    CodeStore(tmp_path).write("name", CONTENT)
    assert "No space left on device" in capsys.readouterr().err
    assert not list(folder.iterdir())


def test_leftovers_of_killed_processes_go_and_fresh_ones_stay(tmp_path: Path, folder: Path) -> None:
    CodeStore(tmp_path).write("name", CONTENT)
    for name, age in ((".old.1.tmp", 7200), (".new.2.tmp", 0)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    CodeStore(tmp_path).write("other", CONTENT)
    assert {path.name for path in folder.iterdir()} == {"name.code", "other.code", ".new.2.tmp"}


def test_names_differ_where_any_part_does() -> None:
    assert len({hash_names("a", "b"), hash_names("ab"), hash_names("b", "a"), hash_names()}) == 4


PROGRAM = """
import numpy as np
from bench_core.evaluation.engine.kernels import find_lengths
lengths = np.zeros((1, 1))
find_lengths(np.array([[[3.0, 4.0]]]), np.array([0]), lengths, 0, 1)
assert lengths == 5
"""
ANNOUNCED = "compiling the loops of such scoring, once: this takes about 4 seconds\n"


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "VIREID_BENCH_CACHE"])
def test_code_of_a_process_serves_the_next_and_none_is_run_from_a_changed_file(
    tmp_path: Path, folder: Path, variable: str
) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    def run() -> str:
        others = {name: text for name, text in os.environ.items() if name != "NUMBA_CACHE_DIR"}
        environment = {**others, variable: str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        return done.stderr

    # In a log file, too, one line says what takes so long.
    assert run() == ANNOUNCED
    (kept,) = folder.glob("find_lengths-*.code")
    whole, age = kept.read_bytes(), kept.stat().st_mtime_ns
    assert run() == ""
    assert kept.stat().st_mtime_ns == age
    kept.write_bytes(pickle.dumps(Payload()))
    assert run() == ANNOUNCED
    assert not (tmp_path / "ran").exists()
    assert len(kept.read_bytes()) > len(whole) / 2
