"""Jobs on this machine: in order, past failures, one matrix at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.pipeline.matrix import local
from bench_core.pipeline.matrix.jobs import Job, Outcome
from bench_core.pipeline.matrix.local import LocalLauncher


def _job(folder: Path, name: str, *needs: str) -> Job:
    return Job(name=name, title=name, arguments=(), folder=folder, needs=needs)


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """With what jobs end, by name; others end well."""
    codes: dict[str, int] = {}

    def run(job: Job) -> Outcome:
        code = codes.get(job.name, 0)
        error = "no room" if code else None
        return Outcome(host="here", process=1, started="now", exit_code=code, error=error)

    monkeypatch.setattr(local, "run_job", run)
    return codes


def test_a_failure_leaves_out_what_needs_it_and_nothing_else(
    tmp_path: Path, codes: dict[str, int]
) -> None:
    launcher = LocalLauncher(tmp_path)
    codes["first"] = 1
    launcher.start([
        _job(tmp_path, "first"), _job(tmp_path, "second", "first"),
        _job(tmp_path, "third"), _job(tmp_path, "fourth", "third"),
        _job(tmp_path, "fifth", "second"),
    ])  # fmt: skip
    changes = [(job.name, status.state) for job, status in launcher.follow()]
    assert changes == [
        ("first", "running"), ("first", "failed"), ("second", "left out"),
        ("third", "running"), ("third", "done"), ("fourth", "running"), ("fourth", "done"),
        ("fifth", "left out"),
    ]  # fmt: skip


@pytest.mark.parametrize("code", [130, 143, -15])
def test_what_a_signal_ended_is_stopped_and_not_failed(
    code: int, tmp_path: Path, codes: dict[str, int]
) -> None:
    launcher = LocalLauncher(tmp_path)
    codes["first"] = code
    launcher.start([_job(tmp_path, "first")])
    assert [status.state for _, status in launcher.follow()] == ["running", "stopped"]


def test_two_processes_do_not_work_at_one_matrix(tmp_path: Path, codes: dict[str, int]) -> None:
    first, second = LocalLauncher(tmp_path), LocalLauncher(tmp_path)
    job = _job(tmp_path, "first")
    job.outcome_file.write_text('{"host": "here", "process": 1, "started": "now"}')
    assert second.status([job])["first"].state == "stopped"
    for launcher in (first, second):
        launcher.start([job])
    running = first.follow()
    next(running)
    assert second.status([job])["first"].state == "running"
    with pytest.raises(BenchError, match="wait until it is done"):
        next(second.follow())


def test_what_runs_in_another_terminal_is_not_cancelled(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Ctrl-C"):
        LocalLauncher(tmp_path).cancel([])
