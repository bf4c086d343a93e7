"""Two processes train what one trains: every loss, gradient and running statistic."""

from __future__ import annotations

import functools
import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from bench_core import CheckpointError, UsageError
from bench_core.contracts.method import BatchStatistics
from bench_core.methods import TrainingData
from bench_core.modeling.sharing import Sharing
from bench_core.system import process_group
from bench_core.training.identity import TrainingDescription

TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "2")
SCRIPT = Path(__file__).with_name("divided_steps.py")
CASES, SELECTIONS = (runpy.run_path(str(SCRIPT))[name] for name in ("CASES", "SELECTIONS"))
Find: TypeAlias = "Callable[[str], tuple[Any, Path]]"
ROUNDING = 1e-10
"""In double precision; measured are 6e-13 and less."""


def cases(kind: str) -> list[Any]:
    """Return (selection, case) of every selection of the script; one of them is usual."""
    return [
        pytest.param(name, case, marks=[] if name == "often" else pytest.mark.exhaustive)
        for name, selection in SELECTIONS.items()
        for case in getattr(selection, kind)
    ]


@pytest.fixture(scope="module")
def find(tmp_path_factory: pytest.TempPathFactory) -> Find:
    """Return what `divided_steps` says, run by two processes, and its folder; it runs once."""

    @functools.cache
    def find(selection: str) -> tuple[Any, Path]:
        folder = tmp_path_factory.mktemp(selection)
        finished = subprocess.run(
            [sys.executable, *TORCHRUN, SCRIPT, folder / "found.json", selection],
            check=False,
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert finished.returncode == 0, finished.stderr
        return json.loads((folder / "found.json").read_text()), folder

    return find


def losses(folder: Path) -> list[dict[str, float]]:
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [json.loads(line)["losses"] for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize(("selection", "case"), cases("steps"))
def test_a_step_by_two_processes_is_the_step_of_one(selection: str, case: str, find: Find) -> None:
    stages = find(selection)[0]["steps"][case]
    assert len(stages) >= 1
    for stage, distances in stages.items():
        assert distances.keys() == {"losses", "gradients", "state"}
        assert max(distances.values()) < ROUNDING, (stage, distances)


@pytest.mark.slow
@pytest.mark.parametrize(("selection", "case"), cases("parts"))
def test_a_step_by_two_processes_in_two_parts_each_is_the_step_of_one(
    selection: str, case: str, find: Find
) -> None:
    for stage, distances in find(selection)[0]["parts"][case].items():
        assert max(distances.values()) < ROUNDING, (stage, distances)


@pytest.mark.slow
@pytest.mark.parametrize(("selection", "case"), cases("shares"))
def test_with_statistics_of_each_share_two_processes_are_one_in_two_parts(
    selection: str, case: str, find: Find
) -> None:
    for stage, distances in find(selection)[0]["shares"][case].items():
        assert max(distances.values()) < ROUNDING, (stage, distances)


def test_every_case_is_compared() -> None:
    assert {case for every in SELECTIONS.values() for case in every.steps} == set(CASES)


@pytest.mark.slow
def test_a_training_by_two_processes_is_the_training_of_one(find: Find) -> None:
    training = find("often")[0]["training"]
    assert training["distance"] < ROUNDING
    assert training["alike"]  # in both processes
    assert training["resumed"]  # to the same bits


@pytest.mark.slow
@pytest.mark.parametrize(("selection", "name"), cases("strangers"))
def test_what_methods_bring_is_that_of_one_process(selection: str, name: str, find: Find) -> None:
    training = find(selection)[0]["strangers"][name]
    assert training["distance"] < ROUNDING
    assert training["alike"]  # memory and moving averages too
    assert training["resumed"]


@pytest.mark.slow
def test_the_first_process_alone_writes_the_log_and_the_checkpoint(find: Find) -> None:
    folder = find("often")[1]
    one, several, resumed = (losses(folder / name) for name in ("one", "several", "resumed"))
    assert several == resumed
    assert len(several) == len(one) == 4
    for together, alone in zip(several, one, strict=True):
        assert together == pytest.approx(alone, abs=ROUNDING)


def test_a_batch_that_has_no_even_shares_is_refused_before_the_first_step(
    data: TrainingData, make_method: Any, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_group._Group, "number", 4)
    monkeypatch.setattr("bench_core.training.run.wait_for_all", lambda: None)
    with pytest.raises(UsageError, match="4 processes cannot share a batch of 3 identities x 2"):
        make_method().train(data, make_run())


@pytest.mark.parametrize(
    ("parts", "statistics", "message"),
    [
        (
            4,
            "whole",
            "4 parts cannot share a batch of 3 identities x 2 images of the stage",
        ),
        (6, "share", "6 parts have one image each of a batch of 3 identities x 2 images"),
    ],
)
def test_parts_of_a_batch_that_cannot_be_are_refused_before_the_first_step(
    data: TrainingData,
    make_method: Any,
    make_run: Any,
    parts: int,
    statistics: BatchStatistics,
    message: str,
) -> None:
    run = replace(make_run(), sharing=Sharing(parts=parts, statistics=statistics))
    with pytest.raises(UsageError, match=message):
        make_method().train(data, run)


def test_what_shares_change_is_part_of_the_identity(description: TrainingDescription) -> None:
    plain = description.document()
    assert not {"processes", "parts", "normalized_shares"} & plain.keys()
    others = [
        replace(description, parts=2),
        replace(description, normalized_shares=2),
        replace(description, normalized_shares=4),
    ]
    assert len({description.identity, *(other.identity for other in others)}) == 4
    for other in others:
        assert TrainingDescription.from_document(other.document()) == other


def test_the_number_of_processes_is_part_of_the_identity_on_a_processor(
    description: TrainingDescription,
) -> None:
    one, two, three = (replace(description, processes=number) for number in (None, 2, 3))
    assert len({each.identity for each in (one, two, three)}) == 3
    assert "processes" not in one.document()
    assert TrainingDescription.from_document(two.document()) == two
    with pytest.raises(CheckpointError, match="processes"):
        TrainingDescription.from_document({**two.document(), "processes": "many"})
