from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from bench_core.configuration import choose_method
from bench_core.features.digest import features_digest
from bench_core.features.table import write_features
from bench_core.pipeline import trainings
from bench_core.pipeline.embeddings import (
    EXTRACTION_FILE,
    FEATURES_FILE,
    extract,
    features_of,
)
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.trainings import TrainedModel, TrainingSettings
from bench_core.plugins import Registry

CPU = torch.device("cpu")
Train = Callable[..., TrainedModel]
SMALL = (
    "epochs=1",
    "image_height=32",
    "image_width=16",
    "sampling.identities=4",
    "sampling.images=2",
    "sampling.steps_per_epoch=1",
)


class Uncopied:
    """A method that refuses to be copied."""

    def __init__(self, method: object) -> None:
        self._method = method

    def __getattr__(self, name: str) -> object:
        return getattr(self._method, name)

    def __deepcopy__(self, memo: object) -> object:
        raise TypeError("this method is one of its kind")


def test_the_fast_path_is_taken_in_silence(
    train: Train, inputs: RunInputs, capsys: pytest.CaptureFixture[str]
) -> None:
    _, report = extract(train(), inputs, CPU)
    assert (report.precision, report.note) == ("float32", "")
    assert "Note:" not in capsys.readouterr().err


def test_the_slow_path_is_told_once_and_recorded(
    train: Train, inputs: RunInputs, capsys: pytest.CaptureFixture[str]
) -> None:
    model = train()
    uncopied = replace(model, method=Uncopied(model.method))  # type: ignore[arg-type]
    features, report = extract(uncopied, inputs, CPU)
    assert report.note == "the fast path failed: this method is one of its kind"
    note = f"Note: features are extracted the slow way: {report.note}\n"
    assert capsys.readouterr().err.count(note) == 1
    assert len(features.features) == report.num_images


def test_kept_features_say_how_they_were_extracted(train: Train, inputs: RunInputs) -> None:
    model = train()
    _, report = features_of(model, inputs, CPU)
    kept = json.loads(model.path.with_name(EXTRACTION_FILE).read_text())
    assert (kept["precision"], kept["note"]) == ("float32", "")
    assert features_of(model, inputs, CPU)[1] == report


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        "[" * 100_000,
        '{"seconds": 1e999}',
        {"seconds": 0.0},
        {"seconds": "1"},
        {"num_images": 3},
        {"precision": "float8"},
        {"features": "0" * 64},
        {"model": "0" * 64},
    ],
    ids=lambda content: str(content)[:20],
)
def test_a_damaged_report_is_made_again(
    train: Train, inputs: RunInputs, content: str | dict[str, object]
) -> None:
    model = train()
    first, report = features_of(model, inputs, CPU)
    path = model.path.with_name(EXTRACTION_FILE)
    if isinstance(content, dict):
        content = json.dumps(json.loads(path.read_text()) | content)
    path.write_text(content)
    again, other = features_of(model, inputs, CPU)
    assert (first.features == again.features).all()
    assert replace(other, seconds=report.seconds) == report


@pytest.mark.slow
def test_changed_features_are_not_taken_for_the_models(train: Train, inputs: RunInputs) -> None:
    model = train()
    first, _ = features_of(model, inputs, CPU)
    other = replace(first, features=first.features + 1)
    write_features(model.path.with_name(FEATURES_FILE), other)
    again, _ = features_of(model, inputs, CPU)
    assert (first.features == again.features).all()


def test_the_digest_of_features_follows_values_images_and_metric(
    train: Train, inputs: RunInputs
) -> None:
    first, report = features_of(train(), inputs, CPU)
    assert features_digest(first) == report.features
    turned = replace(first, features=first.features[::-1].copy())
    other = replace(first, metric="cosine")
    assert len({features_digest(table) for table in (first, turned, other)}) == 3


@pytest.mark.slow
def test_another_way_to_score_is_the_same_training_with_other_features(
    inputs: RunInputs, settings: TrainingSettings, registry: Registry
) -> None:
    tables, (split,) = [], set(inputs.training_splits("last"))
    for scored_by, cached in (("both", False), ("visible", True), ("both", True)):
        method = registry.method("xiv")
        choice = choose_method(*method, "quick", [*SMALL, f"scored_by={scored_by}"])
        model = trainings.train(choice, inputs, split, settings)
        assert model.cached == cached
        tables.append(features_of(model, inputs, CPU)[0].features)
    both, visible, again = tables
    assert (both.shape[1], visible.shape[1]) == (2, 1)
    assert (both == again).all()
    elsewhere = {"scored_by": "visible", "x_source": "none"}  # of these the first alone is taken
    opened = trainings.open_model(registry, model.path, elsewhere)
    assert opened.config == model.config.model_copy(update={"scored_by": "visible"})
    assert (features_of(opened, inputs, CPU)[0].features == visible).all()
