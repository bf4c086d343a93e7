"""When a finished training is used again, and when it is not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench_core import BenchError, CheckpointError, UsageError
from bench_core.data.cache import PIXELS_FILE
from bench_core.features.table import write_features
from bench_core.modeling.sharing import Sharing
from bench_core.pipeline import embeddings, loop, trainings
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.trainings import TrainedModel, find_model
from bench_core.system.processes import locked
from bench_xiv.method import XIV

Train = Callable[..., TrainedModel]


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


def test_a_loop_of_its_own_takes_no_batch_in_parts(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "StagedMethod", int)
    with pytest.raises(UsageError, match=r"^--accumulate: xiv has a training loop of its own"):
        train(sharing=Sharing(parts=2))


@pytest.mark.parametrize("staged", [True, False])
def test_between_its_steps_a_staged_method_computes_as_at_test_time(
    staged: bool, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as features that a metric is learned on behind the stages."""
    seen = []

    def note(*_: object) -> None:
        seen.append((torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32))

    if not staged:
        monkeypatch.setattr(loop, "StagedMethod", int)
    monkeypatch.setattr(XIV, "train", note)
    with suppress(BenchError):  # of a training that left no model
        train(precision="tf32")
    assert seen == [(not staged, not staged)]


@pytest.mark.slow
def test_a_training_is_left_to_the_process_that_is_at_it(train: Train) -> None:
    path = train().path
    path.unlink()
    with locked(path), pytest.raises(BenchError, match=rf"^process \d+ on \S+ is writing {path}; "):
        train()
    assert not train().cached


def test_an_edited_method_is_trained_anew(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train()
    monkeypatch.setattr(trainings, "training_code_hash", lambda _reference: "f" * 64)
    second = train()
    assert not second.cached
    assert first.path != second.path


def test_a_finished_training_is_found_by_its_identity(train: Train) -> None:
    model = train()
    runs, description = model.path.parents[2], model.description
    assert find_model(runs, description.dataset, description.identity) == model.path
    assert find_model(runs, description.dataset, "0" * 64) is None
    assert find_model(runs / "elsewhere", description.dataset, description.identity) is None


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


def test_kept_features_of_other_images_are_made_again(train: Train, inputs: RunInputs) -> None:
    model = train()
    device = torch.device("cpu")
    first, _ = embeddings.features_of(model, inputs, device)
    fewer = replace(first, features=first.features[1:], table=first.table[1:])
    write_features(model.path.with_name(embeddings.FEATURES_FILE), fewer)
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
