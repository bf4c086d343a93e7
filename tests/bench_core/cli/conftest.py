"""Running `bench` inside the test process, on small data and a small model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bench_core.cli.main import build_cli
from bench_core.features.table import FeatureTable
from bench_core.plugins import Registry
from bench_sysu.dataset import SysuMM01Reader

Bench: TypeAlias = Callable[..., Result]

SMALL = [
    "--preset",
    "quick",
    "--set",
    "epochs=2",
    "--set",
    "sampling.steps_per_epoch=2",
    "--set",
    "sampling.identities=4",
    "--set",
    "sampling.images=2",
    "--set",
    "image_height=32",
    "--set",
    "image_width=16",
]


@pytest.fixture
def bench(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Run a command in an empty folder; the result has exit_code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(
            build_cli(registry), [str(argument) for argument in arguments], catch_exceptions=False
        )

    return run


@pytest.fixture(scope="session")
def small_options(sysu_root: Path) -> tuple[str, ...]:
    """The options of a run that takes a second."""
    return ("--method", "xiv", "--protocol", "sysu-all-single", "--data", str(sysu_root), *SMALL)


@pytest.fixture
def small_run(small_options: tuple[str, ...]) -> list[str]:
    """The same as a list, for a test to change."""
    return list(small_options)


@pytest.fixture
def features(sysu_root: Path) -> FeatureTable:
    """Features of the test images in which a person is a direction and a camera another."""
    dataset = SysuMM01Reader().read(sysu_root)
    splits = dataset.splits
    images = dataset.images
    tested = images[images["identity"].isin(splits.test)].drop(columns="path")  # type: ignore[attr-defined]
    rng = np.random.default_rng(0)
    people, cameras = rng.standard_normal((1000, 16)), rng.standard_normal((7, 16))
    noise = rng.standard_normal((len(tested), 16))
    made = people[tested["identity"]] + cameras[tested["camera"]] + noise
    return FeatureTable(
        features=made.astype(np.float32)[:, np.newaxis],
        table=tested.reset_index(drop=True),
        metric="euclidean",
    )


@pytest.fixture
def splits(sysu_root: Path, tmp_path: Path) -> Path:
    """The two files that scoring needs, and nothing else."""
    folder = tmp_path / "splits"
    folder.mkdir()
    for name in ("rand_perm_cam.mat", "test_id.txt"):
        shutil.copy(sysu_root / "exp" / name, folder)
    return folder
