"""A matrix on a real SLURM: to records, through a requeue, past a failure; and taken back."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.pipeline.matrix import slurm
from bench_core.pipeline.matrix.file import SlurmTable
from bench_core.pipeline.matrix.jobs import Job, Outcome
from bench_core.pipeline.matrix.plan import Plan, make_plan
from bench_core.pipeline.matrix.running import make_launcher
from bench_core.pipeline.matrix.slurm import SlurmLauncher, Submission
from bench_core.pipeline.matrix.survey import CellStatus, Survey, survey
from bench_core.plugins import Registry
from bench_core.system.cache_folder import cache_directory

LONG_EPOCHS = 12
MATRIX = f"""
methods = [
  {{name = "xiv:baseline", set = {{epochs = {LONG_EPOCHS}}}}},
  {{name = "xiv:mean", set = {{epochs = 1, "optimizer.learning_rate" = 1e30}}}},
]
protocols = ["sysu-all-single", "sysu-indoor-single"]
launcher = "slurm"
data = "{{root}}"

[set]
sampling.steps_per_epoch = 2
sampling.identities = 4
sampling.images = 2
image_height = 32
image_width = 16

[slurm]
minutes = 5
cpus = 1
"""
PATIENCE = 90.0


@pytest.fixture
def prepared(
    registry: Registry, sysu_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[Plan, Survey, SlurmLauncher]]:
    """Plan a matrix in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(slurm, "POLL_SECONDS", 0.3)

    def prepare(text: str) -> tuple[Plan, Survey, SlurmLauncher]:
        path = tmp_path / "cluster.toml"
        path.write_text(text.replace("{root}", str(sysu_root)))
        plan = make_plan(registry, path, cache_directory())
        launcher = make_launcher(plan)
        assert isinstance(launcher, SlurmLauncher)
        return plan, survey(plan, launcher), launcher

    return prepare


def _until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _epochs(log: Path) -> list[int]:
    if not log.exists():
        return []
    return [json.loads(line)["epoch"] for line in log.read_text().splitlines()]


@pytest.mark.slurm
@pytest.mark.exhaustive
def test_a_matrix_runs_through_a_requeue_and_past_a_failure(
    cluster: Path, prepared: Callable[[str], tuple[Plan, Survey, SlurmLauncher]]
) -> None:
    plan, before, launcher = prepared(MATRIX)
    launcher.start(before.jobs())
    long = next(
        training
        for training in plan.trainings.values()
        if training.description.config["epochs"] == LONG_EPOCHS
    )
    log = long.model.parent / "log.jsonl"
    number = launcher.status([long.job])[long.job.name].number
    assert number is not None
    _until(lambda: len(_epochs(log)) > 1)

    subprocess.run(["scontrol", "requeue", number], check=True)
    _until(lambda: launcher.status([long.job])[long.job.name].state == "waiting")
    # SLURM itself lets what is queued again wait for two minutes.
    subprocess.run(["scontrol", "update", f"JobId={number}", "StartTime=now"], check=True)
    trained_before = len(_epochs(log))
    again = _after_another_start(plan, launcher)
    assert again[long.job.name] == number  # it is not submitted twice

    for _ in launcher.follow():
        pass
    resumed, also_resumed, failed, also_failed = survey(plan, launcher).cells
    assert resumed.record is not None
    assert also_resumed.record is not None
    assert _epochs(log) == list(range(1, LONG_EPOCHS + 1))  # none was trained twice
    assert trained_before < LONG_EPOCHS
    text = long.job.log.read_text()
    assert text.count("$ bench train") == 2
    assert _state_of_failed(failed) == ("failed", "a loss is not finite in stage 'joint', epoch 1")
    statuses = launcher.status(before.all_jobs())
    for cell in (failed, also_failed):  # they do not wait for ever
        status = statuses[cell.planned.job.name]
        assert status.state == "left out"
        assert cell.planned.trainings[0][:12] in str(status.error)


def _after_another_start(plan: Plan, launcher: SlurmLauncher) -> dict[str, str | None]:
    """Start the matrix again while its jobs are in the queue."""
    jobs = survey(plan, launcher).jobs()
    live = [job for job in jobs if launcher.status([job])[job.name].state in ("waiting", "running")]
    launcher.start(live)
    return {name: status.number for name, status in launcher.status(jobs).items()}


def _state_of_failed(cell: CellStatus) -> tuple[str, str]:
    error = re.match(r"[^,]*, epoch 1", str(cell.status.error))
    assert error is not None, cell.status
    return cell.state, error[0]


@pytest.mark.slurm
def test_jobs_are_taken_out_of_the_queue(
    cluster: Path, prepared: Callable[[str], tuple[Plan, Survey, SlurmLauncher]]
) -> None:
    plan, before, launcher = prepared(MATRIX + "[slurm.sbatch]\nhold = true\n")
    launcher.start(before.jobs())
    assert {cell.state for cell in survey(plan, launcher).cells} == {"waiting"}
    cancelled = launcher.cancel(before.all_jobs())
    assert sorted(cancelled) == sorted(job.name for job in before.jobs())
    _until(lambda: all(cell.state == "cancelled" for cell in survey(plan, launcher).cells))
    assert launcher.cancel(before.all_jobs()) == []
    queue = subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=True)
    assert not [line for line in queue.stdout.splitlines() if "train-" in line]


