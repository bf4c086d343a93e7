"""A training that is interrupted at any step of any stage ends with the same bits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench_core.methods import TrainingData
from bench_core.testing import StopTrainingError, note_steps, random_data, training_run
from bench_core.training.run import LOG_FILE
from bench_tsgan.method import TSGAN

Make = Callable[..., TSGAN]

SMALLEST = (
    "epochs=2",
    "teacher_epochs=1",
    "generation_epochs=1",
    "erasing=0.5",
    "sampling.identities=2",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
    "teacher_sampling.identities=2",
    "teacher_sampling.images=2",
    "teacher_sampling.steps_per_epoch=2",
)
STEPS = ["teacher"] * 2 + ["generation"] * 2 + ["joint"] * 4
OFTEN = (1, 4, 6)
"""In a stage, between two, and in the last."""


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Random pixels of five identities, two images of each in each modality."""
    return random_data((64, 32))


def losses_in(folder: Path) -> list[object]:
    return [json.loads(line)["losses"] for line in (folder / LOG_FILE).read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(
    make: Make, data: TrainingData, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TSGAN, Path]:
    """Train without an interruption; return the method and the folder of the run."""
    method, folder = make("full", *SMALLEST), tmp_path_factory.mktemp("whole")
    taken = note_steps(method)
    method.train(data, training_run(folder))
    assert taken == STEPS
    return method, folder


@pytest.mark.slow
def test_the_loop_leaves_a_fixed_teacher_as_its_own_stage_left_it(
    make: Make, data: TrainingData, tmp_path: Path
) -> None:
    """Parameters and batch statistics; those of the student are collected by every step."""
    method = make("full", *SMALLEST)
    states: list[dict[str, torch.Tensor]] = []

    def note_state(*_: object) -> None:
        state = method.networks.state_dict()
        states.append({name: value.clone() for name, value in state.items()})

    run = training_run(tmp_path, on_epoch=note_state, checkpoint_seconds=3600.0)
    method.train(data, run)
    after_teacher, after_generation, *_, after_joint = states
    for name, value in after_teacher.items():
        if name.startswith("teacher."):
            assert torch.equal(after_joint[name], value), name
        if name.startswith("student.") and "running_mean" in name:
            assert torch.equal(after_generation[name], value), name
            assert not torch.equal(after_joint[name], value), name


@pytest.mark.slow
@pytest.mark.parametrize(
    "done",
    [
        pytest.param(done, marks=[] if done in OFTEN else pytest.mark.exhaustive)
        for done in range(1, len(STEPS))
    ],
)
def test_a_training_interrupted_in_any_stage_resumes_to_the_same_bits_and_log(
    done: int, whole: tuple[TSGAN, Path], make: Make, data: TrainingData, tmp_path: Path
) -> None:
    uninterrupted, folder = whole
    run = training_run(tmp_path)
    broken = make("full", *SMALLEST)
    note_steps(broken, stop=done)
    with pytest.raises(StopTrainingError):
        broken.train(data, run)

    resumed = make("full", *SMALLEST)
    with torch.no_grad():
        for value in resumed.networks.parameters():
            value.add_(1)  # its start must not matter
    taken = note_steps(resumed)
    resumed.train(data, run)

    assert taken == STEPS[done:]
    expected = uninterrupted.networks.state_dict()
    for name, value in resumed.networks.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert losses_in(run.folder) == losses_in(folder)
