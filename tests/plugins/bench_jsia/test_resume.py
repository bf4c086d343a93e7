"""A training that is interrupted at any step of any stage goes on to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench_core.methods import TrainingData
from bench_core.testing import StopTrainingError, note_steps, random_data, training_run
from bench_jsia.method import JSIA

Make = Callable[..., JSIA]

SETTINGS = (
    "generation_epochs=2",
    "epochs=2",
    "sampling.steps_per_epoch=2",
    "generation_sampling.steps_per_epoch=2",
)
NUM_STEPS = 8
OFTEN = (2, 4, 7)
"""In either stage and between them, in the middle of an epoch and at its end."""


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Random images of five identities, four in each modality."""
    return random_data((32, 32), images=4)


@pytest.fixture(scope="module")
def whole(
    data: TrainingData, tmp_path_factory: pytest.TempPathFactory, make: Make
) -> dict[str, torch.Tensor]:
    """The state of a training that nothing interrupted."""
    method = make("full", *SETTINGS)
    done = note_steps(method)
    method.train(data, training_run(tmp_path_factory.mktemp("whole")))
    assert done == ["generation"] * 4 + ["joint"] * 4
    return {name: value.clone() for name, value in method.networks.state_dict().items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(stop, marks=[] if stop in OFTEN else pytest.mark.exhaustive)
        for stop in range(1, NUM_STEPS)
    ],
)
def test_a_training_resumes_to_the_same_bits(
    stop: int,
    data: TrainingData,
    whole: dict[str, torch.Tensor],
    tmp_path: Path,
    make: Make,
) -> None:
    broken = make("full", *SETTINGS)
    note_steps(broken, stop)
    with pytest.raises(StopTrainingError):
        broken.train(data, training_run(tmp_path))
    resumed = make("full", *SETTINGS)
    with torch.no_grad():
        for value in resumed.networks.parameters():
            value.add_(1)  # its start must not matter
    done = note_steps(resumed)
    resumed.train(data, training_run(tmp_path))
    assert len(done) == NUM_STEPS - stop
    for name, value in resumed.networks.state_dict().items():
        assert torch.equal(value, whole[name]), name
