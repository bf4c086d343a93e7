"""Each section notes what is wrong: features that differ, missing epochs, too little memory."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from device_check import agreement, speeds, trainings
from device_check.notes import Deadline, Notes, read_lines
from device_check.setting import SMALL_METHODS, Setting

from bench_core.contracts.speed import TrainingRate


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting("cpu", small=True, folder=tmp_path)


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "section.jsonl", lambda _text: None)


def kinds(notes: Notes) -> list[str]:
    return [line["kind"] for line in read_lines(notes.path)]


def test_features_that_differ_fail(
    setting: Setting, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "TOLERANCE", {"float32": -1.0})
    agreement.check_features(setting, notes, Deadline.after(60))
    # Two methods in three modes, with images of two modalities.
    assert kinds(notes) == ["failed"] * len(SMALL_METHODS) * 3 * 2
    (first, *_) = read_lines(notes.path)
    assert first["name"].startswith("jsia: visible, eager, float32")


def raise_error(error: Exception) -> Any:
    def measure(*_: object, **__: object) -> None:
        raise error

    return measure


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "skipped"),
        (RuntimeError("operation not permitted when stream is capturing"), "failed"),
        (OSError("no compiler"), "failed"),
    ],
    ids=["too small", "not captured", "not compiled"],
)
def test_what_cannot_be_measured_is_named_and_the_rest_goes_on(
    setting: Setting,
    notes: Notes,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    kind: str,
) -> None:
    for name in ("measure_workload", "measure_training"):
        monkeypatch.setattr(speeds, name, raise_error(error))
    monkeypatch.setattr(speeds, "_time_searched", lambda *_: None)
    speeds.time_extraction(setting, notes, Deadline.after(60))
    speeds.time_training(setting, notes, Deadline.after(60))
    assert kinds(notes) == [*6 * [kind], "cut", *2 * [kind]]
    assert str(error) in read_lines(notes.path)[0]["detail"]


def test_a_rate_is_what_a_record_has_of_it(setting: Setting) -> None:
    timed = {"images_per_second": 1.0, "images_per_second_quartiles": [0.9, 1.1],
             "num_timed": 3, "stable": False, "dtype": "float32"}  # fmt: skip
    step = {"stage": "joint", "images": 8, "peak_memory_bytes": 5, "shares": {}, "latency_ms": 1}
    choice = setting.choice("xiv:baseline", "quick")
    document = speeds._rate(choice, timed | step, TrainingRate)
    assert document["method"] == "xiv:baseline"
    assert document["image_size"] == [64, 32]
    assert "latency_ms" not in document


def test_a_share_is_of_the_fastest_mode(setting: Setting, notes: Notes, tmp_path: Path) -> None:
    machine = Notes(tmp_path / "machine.jsonl", lambda _text: None)
    machine.measured("", "peaks", {"dtype": "float32", "flops_per_second": 100.0})
    for mode, rate in (("folded", 30.0), ("cuda-graph", 45.0)):
        rates = {"method": "jsia", "dtype": "float32", "mode": mode, "batch": 128}
        notes.measured("", "extraction", rates | {"flops_per_second": rate})
    speeds._judge_share(setting, notes)
    target = read_lines(notes.path)[-1]
    assert (target["value"], target["met"]) == (0.45, True)
    assert "cuda-graph, batch 128" in target["detail"]


def epoch(number: int, loss: float) -> dict[str, Any]:
    return {"stage": "joint", "epoch": number, "losses": {"identity": loss, "gan": 1.0}}


@pytest.mark.parametrize(
    ("epochs", "wrong"),
    [
        ([epoch(1, 2.0), epoch(2, 1.0)], []),
        ([epoch(1, 2.0), epoch(1, 2.0), epoch(2, 1.0)], ["resumed where it was"]),
        ([epoch(2, 1.0)], ["resumed where it was"]),
        ([epoch(1, 2.0), epoch(2, float("nan"))], ["losses are finite"]),
    ],
    ids=["as planned", "an epoch twice", "an epoch too few", "not finite"],
)
def test_a_log_is_held_to_its_plan(
    setting: Setting, notes: Notes, tmp_path: Path, epochs: list[dict[str, Any]], wrong: list[str]
) -> None:
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in epochs))
    stages: Any = [SimpleNamespace(name="joint", epochs=2)]
    trainings._judge(setting, notes, "xiv", tmp_path, stages, ended=True)
    lines = read_lines(notes.path)
    assert [line["name"] for line in lines if line["kind"] == "failed"] == [
        f"xiv: {name}" for name in wrong
    ]


def test_losses_of_identities_have_to_fall(setting: Setting, notes: Notes, tmp_path: Path) -> None:
    text = "".join(f"{json.dumps(each)}\n" for each in (epoch(1, 1.0), epoch(2, 1.5)))
    (tmp_path / "log.jsonl").write_text(text)
    trainings._judge(setting, notes, "xiv", tmp_path, [], ended=False)
    (target,) = [line for line in read_lines(notes.path) if line["kind"] == "target"]
    assert (target["value"], target["met"]) == (1.5, False)
