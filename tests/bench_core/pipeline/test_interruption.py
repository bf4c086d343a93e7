"""A real training process, killed without warning, is resumed to the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from bench_core.cli.main import build_cli
from bench_core.plugins import Registry
from bench_core.training.checkpoint import load_model

OPTIONS = [
    "--method",
    "xiv",
    "--protocol",
    "sysu-all-single",
    "--preset",
    "quick",
    "--set",
    "epochs=3",
    "--set",
    "sampling.steps_per_epoch=3",
    "--set",
    "sampling.identities=4",
    "--set",
    "sampling.images=2",
    "--set",
    "image_height=64",
    "--set",
    "image_width=32",
]


def words(root: Path, runs: Path, selection: str) -> list[str]:
    return ["train", *OPTIONS, "--select", selection, "--data", str(root), "--runs", str(runs)]


def train(registry: Registry, root: Path, runs: Path, selection: str) -> None:
    """Train in this process."""
    result = CliRunner().invoke(build_cli(registry), words(root, runs, selection))
    assert result.exit_code == 0, result.output


def start_training(root: Path, runs: Path, selection: str) -> subprocess.Popen[bytes]:
    """Train in a process of its own, with as many threads as this one, as bits depend on them."""
    return subprocess.Popen(
        [sys.executable, "-m", "bench_core", *words(root, runs, selection)],
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def only_file(folder: Path, name: str) -> Path | None:
    return next(iter(folder.rglob(name)), None)


def model_of(folder: Path) -> tuple[dict[str, torch.Tensor], int | None]:
    """Return the networks of a training and the epoch that validation selected."""
    model = only_file(folder, "model.safetensors")
    assert model is not None
    state, _, report = load_model(model)
    return state, report.selected_epoch


@pytest.mark.slow
@pytest.mark.parametrize("selection", ["last", "validation"])
def test_a_killed_training_resumes_to_the_same_bits(
    selection: str, registry: Registry, sysu_root: Path, tmp_path: Path
) -> None:
    train(registry, sysu_root, tmp_path / "whole", selection)

    killed = start_training(sysu_root, tmp_path / "killed", selection)
    deadline = time.monotonic() + 120
    while only_file(tmp_path / "killed", "checkpoint.safetensors") is None:
        assert killed.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert only_file(tmp_path / "killed", "model.safetensors") is None

    train(registry, sysu_root, tmp_path / "killed", selection)
    (whole, epoch), (resumed, other) = (model_of(tmp_path / name) for name in ("whole", "killed"))
    assert epoch == other
    assert (epoch is None) == (selection == "last")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert only_file(tmp_path / "killed", "checkpoint.safetensors") is None
