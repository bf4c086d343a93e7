"""A training that is interrupted at any step of any stage ends with the same bits."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench_core.methods import Batch, TrainingData, TrainingRun, Updates
from bench_core.training.identity import TrainingDescription
from bench_core.training.run import LOG_FILE
from bench_tsgan.method import TSGAN

Make = Callable[..., TSGAN]
Step = Callable[[Batch, Updates], Mapping[str, torch.Tensor]]

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
STEPS = ["teacher_step"] * 2 + ["generation_step"] * 2 + ["joint_step"] * 4


class Interrupt(Exception):
    pass


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Random pixels of five identities, two images of each in each modality."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 64, 32, 3), dtype=np.uint8)
    labels = np.repeat(np.arange(5), 2)
    return TrainingData(
        pixels=pixels,
        rows={"visible": np.arange(10), "infrared": np.arange(10, 20)},
        labels={"visible": labels, "infrared": labels},
        identities=tuple(range(5)),
    )


def run_in(folder: Path) -> TrainingRun:
    """Keep a checkpoint after every step."""
    description = TrainingDescription(
        method="ts-gan",
        variant="full",
        config={"image_height": 64},
        dataset="random",
        fingerprint="0" * 64,
        split="train",
        images="1" * 64,
        seed=7,
        weights="none",
        precision="float32",
        code="2" * 64,
        num_identities=5,
        threads=1,
    )
    return TrainingRun(
        folder=folder, description=description, device=torch.device("cpu"), checkpoint_seconds=0.0
    )


def count_steps(method: TSGAN, interrupt_before: int | None = None) -> list[str]:
    """Note the steps that a training takes, and interrupt it before one of them."""
    taken: list[str] = []

    def counted(name: str, step: Step) -> Step:
        def wrapped(batch: Batch, updates: Updates) -> Mapping[str, torch.Tensor]:
            if len(taken) == interrupt_before:
                raise Interrupt
            taken.append(name)
            return step(batch, updates)

        return wrapped

    for name in set(STEPS):
        setattr(method, name, counted(name, getattr(method, name)))
    return taken


def losses_in(folder: Path) -> list[object]:
    return [json.loads(line)["losses"] for line in (folder / LOG_FILE).read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(
    make: Make, data: TrainingData, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TSGAN, Path]:
    """Train without an interruption; return the method and the folder of the run."""
    method, folder = make("full", *SMALLEST), tmp_path_factory.mktemp("whole")
    taken = count_steps(method)
    method.train(data, run_in(folder))
    assert taken == STEPS
    return method, folder


def test_the_loop_leaves_a_fixed_teacher_as_its_own_stage_left_it(
    make: Make, data: TrainingData, tmp_path: Path
) -> None:
    """Parameters and batch statistics; those of the student are collected by every step."""
    method = make("full", *SMALLEST)
    states: list[dict[str, torch.Tensor]] = []

    def note_state(*_: object) -> None:
        state = method.networks.state_dict()
        states.append({name: value.clone() for name, value in state.items()})

    run = replace(run_in(tmp_path), on_epoch=note_state, checkpoint_seconds=3600.0)
    method.train(data, run)
    after_teacher, after_generation, *_, after_joint = states
    for name, value in after_teacher.items():
        if name.startswith("teacher."):
            assert torch.equal(after_joint[name], value), name
        if name.startswith("student.") and "running_mean" in name:
            assert torch.equal(after_generation[name], value), name
            assert not torch.equal(after_joint[name], value), name


@pytest.mark.parametrize("done", range(1, len(STEPS)))
def test_a_training_interrupted_in_any_stage_resumes_to_the_same_bits_and_log(
    done: int, whole: tuple[TSGAN, Path], make: Make, data: TrainingData, tmp_path: Path
) -> None:
    uninterrupted, folder = whole
    run = run_in(tmp_path)
    broken = make("full", *SMALLEST)
    count_steps(broken, interrupt_before=done)
    with pytest.raises(Interrupt):
        broken.train(data, run)

    resumed = make("full", *SMALLEST)
    with torch.no_grad():
        for value in resumed.networks.parameters():
            value.add_(1)  # its start must not matter
    taken = count_steps(resumed)
    resumed.train(data, run)

    assert taken == STEPS[done:]
    expected = uninterrupted.networks.state_dict()
    for name, value in resumed.networks.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert losses_in(run.folder) == losses_in(folder)
