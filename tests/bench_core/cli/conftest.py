"""Running `bench` inside the test process, on small data and a small model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

from bench_core.cli.main import build_cli
from bench_core.plugins import Registry

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
