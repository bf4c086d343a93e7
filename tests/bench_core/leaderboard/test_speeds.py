"""Speeds stand behind the results, a block a measurement; without any nothing is said of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.contracts.speed import SpeedRecord
from bench_core.leaderboard.page.data import data_of_page
from bench_core.leaderboard.render import FORMATS, check, render
from bench_core.leaderboard.speeds import speed_markdown, speed_text

MakeSpeeds = Callable[..., SpeedRecord]


def never(first: ResultRecord, second: ResultRecord) -> bool:
    return False


@pytest.mark.parametrize("output_format", FORMATS)
def test_results_are_shown_as_without_speeds(
    example: ResultRecord, make_speeds: MakeSpeeds, output_format: str
) -> None:
    alone = render([example], output_format, never)
    assert "speeds" not in json.loads(alone) if output_format == "json" else "Speed" not in alone
    shown = render([example], output_format, never, [make_speeds()])
    if output_format == "json":
        assert json.loads(shown)["sections"] == json.loads(alone)["sections"]
        assert json.loads(shown)["speeds"][0]["device"]["name"] == "NVIDIA H200"
    elif output_format == "html":
        assert data_of_page(shown) == data_of_page(alone)
        assert "NVIDIA H200, PyTorch 2.11.0+cu130, 2026-11-28" in shown
    else:
        assert shown.startswith(alone)
        assert (shown == alone) == (output_format in ("csv", "latex"))


def test_a_block_says_what_was_measured_on(make_speeds: MakeSpeeds) -> None:
    whole = speed_text([make_speeds()])
    text = " ".join(whole.split())
    assert "NVIDIA H200, PyTorch 2.11.0+cu130, 2026-11-28" in text
    assert "driver 580.1" in text
    assert "power limit 700 W" in text
    assert "peak in bfloat16 800.0 TFLOP/s" in text
    assert max(map(len, whole.splitlines())) <= 80


def cells(text: str) -> list[list[str]]:
    rows = [line.strip("| ").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("\\", "") for cell in row] for row in rows]


def test_a_row_shows_the_usual_mode_and_the_fastest(make_speeds: MakeSpeeds) -> None:
    folded = make_speeds().model_dump(mode="json")["extraction"][0]
    graph = folded | {"mode": "cuda-graph", "images_per_second": 60_000.0}
    graph["flops_per_second"] = 480e12
    text = speed_markdown([make_speeds(extraction=[folded, graph])])
    assert [
        "jsia (paper)", "visible 256x128", "bfloat16", "50,000", "cuda-graph, batch 128", "60,000",
        "60.0",
    ] in cells(text)  # fmt: skip
    assert ["jsia (paper)", "joint", "bfloat16", "5,000", "2,048"] in cells(text)


def test_what_was_not_measured_is_left_open(make_speeds: MakeSpeeds) -> None:
    graph = make_speeds().model_dump(mode="json")["extraction"][0] | {"mode": "cuda-graph"}
    text = speed_markdown([make_speeds(extraction=[graph], training=[], peaks=[])])
    (row,) = [row for row in cells(text) if row[0].startswith("jsia")]
    assert (row[3], row[6]) == ("-", "-")
    assert "| stage" not in text


def test_devices_are_never_mixed(make_speeds: MakeSpeeds) -> None:
    device = make_speeds().device.model_dump()
    other = make_speeds(device=device | {"name": "Xeon, 2 threads", "kind": "cpu"})
    text = speed_markdown([make_speeds(), other])
    blocks = text.split("### ")[1:]
    assert [block.partition(",")[0] for block in blocks] == ["NVIDIA H200", "Xeon"]


def test_a_committed_file_is_checked_with_its_speeds(
    example: ResultRecord, make_speeds: MakeSpeeds, tmp_path: Path
) -> None:
    path = tmp_path / "leaderboard.md"
    path.write_text(render([example], "markdown", never, [make_speeds()]))
    assert check([example], "markdown", never, path, [make_speeds()]) is None
    assert check([example], "markdown", never, path) is not None
