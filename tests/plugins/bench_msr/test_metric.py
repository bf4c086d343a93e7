"""The metric that is learned when the networks have been: of what, when, and how it resumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bench_core import Modality, UsageError
from bench_core.methods import LabelledFeatures, TrainingData
from bench_core.metric_learning.xqda import xqda
from bench_core.testing import StopTrainingError, note_steps, random_data, training_run
from bench_msr.method import MSR

Make = Callable[..., MSR]

SMALLEST = (
    "embedding_size=6",
    "warm_start_epochs=1",
    "epochs=1",
    "sampling.identities=2",
    "sampling.images=2",
    "sampling.steps_per_epoch=1",
)
STEPS = ["baseline", "joint"]


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Random pixels of five identities, two images of each in each modality."""
    return random_data((32, 16))


@pytest.fixture(scope="module")
def whole(make: Make, data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> MSR:
    """Train without an interruption."""
    method = make("xqda", *SMALLEST)
    taken = note_steps(method)
    method.train(data, training_run(tmp_path_factory.mktemp("whole")))
    assert taken == STEPS
    return method


def images(data: TrainingData, modality: Modality) -> torch.Tensor:
    pixels = torch.from_numpy(data.pixels[data.rows[modality]])
    return pixels.permute(0, 3, 1, 2).float() / 255


def test_it_is_learned_of_all_training_images_by_the_trained_networks(
    whole: MSR, data: TrainingData
) -> None:
    """Distances of embeddings are those of the form, up to a constant."""
    whole.networks.eval()
    network = whole.networks["network"]
    with torch.no_grad():
        features = {
            name: network.embed(images(data, name), name, "neck-normalized").double().numpy()
            for name in data.rows
        }
        visible, infrared = (
            whole.extract(images(data, name), name)[:, 0].double() for name in data.rows
        )
    form = xqda(
        LabelledFeatures(
            features["visible"],
            features["infrared"],
            data.labels["visible"],
            data.labels["infrared"],
        )
    )
    expected = form.distances(features["visible"], features["infrared"])
    found = torch.cdist(visible, infrared).square().numpy() - expected
    assert np.ptp(expected) > 1e-3
    assert np.ptp(found) < 1e-2 * np.ptp(expected)


@pytest.mark.parametrize("done", [0, 1])
def test_an_interrupted_training_resumes_to_the_same_bits(
    done: int, whole: MSR, make: Make, data: TrainingData, tmp_path: Path
) -> None:
    run = training_run(tmp_path)
    broken = make("xqda", *SMALLEST)
    note_steps(broken, stop=done)
    with pytest.raises(StopTrainingError):
        broken.train(data, run)
    resumed = make("xqda", *SMALLEST)
    if done:
        with torch.no_grad():
            for value in resumed.networks.parameters():
                value.add_(1)  # its start must not matter
    taken = note_steps(resumed)
    resumed.train(data, run)
    assert taken == STEPS[done:]
    expected = whole.networks.state_dict()
    for name, value in resumed.networks.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_a_training_that_ended_is_not_trained_again(
    whole: MSR, make: Make, data: TrainingData, tmp_path: Path
) -> None:
    run = training_run(tmp_path)
    make("xqda", *SMALLEST).train(data, run)
    again = make("xqda", *SMALLEST)
    with torch.no_grad():
        for value in again.networks.parameters():
            value.add_(1)
    taken = note_steps(again)
    again.train(data, run)
    assert taken == []
    expected = whole.networks.state_dict()
    for name, value in again.networks.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_selection_on_validation_people_is_refused_with_the_way_out(
    make: Make, data: TrainingData, tmp_path: Path
) -> None:
    run = training_run(tmp_path, validate=lambda: 0.0)
    with pytest.raises(UsageError, match=r"--select validation: metric=xqda .* --select last"):
        make("xqda", *SMALLEST).train(data, run)


def test_several_processes_are_refused_with_the_way_out(
    make: Make, data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench_core.modeling.sharing.num_processes", lambda: 2)
    with pytest.raises(UsageError, match=r"--processes: metric=xqda .* one process"):
        make("xqda", *SMALLEST).train(data, training_run(tmp_path))
