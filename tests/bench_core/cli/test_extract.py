"""`bench extract --precision`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench_core.system import devices

Bench = Callable[..., Result]
PROTOCOL = ("--protocol", "sysu-all-single")


@pytest.fixture
def model(bench: Bench, small_run: list[str]) -> str:
    path: str = json.loads(bench("train", *small_run, "--json").stdout)[0]["model"]
    return path


def test_features_are_float32_by_default(bench: Bench, model: str, sysu_root: Path) -> None:
    source = ("--model", model, *PROTOCOL, "--data", sysu_root)
    result = bench("extract", *source, "--output", "features.npz", "--json")
    assert json.loads(result.stdout)["precision"] == "float32"
    assert "in float32 on" in bench("extract", *source, "--output", "f.npz").stdout


def test_a_format_that_the_device_would_imitate_is_refused(
    bench: Bench, model: str, sysu_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "number_formats", lambda _device: ("float32",))
    source = ("--model", model, *PROTOCOL, "--data", sysu_root, "--output", "features.npz")
    result = bench("extract", *source, "--precision", "bfloat16")
    assert result.exit_code == 2
    assert "Error: --precision bfloat16: " in result.stderr
    assert "use --precision float32" in result.stderr
    assert not Path("features.npz").exists()
