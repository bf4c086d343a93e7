"""`--processes N` and torchrun: one result, one progress, one error, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench_core.features.table import read_features

pytestmark = pytest.mark.slow

TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "2")


def command(*arguments: str | Path, by: Sequence[str] = ()) -> list[str]:
    return [sys.executable, *by, "-m", "bench_core", *map(str, arguments)]


def finish(*arguments: str | Path, by: Sequence[str] = ()) -> Any:
    return subprocess.run(
        command(*arguments, by=by), check=False, capture_output=True, text=True, timeout=240
    )


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in listed}
    return [child for child, words in commands.items() if b"spawn_main" in words]


@pytest.fixture
def training(small_run: list[str], tmp_path: Path) -> Any:
    """A long training by two processes that has ended an epoch; and its folder."""
    long = ["epochs=1000" if word == "epochs=2" else word for word in small_run]
    words = command("train", *long, "--processes", "2", "--runs", tmp_path / "runs")
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not any(log.read_text() for log in tmp_path.glob("runs/*/*/log.jsonl")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield process
    if process.poll() is None:
        process.kill()
        process.communicate()


def test_a_run_by_two_processes_has_one_result_and_the_features_of_one(
    small_run: list[str], tmp_path: Path, read_results: Callable[[Path], list[Any]]
) -> None:
    """And torchrun trains what `--processes` trains: it finds the training there."""
    results, runs = tmp_path / "results", tmp_path / "runs"
    options = ("--select", "validation", "--results", results, "--runs", runs)
    finished = finish("run", *small_run, *options, "--processes", "2")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("result ") == 1
    assert finished.stderr.count("Training in float32") == 1
    (record,) = read_results(results)
    assert record.cost.device.startswith("2 x ")
    assert record.provenance.training_processes == 2
    assert record.provenance.training_parts == 1
    assert record.provenance.normalized_shares is None
    (model,) = runs.glob("*/*/model.safetensors")
    again = finish("extract", "--model", model, *small_run[2:6], "--output", tmp_path / "one.npz")
    assert again.returncode == 0, again.stderr
    by_two, by_one = (
        read_features(model.with_name("features.npz")),
        read_features(tmp_path / "one.npz"),
    )
    assert np.array_equal(by_two.features, by_one.features)
    found = finish("train", *small_run, *options[:2], "--runs", runs, by=TORCHRUN)
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("found, ") == 1


def test_an_error_of_all_is_told_once(small_run: list[str], tmp_path: Path) -> None:
    others = {
        "sampling.identities=4": "sampling.identities=3",
        "sampling.images=2": "sampling.images=3",
    }
    odd = [others.get(word, word) for word in small_run]
    finished = finish("train", *odd, "--processes", "2", "--runs", tmp_path / "runs")
    assert finished.returncode == 2
    assert finished.stderr.count("Error: ") == 1
    assert "2 processes cannot share a batch of 3 identities x 3 images" in finished.stderr


def test_other_processes_than_torchrun_has_started_are_refused(
    small_run: list[str], tmp_path: Path, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = bench("train", *small_run, "--processes", "3", "--runs", tmp_path / "runs")
    assert result.exit_code == 2
    assert "--processes 3: 2 were started from outside" in result.stderr


def test_a_killed_process_ends_the_run_which_says_so(training: Any) -> None:
    os.kill(children(training.pid)[1], signal.SIGKILL)
    _, errors = training.communicate(timeout=60)
    assert training.returncode == 1
    assert "Error: process 2 of 2 was ended by SIGKILL" in errors


def test_ctrl_c_ends_all_processes(training: Any) -> None:
    others = children(training.pid)
    assert len(others) == 2
    training.send_signal(signal.SIGINT)
    _, errors = training.communicate(timeout=60)
    assert training.returncode == 130
    assert errors.count("Stopped by a signal") == 1
    assert not any(Path(f"/proc/{other}").exists() for other in others)
