"""The check as a whole, on a processor with tiny sizes, and how it ends."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import run
import torch
from device_check import speeds, suite
from device_check.notes import Deadline, Notes, read_lines
from device_check.sections import Section
from device_check.setting import Setting
from device_check.summary import build_record, exit_code, keep_speeds, summarize

from bench_core.results.speeds import read_speeds

SCRIPT = Path(__file__).with_name("run.py")
SECTIONS = ("machine", "features", "tests", "extraction", "steps", "peer", "trainings", "compiled")
NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.slow
def test_the_whole_check_runs_and_leaves_its_records(tmp_path: Path) -> None:
    words = [sys.executable, SCRIPT, "--device", "cpu", "--small", "--seconds", "280"]
    finished = subprocess.run(
        [*words, "--output", tmp_path],
        check=False, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    output = finished.stdout
    assert finished.returncode == 0, output + finished.stderr
    for name in SECTIONS:
        lines = read_lines(tmp_path / f"{name}.jsonl")
        assert lines[-1]["kind"] == "end", name
        assert not [line for line in lines if line["kind"] in ("failed", "cut")]
    (record,) = map(read_speeds, tmp_path.glob("*.json"))
    assert record.device.kind == "cpu"
    assert {rate.method for rate in record.extraction} == {"jsia", "xiv"}
    assert {rate.mode for rate in record.extraction} == {"eager", "channels-last", "folded"}
    assert {rate.stage for rate in record.training} == {"generation", "joint"}
    assert "tiny sizes" in (tmp_path / "summary.txt").read_text()
    assert "Failed:" not in output


@pytest.fixture
def as_before() -> Iterator[None]:
    """What `check` sets in its process is taken back."""
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIREID_BENCH_CACHE", os.environ["VIREID_BENCH_CACHE"])
        yield
    signal.signal(signal.SIGTERM, handler)


def options(folder: Path, **changes: Any) -> argparse.Namespace:
    given = {"device": "cpu", "small": True, "seconds": 60.0, "output": folder}
    return argparse.Namespace(**(given | changes))


@pytest.mark.usefixtures("as_before")
def test_an_interrupted_check_says_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def finds(_setting: Setting, notes: Notes, _deadline: Deadline) -> None:
        for line in found()["machine"]:
            notes.measured(line["name"], line["what"], line["document"])

    def is_interrupted(_setting: Setting, notes: Notes, _deadline: Deadline) -> None:
        notes.passed("something")
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(60)

    works = {"machine": finds, "features": is_interrupted, "tests": finds}
    sections = [Section(name=name, title=name, weight=1, work=each) for name, each in works.items()]
    monkeypatch.setattr(run, "all_sections", lambda: sections)
    assert run.check(options(tmp_path), time.time()) == 143
    assert read_lines(tmp_path / "machine.jsonl")[-1]["kind"] == "end"
    summary = (tmp_path / "summary.txt").read_text()
    assert "features    1 passed, not ended\n  tests       not begun" in summary
    assert "Speeds: " in capfd.readouterr().out
    assert len(list(tmp_path.glob("*.json"))) == 1


@pytest.mark.usefixtures("as_before")
def test_a_device_that_is_not_there_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = torch.cuda.device_count()
    given = options(tmp_path / "none", device=f"cuda:{there}")
    assert run.check(given, time.time()) == 2
    assert not (tmp_path / "none").exists()
    error = capsys.readouterr().err
    assert f"Error: --device cuda:{there}: PyTorch sees no such device" in error.splitlines()[-1]


def lines_of(*kinds: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": kind, "detail": "why"} for kind in kinds]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (lines_of("passed", "skipped", "cut"), 0),
        (lines_of("passed", "failed"), 1),
        (lines_of("cut", "skipped"), 1),
        ([], 1),
    ],
    ids=["cut is no failure", "failed", "nothing was found out", "empty"],
)
def test_it_fails_where_something_is_wrong(lines: list[dict[str, Any]], code: int) -> None:
    assert exit_code({"machine": lines}) == code


def test_a_missed_target_is_no_failure_and_is_named(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "peer.jsonl", lambda _text: None)
    notes.passed("ran")
    notes.target("speed", 1.5, least=2.5)
    sections = {"peer": read_lines(notes.path), "trainings": []}
    assert exit_code(sections) == 0
    text = summarize(sections, small=False)
    assert "1 passed, 0 of 1 targets met, not ended" in text
    assert "Missed its target, which is no failure:\n  target MISSED: speed 1.5" in text
    assert "trainings   not begun" in text


RATE = {
    "method": "xiv", "preset": "paper", "image_size": [256, 128], "dtype": "bfloat16",
    "images_per_second": 10.0, "images_per_second_quartiles": [9.0, 11.0],
    "num_timed": 10, "stable": True,
}  # fmt: skip


def found() -> dict[str, list[dict[str, Any]]]:
    device = {
        "name": "NVIDIA H200", "kind": "cuda", "driver": "580.1", "readings": {"clock_mhz": 1980.0},
        "versions": {"torch": "2.11.0+cu130"}, "threads": 1, "processors": 1,
    }  # fmt: skip
    rate = RATE | {"stage": "joint", "images": 96, "peak_memory_bytes": 1}
    parts = {"device": device, "training": rate}
    return {
        "machine": [
            {"kind": "measured", "name": what, "what": what, "document": document}
            for what, document in parts.items()
        ]
    }


def test_a_record_is_made_of_what_there_is(tmp_path: Path) -> None:
    path = keep_speeds(found(), NOW, tmp_path)
    assert path is not None
    assert path.name == "nvidia-h200-20261128T000000Z.json"
    record = read_speeds(path)
    assert record.training[0].images_per_second == 10
    assert record.extraction == ()


def test_without_speeds_there_is_no_record() -> None:
    assert build_record({"machine": found()["machine"][:1]}, NOW) is None
    assert build_record({}, NOW) is None


def test_tests_are_noted_by_their_names(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "pytest.ini").write_text("[pytest]\nmarkers =\n    gpu: x\n")
    (tests / "test_some.py").write_text(
        "import pytest\n"
        "pytestmark = pytest.mark.gpu\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2\n"
        "@pytest.mark.skip(reason='no card')\n"
        "def test_left_out(): pass\n"
    )
    (tests / "test_other.py").write_text("def test_unmarked(): pass\n")
    script = (
        f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r})\n"
        "from pathlib import Path\n"
        "from device_check import suite\n"
        "from device_check.notes import Deadline, Notes\n"
        "from types import SimpleNamespace\n"
        f"suite.ROOT = Path({str(tmp_path)!r})\n"
        f"setting = SimpleNamespace(small=False, folder=Path({str(tmp_path)!r}))\n"
        "notes = Notes(setting.folder / 'tests.jsonl')\n"
        "suite.run_gpu_tests(setting, notes, Deadline.after(60))\n"
    )
    light = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, env=light)
    lines = {
        line["name"].rpartition("::")[2]: line for line in read_lines(tmp_path / "tests.jsonl")
    }
    assert {name: line["kind"] for name, line in lines.items()} == {
        "test_good": "passed", "test_bad": "failed", "test_left_out": "skipped",
        "pytest ran": "passed",
    }  # fmt: skip
    assert lines["test_bad"]["detail"] == "assert 1 == 2"
    assert lines["test_left_out"]["detail"] == "no card"
    assert "1 failed" in (tmp_path / "pytest.txt").read_text()


def test_tests_for_which_no_time_is_left_are_cut(tmp_path: Path) -> None:
    reporter = suite.Reporter(Notes(tmp_path / "tests.jsonl", lambda _text: None), Deadline(0))
    items = [SimpleNamespace(nodeid=name) for name in ("one", "two")]
    session: Any = SimpleNamespace(items=items, shouldstop=False)
    reporter.pytest_sessionstart(session)
    reporter.pytest_collection_finish(session)
    reporter.pytest_runtest_logfinish()
    assert session.shouldstop
    assert reporter.remaining() == ["one", "two"]


def test_compiled_extraction_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compile", "compiler.reset"):  # they take seconds to load; the names are real
        assert callable(attrgetter(name)(torch))
    monkeypatch.setattr(torch, "compile", lambda extract, **_options: extract)
    monkeypatch.setattr(torch.compiler, "reset", lambda: None)
    setting = Setting("cpu", small=True, folder=tmp_path)
    notes = Notes(tmp_path / "compiled.jsonl", lambda _text: None)
    speeds.compile_and_time(setting, notes, Deadline.after(60))
    lines = read_lines(notes.path)
    measured = [line["document"] for line in lines if line["kind"] == "measured"]
    assert measured
    assert {document["mode"] for document in measured} == {"compiled"}
    assert json.dumps(measured)
