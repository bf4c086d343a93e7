"""When a finished training is used again, and when it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench_core import CheckpointError
from bench_core.configuration import MethodChoice, choose_method
from bench_core.data.cache import PIXELS_FILE
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.plugins import Registry
from bench_core.runs import embeddings, trainings
from bench_core.runs.inputs import RunInputs, open_inputs
from bench_core.runs.trainings import TrainedModel, TrainingSettings

SMALL = (
    "epochs=1",
    "image_height=32",
    "image_width=16",
    "sampling.identities=4",
    "sampling.images=2",
    "sampling.steps_per_epoch=1",
)
Train = Callable[..., TrainedModel]


@pytest.fixture
def choice(registry: Registry) -> MethodChoice:
    return choose_method(*registry.method("xiv"), "quick", SMALL)


@pytest.fixture
def inputs(registry: Registry, sysu_root: Path, cache: Path) -> RunInputs:
    return open_inputs(registry, registry.protocol("sysu-all-single"), sysu_root, cache)


@pytest.fixture
def train(choice: MethodChoice, inputs: RunInputs, tmp_path: Path) -> Train:
    settings = TrainingSettings(
        seed=0,
        weights=PretrainedWeights("none"),
        device=torch.device("cpu"),
        precision="float32",
        runs=tmp_path / "runs",
    )

    def run(**changes: object) -> TrainedModel:
        return trainings.train(choice, inputs, "train+val", replace(settings, **changes))  # type: ignore[arg-type]

    return run


def test_the_same_training_is_used_again(train: Train) -> None:
    first, second = train(), train()
    assert (first.cached, second.cached) == (False, True)
    assert first.description == second.description


def test_another_precision_is_another_training(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Started(Exception):
        pass

    def start(*_: object) -> None:
        raise Started

    train()
    monkeypatch.setattr(trainings, "_train", start)
    assert train().cached
    with pytest.raises(Started):
        train(precision="bfloat16")


def test_an_edited_method_is_trained_anew(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train()
    monkeypatch.setattr(trainings, "source_hash", lambda _reference: "f" * 64)
    second = train()
    assert not second.cached
    assert first.path != second.path


def test_features_are_kept_and_damaged_ones_made_again(train: Train, inputs: RunInputs) -> None:
    model = train()
    device = torch.device("cpu")
    first, _ = embeddings.features_of(model, inputs, device)
    path = model.path.with_name(embeddings.FEATURES_FILE)
    written = path.stat().st_mtime_ns
    embeddings.features_of(model, inputs, device)
    assert path.stat().st_mtime_ns == written
    path.write_bytes(path.read_bytes()[:100])
    again, _ = embeddings.features_of(model, inputs, device)
    assert (first.features == again.features).all()


def test_a_damaged_model_is_named_with_the_way_out(train: Train) -> None:
    model = train()
    model.path.write_bytes(model.path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="remove it to train again"):
        train()


def test_damaged_pixels_are_decoded_again(train: Train, inputs: RunInputs, cache: Path) -> None:
    train()
    for pixels in cache.glob(f"images/*/{PIXELS_FILE}"):
        pixels.write_bytes(pixels.read_bytes()[:1000])
    assert inputs.images((32, 16)).pixels.shape == (len(inputs.dataset.images), 32, 16, 3)


def test_other_training_identities_are_another_training_that_scores_nothing_here(
    train: Train, inputs: RunInputs
) -> None:
    """An image list that changed may put people into the test who were trained on."""
    model = train()
    changed = replace(model, description=replace(model.description, images="0" * 64))
    with pytest.raises(CheckpointError, match="other identities"):
        embeddings.check_training(changed, inputs)
