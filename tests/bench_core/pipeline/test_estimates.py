"""A long training is told of before it starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench_core.configuration import MethodChoice
from bench_core.pipeline import estimates
from bench_core.pipeline.estimates import estimate_seconds, warn_of_length
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry
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
    warn_of_length(choice, method, data)
    assert capsys.readouterr().err == (
        "Warning: the preset 'quick' of xiv on this processor takes about 2 days; use a GPU "
        "(--device cuda), more of its cores (--threads N), or --preset quick for a first look\n"
    )
