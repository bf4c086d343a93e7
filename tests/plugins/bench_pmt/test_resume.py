"""A training that is interrupted at any step of either stage ends with the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench_core.methods import TrainingData
from bench_core.testing import StopTrainingError, note_steps, random_data, training_run
from bench_pmt.method import PMT

Make = Callable[..., PMT]

SMALLEST = (
    "epochs=2",
    "gray_epochs=1",
    "sampling.identities=2",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
)
STEPS = ["gray"] * 2 + ["joint"] * 2


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Random pixels of five identities, two images of each in each modality."""
    return random_data((32, 16))


@pytest.fixture(scope="module")
def whole(make: Make, data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> PMT:
    """Train without an interruption."""
    method = make("full", *SMALLEST)
    taken = note_steps(method)
    method.train(data, training_run(tmp_path_factory.mktemp("whole")))
    assert taken == STEPS
    return method


@pytest.mark.slow
@pytest.mark.parametrize("done", range(1, len(STEPS)))
def test_an_interrupted_training_resumes_to_the_same_bits(
    done: int, whole: PMT, make: Make, data: TrainingData, tmp_path: Path
) -> None:
    """Moments of the optimisers and the place on the curve go on from the first stage."""
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
    expected = whole.networks.state_dict()
    for name, value in resumed.networks.state_dict().items():
        assert torch.equal(value, expected[name]), name