@pytest.mark.slurm
def test_what_slurm_refuses_names_the_file(
    cluster: Path, prepared: Callable[[str], tuple[Plan, Survey, SlurmLauncher]]
) -> None:
    _, before, launcher = prepared(MATRIX + 'partition = "nowhere"\n')
    with pytest.raises(BenchError, match=r"invalid partition.*mend \[slurm\] in .*cluster.toml"):
        launcher.start(before.jobs())


@pytest.fixture
def without_slurm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PATH", "/nowhere")
    yield


def test_a_machine_without_slurm_is_told(without_slurm: None, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"sbatch, which is not here.*--launcher local"):
        SlurmLauncher(tmp_path, SlurmTable(), tmp_path / "some.toml")


def test_a_missing_submitit_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(slurm.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'vireid-bench\[cluster\]'"):
        SlurmLauncher(tmp_path, SlurmTable(), tmp_path / "some.toml")


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., SlurmLauncher]:
    """A launcher whose SLURM answers what a test says."""
    monkeypatch.setattr(slurm, "_check_installed", lambda: None)

    def launcher(*lines: str) -> SlurmLauncher:
        monkeypatch.setattr(slurm, "_ask", lambda *_: "\n".join(lines))
        return SlurmLauncher(tmp_path, SlurmTable(), tmp_path / "some.toml")

    return launcher


def _job(folder: Path, name: str = "one", needs: tuple[str, ...] = (), number: str = "7") -> Job:
    job = Job(name=name, title=name, arguments=(), folder=folder, needs=needs)
    job.ticket_file.write_text(json.dumps({"number": number}))
    return job


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("PENDING", "waiting"),
        ("REQUEUED", "waiting"),
        ("RUNNING", "running"),
        ("COMPLETING", "running"),
        ("COMPLETED", "done"),
        ("CANCELLED", "cancelled"),
        ("TIMEOUT", "failed"),
        ("OUT_OF_MEMORY", "failed"),
        ("NODE_FAIL", "failed"),
    ],
)
def test_states_of_slurm_have_words(
    word: str, state: str, queue: Callable[..., SlurmLauncher], tmp_path: Path
) -> None:
    status = queue(f"7|{word}|None").status([_job(tmp_path)])["one"]
    assert (status.state, status.number) == (state, "7")
    assert bool(status.error) == (state == "failed")


def test_what_slurm_has_forgotten_is_known_by_its_notes(
    queue: Callable[..., SlurmLauncher], tmp_path: Path
) -> None:
    job = _job(tmp_path)
    assert queue().status([job])["one"].state == "cancelled"
    note = {"host": "node-3", "process": 1, "started": "2026-01-01T00:00:00+00:00"}
    job.outcome_file.write_text(json.dumps(note | {"exit_code": 1, "error": "no room"}))
    assert queue().status([job])["one"].error == "no room"
    job.outcome_file.write_text(json.dumps(note))
    assert queue().status([job])["one"].state == "stopped"


def test_who_waits_in_vain_is_left_out(queue: Callable[..., SlurmLauncher], tmp_path: Path) -> None:
    jobs = [_job(tmp_path, "first", number="7"), _job(tmp_path, "second", ("first",), "8")]
    statuses = queue("7|FAILED|NonZeroExitCode", "8|PENDING|DependencyNeverSatisfied").status(jobs)
    assert statuses["second"].state == "left out"
    assert "first" in str(statuses["second"].error)


def test_what_reaches_its_time_limit_is_queued_as_it_is(tmp_path: Path) -> None:
    submission = Submission(_job(tmp_path))
    assert submission.checkpoint().function is submission


def test_a_failed_job_fails_for_slurm_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = Outcome(host="x", process=1, started="now", exit_code=1, error="no room")
    monkeypatch.setattr(slurm, "run_job", lambda _: failed)
    with pytest.raises(BenchError, match=r"one: no room; see .*one.log"):
        Submission(_job(tmp_path))()


def test_a_cluster_is_asked_for_what_the_table_says(tmp_path: Path) -> None:
    table = SlurmTable(partition="gpu", gpus=2, memory_gb=1.5, sbatch={"qos": "low", "x_y": False})
    given = slurm._parameters(table, _job(tmp_path), ["5", "6"])
    assert given["partition"] == "gpu"
    assert given["gpus_per_node"] == 2
    assert given["mem"] == "1536M"
    assert given["dependency"] == "afterok:5:6"
    assert given["additional_parameters"] == {
        "qos": "low", "kill-on-invalid-dep": "yes", "requeue": True,
    }  # fmt: skip
    alone = slurm._parameters(SlurmTable(), _job(tmp_path), [])
    assert not {"dependency", "partition", "gpus_per_node", "mem"} & set(alone)
