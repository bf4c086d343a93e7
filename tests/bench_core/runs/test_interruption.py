"""A real training process, killed without warning, resumes to the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from bench_core.training.checkpoint import load_model

OPTIONS = [
    "--method",
    "xiv",
    "--protocol",
    "sysu-all-single",
    "--preset",
    "quick",
    "--set",
    "epochs=4",
    "--set",
    "sampling.steps_per_epoch=6",
    "--set",
    "sampling.identities=4",
    "--set",
    "sampling.images=2",
    "--set",
    "image_height=64",
    "--set",
    "image_width=32",
]


def train(root: Path, runs: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench_core", "train", *OPTIONS]
    return subprocess.Popen(
        [*command, "--data", str(root), "--runs", str(runs)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def only_file(folder: Path, name: str) -> Path | None:
    return next(iter(folder.rglob(name)), None)


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    model = only_file(folder, "model.safetensors")
    assert model is not None
    return load_model(model)[0]


@pytest.mark.slow
def test_a_killed_training_resumes_to_the_same_bits(sysu_root: Path, tmp_path: Path) -> None:
    assert train(sysu_root, tmp_path / "whole").wait(timeout=120) == 0

    killed = train(sysu_root, tmp_path / "killed")
    deadline = time.monotonic() + 120
    while only_file(tmp_path / "killed", "checkpoint.safetensors") is None:
        assert killed.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert only_file(tmp_path / "killed", "model.safetensors") is None

    assert train(sysu_root, tmp_path / "killed").wait(timeout=120) == 0
    whole, resumed = (state_of(tmp_path / name) for name in ("whole", "killed"))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert only_file(tmp_path / "killed", "checkpoint.safetensors") is None
