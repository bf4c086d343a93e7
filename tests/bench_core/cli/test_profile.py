"""`bench profile` and `bench list methods --cost`: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result

Bench = Callable[..., Result]

XIV = ["profile", "--method", "xiv"]
SMALL = ["--preset", "quick", "--image-size", "64x32"]


def test_the_document_has_what_the_format_names(bench: Bench) -> None:
    document = json.loads(bench(*XIV, *SMALL, "--json").stdout)
    assert document["method"] == "xiv"
    assert document["image_size"] == [64, 32]
    assert {"macs", "flops", "parameters"} <= set(document["inference"])
    assert {"macs", "flops", "parameters"} <= set(document["training_only"])
    keys = {"name", "macs", "flops", "parameters", "inference"}
    assert all(keys <= set(module) for module in document["modules"])
    assert "aten.native_batch_norm" in document["uncounted"]
    assert document["device"]


@pytest.mark.slow
def test_the_paper_is_profiled_by_default(bench: Bench) -> None:
    document = json.loads(bench(*XIV, "--json").stdout)
    assert (document["preset"], document["image_size"]) == ("paper", [256, 128])
    modules = {module["name"]: module for module in document["modules"]}
    assert modules["x_source"]["macs_visible"] == 196_608
    assert document["inference"]["macs_infrared"] == 4_053_270_528


@pytest.mark.slow
def test_the_tables_show_the_same(bench: Bench) -> None:
    lines = [line.split("  ") for line in bench(*XIV).stdout.splitlines()]
    rows = {cells[0]: [cell.strip() for cell in cells[1:] if cell.strip()] for cells in lines}
    assert rows["x_source"] == ["10", "0.0002", "0.0000"]
    assert rows["extraction in all"] == ["23,508,042", "8.1067", "4.0533"]
    assert rows["only training in all"] == ["813,056"]
    assert rows["joint"] == ["96", "18.2446"]
    assert rows["aten.native_batch_norm"] == ["106", "16,580,608", "53", "8,290,304"]


@pytest.mark.slow
def test_variants_and_values_change_what_is_counted(bench: Bench) -> None:
    small = ["profile", "--method", "xiv:baseline", *SMALL, "--json"]
    cost = json.loads(bench(*small).stdout)
    assert cost["inference"]["macs_visible"] == cost["inference"]["macs_infrared"]
    fewer = json.loads(bench(*small, "--set", "sampling.images=2").stdout)
    assert fewer["training_only"]["stages"][0]["images"] == 32


@pytest.mark.parametrize("size", ["256", "256x", "256*128", "axb", "256x128x3"])
def test_a_size_that_is_none_is_refused(bench: Bench, size: str) -> None:
    result = bench(*XIV, "--image-size", size)
    assert result.exit_code == 2
    assert f"Error: --image-size {size}: expected HEIGHTxWIDTH" in result.stderr


def test_a_size_that_a_method_cannot_have_is_refused(bench: Bench) -> None:
    result = bench(*XIV, "--image-size", "8x8")
    assert result.exit_code == 2
    assert "image_height" in result.stderr


@pytest.fixture
def two_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave only two to be counted, as each takes its time; each counts in tests/plugins."""
    from bench_core.plugins import Registry

    every = Registry.methods.fget  # type: ignore[attr-defined]
    two = property(lambda self: {name: every(self)[name] for name in ("bot", "xiv")})
    monkeypatch.setattr(Registry, "methods", two)


@pytest.mark.slow
def test_the_list_of_costs_has_every_method(bench: Bench, two_methods: None) -> None:
    listed = bench("list", "methods", "--cost", "--json")
    rows = {row["method"]: row for row in json.loads(listed.stdout)}
    assert list(rows) == ["bot", "xiv"]
    assert rows["xiv"] == {
        "method": "xiv",
        "image_size": [256, 128],
        "parameters": 23_508_042,
        "training_only_parameters": 813_056,
        "macs_visible": 8_106_737_664,
        "macs_infrared": 4_053_270_528,
        "training_macs": None,
    }


@pytest.mark.slow
def test_the_table_of_costs_can_have_training_steps(bench: Bench, two_methods: None) -> None:
    result = bench("list", "methods", "--cost", "--training")
    (row,) = [line.split() for line in result.stdout.splitlines() if line.startswith("xiv")]
    assert row == ["xiv", "256x128", "23.51", "0.81", "8.1067", "4.0533", "18.2446"]


def test_training_steps_without_costs_are_refused(bench: Bench) -> None:
    result = bench("list", "methods", "--training")
    assert result.exit_code == 2
    assert "--cost" in result.stderr
