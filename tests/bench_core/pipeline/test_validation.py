"""Selection on the validation people of a dataset: who trains, who selects, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from bench_core import CheckpointError, PluginError, TrainingError, UsageError
from bench_core.configuration import MethodChoice
from bench_core.datasets import Trial
from bench_core.features.extraction import ExtractionSettings, extract_features
from bench_core.pipeline import embeddings, trainings
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.trainings import TrainedModel, TrainingSettings
from bench_core.training.run import LOG_FILE, VALIDATION_SCORE

Train = Callable[..., TrainedModel]
CPU = torch.device("cpu")


def people(inputs: RunInputs, rows: np.ndarray) -> set[int]:
    return set(inputs.dataset.images["identity"].iloc[rows])


def test_validation_people_are_neither_trained_nor_tested_on(inputs: RunInputs) -> None:
    protocol, images = inputs.protocol, inputs.dataset.images
    (split,) = set(inputs.training_splits("validation"))
    trial = inputs.validation_trial()
    validated = people(inputs, trial.query)
    assert validated
    assert validated >= people(inputs, trial.gallery)
    trained = people(inputs, protocol.training_rows(images, split))
    assert not validated & trained
    assert not validated & people(inputs, protocol.test_rows(images, split))
    (usual,) = set(inputs.training_splits("last"))
    assert people(inputs, protocol.training_rows(images, usual)) == validated | trained


def test_the_model_kept_is_the_one_that_scored_best_on_validation_people(
    train: Train, inputs: RunInputs
) -> None:
    model = train(selection="validation")
    log = (model.path.with_name(LOG_FILE)).read_text().splitlines()
    scores = [json.loads(line)[VALIDATION_SCORE] for line in log]
    assert len(scores) == 3
    assert model.report.validation_score == max(scores)
    assert model.report.selected_epoch == scores.index(max(scores)) + 1
    assert model.description.selection == "validation"
    assert independent_score(model, inputs) == pytest.approx(max(scores), abs=1e-12)


def independent_score(model: TrainedModel, inputs: RunInputs) -> float:
    """Average the precision at each match, query by query."""
    images, trial = inputs.dataset.images, inputs.validation_trial()
    store = inputs.images(model.config.image_size)
    settings = ExtractionSettings(device=CPU, batch_size=128)
    query, gallery = (
        extract_features(model.method, images, rows, store, settings).features
        for rows in (trial.query, trial.gallery)
    )
    precisions = []
    for views, identity in zip(query.features, query.table["identity"], strict=True):
        differences = (views - gallery.features).astype(np.float64)
        nearest = np.argsort(np.linalg.norm(differences, axis=-1).sum(axis=-1))
        ranks = 1 + np.flatnonzero(gallery.table["identity"].to_numpy()[nearest] == identity)
        if ranks.size:
            precisions.append(np.mean(np.arange(1, ranks.size + 1) / ranks))
    return float(np.mean(precisions))


@pytest.mark.slow
def test_a_selected_model_is_a_training_of_its_own_and_used_again(train: Train) -> None:
    last, selected, again = train(), train(selection="validation"), train(selection="validation")
    assert last.path != selected.path
    assert (selected.cached, again.cached) == (False, True)
    assert again.report == selected.report
    assert last.report.selected_epoch is None
    assert (last.description.split, selected.description.split) == ("train+val", "train")


def test_a_selected_model_is_scored_on_the_test_people(train: Train, inputs: RunInputs) -> None:
    model = train(selection="validation")
    features, _ = embeddings.features_of(model, inputs, CPU)
    rows = inputs.protocol.test_rows(inputs.dataset.images, model.description.split)
    assert set(features.table["identity"]) == people(inputs, rows)


def test_other_validation_people_are_another_training_that_scores_nothing_here(
    train: Train, inputs: RunInputs
) -> None:
    model = train(selection="validation")
    changed = replace(model, description=replace(model.description, validation="0" * 64))
    with pytest.raises(CheckpointError, match="other identities"):
        embeddings.check_training(changed, inputs)


class Overlapping:
    """A protocol that selects by people of one of the other splits."""

    def __init__(self, protocol: object, people: Sequence[int]) -> None:
        self._protocol, self._people = protocol, people

    def __getattr__(self, name: str) -> object:
        return getattr(self._protocol, name)

    def validation_trial(self, images: pd.DataFrame) -> Trial:
        rows = np.flatnonzero(images["identity"].isin(self._people))
        return Trial(query=rows, gallery=rows)


@pytest.mark.parametrize(("split", "what"), [("train", "trained on"), ("test", "tested on")])
def test_a_protocol_that_selects_by_people_of_another_split_is_refused(
    split: str,
    what: str,
    choice: MethodChoice,
    inputs: RunInputs,
    settings: TrainingSettings,
) -> None:
    overlapping = Overlapping(inputs.protocol, getattr(inputs.dataset.splits, split))
    wrong = replace(inputs, protocol=overlapping)  # type: ignore[arg-type]
    with pytest.raises(PluginError, match=rf"validates on \d+ people who are {what}"):
        trainings.train(choice, wrong, "train", replace(settings, selection="validation"))


def test_training_and_selecting_by_the_same_people_is_refused(
    choice: MethodChoice, inputs: RunInputs, settings: TrainingSettings
) -> None:
    with pytest.raises(PluginError, match="people who are trained on"):
        trainings.train(choice, inputs, "train+val", replace(settings, selection="validation"))


def test_a_dataset_without_validation_people_offers_no_selection(inputs: RunInputs) -> None:
    class Protocol:
        spec = replace(inputs.protocol.spec, validation_split=None)

    without = replace(inputs, protocol=Protocol())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no validation people; use --select last"):
        without.training_splits("validation")


def test_a_training_loop_of_its_own_keeps_its_last_model(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = trainings.build_method

    class OwnLoop:
        def __init__(self, method: object) -> None:
            self._method = method

        def __getattr__(self, name: str) -> object:
            return getattr(self._method, name)

    def build(*arguments: object, **options: object) -> OwnLoop:
        return OwnLoop(staged(*arguments, **options))  # type: ignore[arg-type]

    monkeypatch.setattr(trainings, "build_method", build)
    assert train().description.selection == "last"
    with pytest.raises(UsageError, match=r"training loop of its own.*use --select last"):
        train(selection="validation")


def test_a_training_that_was_never_validated_is_no_selected_model(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench_xiv.method.XIV.train", lambda *_: None)
    with pytest.raises(TrainingError, match="no epoch of xiv was validated"):
        train(selection="validation")
