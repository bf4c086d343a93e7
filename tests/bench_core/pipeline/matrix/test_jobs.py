"""A job: a process of its own, with a log and a note of what became of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench_core.contracts.errors import BenchError
from bench_core.pipeline.matrix.jobs import Job, run_job

PATIENCE = 30.0


def _job(folder: Path, *arguments: str) -> Job:
    return Job(name="some", title="some", arguments=arguments, folder=folder / "notes")


def test_a_job_prints_into_its_log(tmp_path: Path) -> None:
    job = _job(tmp_path, "--version")
    assert job.outcome() is None
    outcome = run_job(job)
    assert (outcome.exit_code, outcome.error) == (0, None)
    assert job.outcome() == outcome
    lines = job.log.read_text().splitlines()
    assert lines[0] == "$ bench --version"
    assert lines[1].startswith("bench, version")


def test_the_error_of_a_failed_job_is_noted_and_its_log_goes_on(tmp_path: Path) -> None:
    run_job(_job(tmp_path, "--version"))
    job = _job(tmp_path, "show", "nothing")
    outcome = run_job(job)
    assert outcome.exit_code == 2
    assert str(outcome.error).startswith("unknown method 'nothing'")
    assert "bench, version" in job.log.read_text()


def test_a_damaged_note_is_named(tmp_path: Path) -> None:
    job = _job(tmp_path)
    job.folder.mkdir()
    for text in ("{", '{"host": "x"}', "[]"):
        job.outcome_file.write_text(text)
        with pytest.raises(BenchError, match=r"some.outcome.json .*remove it"):
            job.outcome()


def _children(process: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[1]) == process and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def _command_of(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text()


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


LONG = """
import sys
from pathlib import Path
from bench_core.pipeline.matrix.jobs import Job, run_job
if __name__ == "__main__":
    arguments = ("data", "synth", sys.argv[1] + "/people", "--scale", "full")
    run_job(Job(name="some", title="some", arguments=arguments, folder=Path(sys.argv[1], "notes")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_a_job_outlives_a_warning_and_ends_with_whoever_watched_over_it(tmp_path: Path) -> None:
    script = tmp_path / "watch.py"
    script.write_text(LONG)
    watching = subprocess.Popen([sys.executable, str(script), str(tmp_path)])
    job = _job(tmp_path)
    deadline = time.monotonic() + PATIENCE
    try:
        while not (job.log.exists() and job.log.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (working,) = [
            child for child in _children(watching.pid) if "spawn_main" in _command_of(child)
        ]
        os.kill(working, signal.SIGUSR2)  # a cluster sends it to all processes of a job
        time.sleep(0.2)
        assert _is_alive(working)
    finally:
        watching.kill()
        watching.wait()
    while _is_alive(working):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    outcome = job.outcome()
    assert outcome is not None
    assert outcome.exit_code is None  # nobody was there to note the end


def _be_killed(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_kills_a_job_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench_core.pipeline.matrix.jobs._work", _be_killed)
    outcome = run_job(_job(tmp_path))
    assert outcome.exit_code == -signal.SIGKILL
    assert outcome.error == "it was ended by SIGKILL, as the system does when memory runs out"
