"""A training that is interrupted at any step of any stage goes on to the same bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench_core.methods import Batch, TrainingData, TrainingRun, Updates
from bench_core.training.identity import TrainingDescription
from bench_jsia.method import JSIA

Make = Callable[..., JSIA]

SETTINGS = (
    "generation_epochs=2",
    "epochs=2",
    "sampling.steps_per_epoch=2",
    "generation_sampling.steps_per_epoch=2",
)
NUM_STEPS = 8
NUM_IDENTITIES = 5


class Interrupt(Exception):
    pass


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Random images of five identities, four in each modality."""
    labels = np.repeat(np.arange(NUM_IDENTITIES), 4)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    rows = np.arange(40).reshape(2, -1)
    return TrainingData(
        pixels=pixels,
        rows={"visible": rows[0], "infrared": rows[1]},
        labels={"visible": labels, "infrared": labels},
        identities=tuple(range(NUM_IDENTITIES)),
    )


def run_in(folder: Path, method: JSIA) -> TrainingRun:
    description = TrainingDescription(
        method="jsia",
        variant="full",
        config=method.config.model_dump(mode="json"),
        dataset="random",
        fingerprint="random",
        split="train",
        images="random",
        seed=0,
        weights="none",
        precision="float32",
        code="test",
        num_identities=NUM_IDENTITIES,
        threads=1,
    )
    return TrainingRun(
        folder=folder, description=description, device=torch.device("cpu"), checkpoint_seconds=0.0
    )


def count_steps(method: JSIA, stop: int | None = None) -> list[str]:
    """Note the stage of each step; raise Interrupt instead of step `stop`, counted from 0."""
    done: list[str] = []

    def counted(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def run(batch: Batch, updates: Updates) -> Mapping[str, torch.Tensor]:
            if len(done) == stop:
                raise Interrupt
            done.append(name)
            result: Mapping[str, torch.Tensor] = step(batch, updates)
            return result

        return run

    method.generation_step = counted("generation", method.generation_step)
    method.joint_step = counted("joint", method.joint_step)
    return done


@pytest.fixture(scope="module")
def whole(
    data: TrainingData, tmp_path_factory: pytest.TempPathFactory, make: Make
) -> dict[str, torch.Tensor]:
    """The state of a training that nothing interrupted."""
    method = make("full", *SETTINGS)
    done = count_steps(method)
    method.train(data, run_in(tmp_path_factory.mktemp("whole"), method))
    assert done == ["generation"] * 4 + ["joint"] * 4
    return {name: value.clone() for name, value in method.networks.state_dict().items()}


@pytest.mark.parametrize("stop", range(1, NUM_STEPS))
def test_a_training_resumes_to_the_same_bits(
    stop: int,
    data: TrainingData,
    whole: dict[str, torch.Tensor],
    tmp_path: Path,
    make: Make,
) -> None:
    broken = make("full", *SETTINGS)
    count_steps(broken, stop)
    with pytest.raises(Interrupt):
        broken.train(data, run_in(tmp_path, broken))
    resumed = make("full", *SETTINGS)
    with torch.no_grad():
        for value in resumed.networks.parameters():
            value.add_(1)  # its start must not matter
    done = count_steps(resumed)
    resumed.train(data, run_in(tmp_path, resumed))
    assert len(done) == NUM_STEPS - stop
    for name, value in resumed.networks.state_dict().items():
        assert torch.equal(value, whole[name]), name
