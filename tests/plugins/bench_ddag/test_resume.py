"""A training that is interrupted ends with the same bits, w included."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench_core.methods import TrainingData
from bench_core.testing import StopTrainingError, note_steps, random_data, training_run
from bench_core.training.run import LOG_FILE
from bench_ddag.method import DDAG

Make = Callable[..., DDAG]

SMALLEST = (
    "epochs=3",
    "sampling.identities=2",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
)
STEPS = 6


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Random pixels of five identities, two images of each in each modality."""
    return random_data((32, 16))


def losses_in(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line)["losses"] for line in (folder / LOG_FILE).read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(
    make: Make, data: TrainingData, tmp_path_factory: pytest.TempPathFactory
) -> tuple[DDAG, Path]:
    """Train without an interruption; return the method and the folder of the run."""
    method, folder = make("full", *SMALLEST), tmp_path_factory.mktemp("whole")
    method.train(data, training_run(folder, checkpoint_seconds=3600.0))
    return method, folder


def test_the_weight_of_an_epoch_is_that_of_the_losses_in_the_log(
    whole: tuple[DDAG, Path],
) -> None:
    first, second, third = losses_in(whole[1])
    assert first["graph-weight"] == 0
    for before, after in ((first, second), (second, third)):
        mean = sum(before[name] for name in ("identity", "triplet", "part-identity"))
        assert after["graph-weight"] == pytest.approx(1 / (1 + mean), rel=1e-5)


@pytest.mark.parametrize(
    "done",
    [3, pytest.param(2, marks=pytest.mark.slow)],
    ids=["within an epoch", "before an epoch"],
)
def test_an_interrupted_training_resumes_to_the_same_bits_and_log(
    done: int, whole: tuple[DDAG, Path], make: Make, data: TrainingData, tmp_path: Path
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

    assert len(taken) == STEPS - done
    expected = uninterrupted.networks.state_dict()
    for name, value in resumed.networks.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert losses_in(run.folder) == losses_in(folder)
