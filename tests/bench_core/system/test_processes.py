"""Locks that say for whom one waits, and pools whose workers are killed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest

from bench_core.contracts.errors import BenchError
from bench_core.data import parallel
from bench_core.data.parallel import map_chunks
from bench_core.system.processes import WorkersError, is_locked, locked, process_pool

HOLDER = """
import sys, time
from pathlib import Path
from bench_core.system.processes import locked

folder = Path(sys.argv[1])
with locked(folder):
    print("in", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def start_holder(folder: Path, seconds: float) -> subprocess.Popen[str]:
    """Start a process that has a lock for some seconds."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder, str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "in\n"
    return holder


def kill(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate()


@pytest.mark.slow
def test_whoever_waits_says_for_whom(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    holder = start_holder(folder, 1)
    with locked(folder):
        pass
    holder.communicate()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Waiting for process {holder.pid} on ")
    assert line.endswith(f", which is writing {folder}")


def test_whoever_does_not_wait_is_told_for_whom(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    holder = start_holder(folder, 60)
    with (
        pytest.raises(BenchError, match=f"^process {holder.pid} on .* is writing {folder}; wait"),
        locked(folder, wait=False),
    ):
        pass
    kill(holder)


@pytest.mark.parametrize("note", ["\x1b[2J", "process 1 on a\nError: forged", ""])
def test_a_note_that_is_none_is_not_repeated(tmp_path: Path, note: str) -> None:
    with locked(tmp_path / "folder"):
        (tmp_path / "folder.owner").write_text(note)
        with (
            pytest.raises(BenchError, match=r"^another process is writing"),
            locked(tmp_path / "folder", wait=False),
        ):
            pass


def test_nobody_waits_for_a_free_lock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(tmp_path / "folder"):
        pass
    assert capsys.readouterr().err == ""
    assert not (tmp_path / "folder.owner").exists()


def test_whether_a_lock_is_taken_can_be_asked(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "folder")
    with locked(tmp_path / "folder"):
        assert is_locked(tmp_path / "folder")
    assert not is_locked(tmp_path / "folder")


def test_a_lock_that_cannot_be_written_names_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "folder"
    with (
        pytest.raises(BenchError, match=r"cannot write .*folder\.lock: .*; set VIREID_BENCH_CACHE"),
        locked(folder),
    ):
        pytest.fail("the block must not be entered")
    with (
        pytest.raises(BenchError, match=r": .*; move$"),
        locked(folder, way_out="move"),
    ):
        pytest.fail("the block must not be entered")


def end_by_signal(number: int) -> None:
    """What the kernel does to a process when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(number)


def test_a_worker_that_is_killed_is_one_clear_line() -> None:
    with pytest.raises(BenchError, match=r"a worker process was killed, .* memory runs out"):  # noqa: SIM117
        with process_pool(1) as pool:
            pool.submit(end_by_signal, 60).result()


@pytest.fixture
def no_semaphores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container whose /dev/shm is full."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("bench_core.system.processes.ProcessPoolExecutor", refuse)


@pytest.mark.usefixtures("no_semaphores")
def test_a_system_without_semaphores_is_one_clear_line() -> None:
    with (
        pytest.raises(WorkersError, match=r"\(No space left on device\): /dev/shm must have room"),
        process_pool(2),
    ):
        pass


@pytest.mark.usefixtures("no_semaphores")
def test_work_on_images_goes_on_in_threads_there_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(parallel, "IMAGES_WORTH_A_PROCESS", 1)
    assert map_chunks(sum, range(10), description="test") == [45]
    assert "Note: threads do the work, more slowly: cannot start worker processes" in (
        capsys.readouterr().err
    )
