"""A long training is told of before it starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench_core.configuration import MethodChoice
from bench_core.modeling.sharing import Sharing
from bench_core.pipeline import estimates
from bench_core.pipeline.estimates import estimate_seconds, speedup, warn_of_length
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry
from bench_core.system import process_group
from bench_core.training.data import TrainingData, training_data


@pytest.fixture
def data(choice: MethodChoice, inputs: RunInputs) -> TrainingData:
    images = inputs.dataset.images
    rows = inputs.protocol.training_rows(images, "train")
    return training_data(images, rows, inputs.images(choice.config.image_size))


def test_the_estimate_grows_with_the_number_of_steps(
    registry: Registry, choice: MethodChoice, data: TrainingData
) -> None:
    method = build_method(choice, data.num_identities)
    short = estimate_seconds(choice, method, data)
    longer = choice.config.model_copy(update={"epochs": 3000})
    long = estimate_seconds(
        replace(choice, config=longer),
        build_method(replace(choice, config=longer), data.num_identities),
        data,
    )
    assert short is not None
    assert long is not None
    assert 100 * short < long < 10_000 * short


def test_the_fastest_timing_counts_as_others_wait_for_a_busy_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    waits = iter([0.5, 0.001, 0.4, 0.3, 0.2, 0.1, 0.5, 0.6])
    monkeypatch.setattr(estimates.time, "perf_counter", lambda: clock[0])

    def act() -> None:
        clock[0] += next(waits)

    assert estimates._fastest(act) == pytest.approx(0.001)
    assert list(waits) == [0.6]  # two seconds are enough


@pytest.mark.parametrize(
    ("processes", "here", "cores", "threads", "times"),
    [
        (1, 1, 8, 2, 1),
        (4, 4, 8, 2, 4),
        (4, 4, 8, 4, 2),
        (4, 4, 2, 2, 1),
        (8, 4, 4, 2, 4),  # two machines
    ],
)
def test_processes_are_faster_as_far_as_there_are_cores(
    monkeypatch: pytest.MonkeyPatch,
    processes: int,
    here: int,
    cores: int,
    threads: int,
    times: float,
) -> None:
    monkeypatch.setattr(process_group._Group, "number", processes)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(here))
    monkeypatch.setattr(estimates, "num_processors", lambda: cores)
    assert speedup(threads) == times


def test_the_estimate_is_that_of_all_processes_and_counts_what_is_computed_again(
    choice: MethodChoice, data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = build_method(choice, data.num_identities)
    monkeypatch.setattr(estimates, "_fastest", lambda _: 1.0)
    alone = estimate_seconds(choice, method, data)
    again = estimate_seconds(choice, method, data, Sharing(parts=2))
    monkeypatch.setattr(estimates, "speedup", lambda _: 4.0)
    by_four = estimate_seconds(choice, method, data)
    assert alone is not None
    assert again == pytest.approx(alone * 4 / 3)
    assert by_four == pytest.approx(alone / 4)


def test_only_a_long_training_is_told_of(
    choice: MethodChoice,
    data: TrainingData,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method = build_method(choice, data.num_identities)
    warn_of_length(choice, method, data)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(estimates, "estimate_seconds", lambda *_: 200_000.0)
    monkeypatch.setattr(estimates, "num_processors", lambda: 64)
    warn_of_length(choice, method, data)
    assert capsys.readouterr().err == (
        "Warning: the preset 'quick' of xiv on this processor takes about 2 days; use a GPU "
        "(--device cuda), more of its cores (--threads N), or --preset quick for a first look\n"
    )
    monkeypatch.setattr(estimates, "num_processors", lambda: 1)
    monkeypatch.setattr(process_group._Group, "number", 2)
    warn_of_length(choice, method, data)
    assert capsys.readouterr().err == (
        "Warning: the preset 'quick' of xiv on this processor takes about 2 days by 2 processes; "
        "use a GPU (--device cuda), or --preset quick for a first look\n"
    )
