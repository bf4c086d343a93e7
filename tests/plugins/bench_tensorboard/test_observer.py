"""Event files hold what the log and the record say; nothing is written that nobody asked for."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import bench_tensorboard
from bench_core.cli.main import build_cli
from bench_core.plugins import Registry
from bench_core.results.store import find_results
from bench_tensorboard import SWITCH

accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator",
    reason="pip install 'vireid-bench[tensorboard]'",
)
ROOT = Path(__file__).parents[3]
SMALL = (
    "epochs=2",
    "sampling.steps_per_epoch=1",
    "sampling.identities=4",
    "sampling.images=2",
    "image_height=32",
    "image_width=16",
)


@pytest.fixture(autouse=True)
def untold() -> Iterator[None]:
    """What was told in one test is told again in another."""
    bench_tensorboard._refused.clear()
    yield
    bench_tensorboard._refused.clear()


@pytest.fixture
def train(
    registry: Registry, sysu_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Train a small method in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def train() -> Result:
        words = ["train", "--method", "xiv", "--protocol", "sysu-all-single"]
        words += ["--data", str(sysu_root), "--preset", "quick"]
        words += [word for value in SMALL for word in ("--set", value)]
        result = CliRunner().invoke(build_cli(registry), words)
        assert result.exit_code == 0, result.output
        return result

    return train


def read(folder: Path) -> Any:
    """Read the event files of a training."""
    events = accumulator.EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return events


def points(events: Any, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(tag)]


def close(values: list[float]) -> list[tuple[int, Any]]:
    return [(epoch, pytest.approx(value, rel=1e-6)) for epoch, value in enumerate(values, 1)]


@pytest.mark.slow
def test_events_are_those_of_the_log(
    train: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "1")
    train()
    (folder,) = (path.parent for path in tmp_path.glob("runs/**/log.jsonl"))
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert len(list((folder / "tensorboard").iterdir())) == 1
    events = read(folder)
    assert lines[0]["losses"]
    for name in lines[0]["losses"]:
        assert points(events, f"joint/loss/{name}") == close([x["losses"][name] for x in lines])
    for name in lines[0]["learning_rates"]:
        rates = [line["learning_rates"][name] for line in lines]
        assert points(events, f"joint/learning rate/{name}") == close(rates)
    speeds = [line["images_per_second"] for line in lines]
    assert points(events, "joint/speed/images per second") == close(speeds)


def tell_of_two_epochs(registry: Registry, folder: Path) -> None:
    registry.notify("bench_run_started", method="xiv", protocol="p", config={})
    for epoch in (1, 2):
        registry.notify(
            "bench_epoch_finished",
            training="0" * 64,
            stage="joint",
            epoch=epoch,
            num_epochs=2,
            losses={"total": 0.5},
            folder=str(folder),
            line={},
        )


@pytest.mark.parametrize("value", ["", "0", None])
def test_nothing_is_written_or_imported_that_nobody_asked_for(
    value: str | None,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    if value is not None:
        monkeypatch.setenv(SWITCH, value)
    monkeypatch.delitem(sys.modules, "bench_tensorboard.events", raising=False)
    tell_of_two_epochs(registry, tmp_path)
    assert capsys.readouterr().err == ""
    assert not list(tmp_path.iterdir())
    assert "bench_tensorboard.events" not in sys.modules


@pytest.mark.parametrize(
    ("value", "installed", "line"),
    [
        ("1", False, f"{SWITCH}=1 needs TensorBoard: run pip install 'vireid-bench[tensorboard]'"),
        ("yes", True, f"{SWITCH}=yes: set it to 1 to write event files for TensorBoard, or to 0"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    value: str,
    installed: bool,
    line: str,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(SWITCH, value)
    if not installed:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    tell_of_two_epochs(registry, tmp_path)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert line in told
    assert not list(tmp_path.iterdir())


def test_a_training_of_each_trial_has_the_scores_of_its_trial(tmp_path: Path) -> None:
    from bench_tensorboard.events import write_epoch, write_scores

    records = find_results(ROOT / "results").records.values()
    record = next(each for each in records if len(each.scores.trials) == 10)
    folders = [tmp_path / f"trial-{number}" for number in range(1, 11)]
    write_epoch(str(folders[0]), "joint", 1, {"total": 0.5}, {"validation_mAP": 0.25})
    write_scores(record, [str(folder) for folder in folders])
    name = f"score/{record.protocol.id} {record.protocol.convention}/mAP"
    (configuration,) = read(folders[0]).Tensors("configuration/text_summary")
    assert b'"epochs"' in configuration.tensor_proto.string_val[0]
    for folder, trial in zip(folders, record.scores.trials, strict=True):
        expected = pytest.approx(trial.mean_average_precision, rel=1e-6)
        assert points(read(folder), name) == [(0, expected)]
    assert points(read(folders[0]), "joint/validation mAP") == [(1, 0.25)]


def test_one_training_of_all_trials_has_the_mean(tmp_path: Path) -> None:
    from bench_tensorboard.events import write_scores

    record = next(iter(find_results(ROOT / "results").records.values()))
    write_scores(record, [str(tmp_path)])
    events = read(tmp_path)
    for metric, value in record.scores.mean.by_name().items():
        name = f"score/{record.protocol.id} {record.protocol.convention}/{metric}"
        assert points(events, name) == [(0, pytest.approx(value, rel=1e-6))]


def test_a_model_from_elsewhere_has_no_folder_to_write_to(tmp_path: Path) -> None:
    from bench_tensorboard.events import write_scores

    record = next(iter(find_results(ROOT / "results").records.values()))
    elsewhere = record.origin.model_copy(update={"kind": "trained-elsewhere"})
    write_scores(record.model_copy(update={"origin": elsewhere}), [str(tmp_path)])
    assert not list(tmp_path.iterdir())
