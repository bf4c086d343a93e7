"""`bench profile --throughput`: what is measured on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bench_core.pipeline import costs

Bench = Callable[..., Result]

SMALL = ["profile", "--method", "xiv", "--preset", "quick", "--image-size", "64x32"]
FEW = ["--set", "sampling.identities=2", "--set", "sampling.images=2"]


@pytest.fixture(scope="module", autouse=True)
def measured_once() -> Iterator[None]:
    """What was measured on some dataset is told again, in another form."""
    reports: dict[str, Any] = {}
    measure = costs.speed_of

    def speed_of(registry: Any, choice: Any, settings: Any, root: Path | None) -> Any:
        asked = repr((choice, settings, root))
        if asked not in reports:
            reports[asked] = measure(registry, choice, settings, root)
        return reports[asked]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "speed_of", speed_of)
        yield


@pytest.mark.slow
def test_speed_is_a_part_of_the_document(bench: Bench, sysu_root: Path) -> None:
    speed = ["--throughput", "--training-speed", "--budget", "0.1", "--data", sysu_root]
    document = json.loads(bench(*SMALL, *FEW, *speed, "--json").stdout)
    assert document["inference"]["macs_visible"]
    keys = {"batch", "dtype", "images_per_second", "latency_ms"}
    assert all(keys <= set(row) for row in document["throughput"])
    assert document["peak_memory_bytes"] > 0
    assert document["pipeline"]["images"] > 100
    assert [stage["name"] for stage in document["training"]] == ["joint"]


@pytest.mark.slow
def test_the_tables_show_it(bench: Bench, sysu_root: Path) -> None:
    speed = ["--throughput", "--training-speed", "--budget", "0.1", "--data", sysu_root]
    shown = bench(*SMALL, *FEW, *speed).stdout
    for words in ("folded float32", "Peak of matrix products", "Latency of one image"):
        assert words in shown
    assert "from files to decoded images" in shown
    assert "joint float32" in shown
    assert max(map(len, shown.splitlines())) <= 130


@pytest.mark.exhaustive
def test_without_a_dataset_people_are_rendered(bench: Bench) -> None:
    document = json.loads(bench(*SMALL, "--throughput", "--budget", "0.1", "--json").stdout)
    assert document["pipeline"]["images"] > 100
    assert document["training"] is None


def test_speed_is_measured_only_where_that_is_asked_for(bench: Bench) -> None:
    assert "throughput" not in json.loads(bench(*SMALL, "--json").stdout)


@pytest.mark.parametrize(
    "option", [["--training-speed"], ["--compile"], ["--data", "x"]], ids=lambda option: option[0]
)
def test_an_option_of_throughput_alone_is_refused(bench: Bench, option: list[str]) -> None:
    result = bench(*SMALL, *option)
    assert result.exit_code == 2
    assert f"Error: {option[0]} needs --throughput" in result.stderr


def test_a_folder_that_is_no_dataset_is_named(bench: Bench, tmp_path: Path) -> None:
    result = bench(*SMALL, "--throughput", "--data", tmp_path)
    assert result.exit_code == 1
    assert f"Error: {tmp_path} is no dataset that is known" in result.stderr
