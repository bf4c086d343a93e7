"""Queries, gallery and training rows of a trial, and what a model may not be scored on."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bench_regdb
from bench_core import DataError, UsageError
from bench_core.datasets import Dataset, Splits
from bench_core.features.table import FeatureTable
from bench_core.scoring.score import score
from bench_regdb.dataset import RegdbReader
from bench_regdb.protocols import RegdbProtocol

SPECS = {spec.id: spec for spec in bench_regdb.bench_register_protocols()}


def protocol(splits: Splits, id_: str = "regdb-visible-to-thermal") -> RegdbProtocol:
    return RegdbProtocol(SPECS[id_], splits)  # type: ignore[arg-type]  # of its own reader


@pytest.fixture
def dataset(shared_root: Path) -> Dataset:
    return RegdbReader().read(shared_root)


def listed(dataset: Dataset, name: str) -> list[str]:
    lines = (dataset.root / "idx" / name).read_text().splitlines()
    return [line.split()[0] for line in lines]


def features_of(dataset: Dataset, split: str | None = None) -> FeatureTable:
    """Return perfect features: a person is a direction."""
    images = dataset.images.drop(columns="path").sample(frac=1, random_state=1, ignore_index=True)
    return FeatureTable(
        features=np.eye(500, dtype=np.float32)[images["identity"]][:, np.newaxis],
        table=images,
        metric="euclidean",
        training_split=split,
    )


@pytest.mark.parametrize(
    ("id_", "query", "gallery"),
    [
        ("regdb-visible-to-thermal", "visible", "thermal"),
        ("regdb-thermal-to-visible", "thermal", "visible"),
    ],
)
def test_all_test_images_of_one_modality_search_all_those_of_the_other(
    dataset: Dataset, id_: str, query: str, gallery: str
) -> None:
    paths = dataset.images["path"]
    for number in range(10):
        trial = protocol(dataset.splits, id_).trial(dataset.images, "official", number)
        assert paths.iloc[trial.query].tolist() == listed(dataset, f"test_{query}_{number + 1}.txt")
        expected = listed(dataset, f"test_{gallery}_{number + 1}.txt")
        assert paths.iloc[trial.gallery].tolist() == expected
        assert trial.query.dtype == trial.gallery.dtype == np.int64


def test_each_trial_trains_on_its_own_split_in_both_modalities(dataset: Dataset) -> None:
    subject = protocol(dataset.splits)
    splits = [subject.training_split(number) for number in range(10)]
    assert splits == [f"trial-{number}" for number in range(1, 11)]
    for number, split in enumerate(splits, start=1):
        rows = subject.training_rows(dataset.images, split)
        expected = [
            path
            for kind in ("visible", "thermal")
            for path in listed(dataset, f"train_{kind}_{number}.txt")
        ]
        assert dataset.images["path"].iloc[rows].tolist() == sorted(expected)


def test_both_directions_train_on_and_are_tested_on_the_same_rows(dataset: Dataset) -> None:
    one, other = (protocol(dataset.splits, id_) for id_ in SPECS)
    for split in ("trial-1", "trial-7"):
        for name in ("training_rows", "test_rows"):
            rows = [
                getattr(subject, name)(dataset.images, split).tolist() for subject in (one, other)
            ]
            assert rows[0] == rows[1]


def test_test_rows_are_those_of_the_trial_and_hold_nobody_who_trained(dataset: Dataset) -> None:
    subject = protocol(dataset.splits)
    identity = dataset.images["identity"].to_numpy()
    for number in range(10):
        split = subject.training_split(number)
        tested = subject.test_rows(dataset.images, split)
        trial = subject.trial(dataset.images, "official", number)
        assert sorted([*trial.query, *trial.gallery]) == tested.tolist()
        trained = subject.training_rows(dataset.images, split)
        assert not set(identity[tested]) & set(identity[trained])


def test_trials_are_found_in_features_by_their_images(dataset: Dataset) -> None:
    features = features_of(dataset)
    trial = protocol(dataset.splits).trial(features.table, "official", 4)
    expected = dataset.images.iloc[
        protocol(dataset.splits).trial(dataset.images, "official", 4).query
    ]
    found = features.table.iloc[trial.query]
    pd.testing.assert_frame_equal(
        found.reset_index(drop=True), expected.drop(columns="path").reset_index(drop=True)
    )


def test_a_missing_image_is_named(dataset: Dataset) -> None:
    lacking = dataset.images[dataset.images["identity"] != 412]
    lists = {number: listed(dataset, f"test_visible_{number}.txt") for number in range(1, 11)}
    number = next(number for number, paths in lists.items() if "/412/" in "".join(paths))
    message = (
        rf"2 of the 6 images of test_visible_{number}\.txt are missing, the first is identity 412, "
        r"camera 1 \(visible\), index 0"
    )
    with pytest.raises(DataError, match=message):
        protocol(dataset.splits).trial(lacking, "official", number - 1)


def test_a_missing_training_image_is_named(dataset: Dataset) -> None:
    first = listed(dataset, "train_visible_3.txt")[0]
    lacking = dataset.images[dataset.images["path"] != first]
    with pytest.raises(DataError, match=r"1 of the \d+ images of trial 3 training are missing"):
        protocol(dataset.splits).training_rows(lacking, "trial-3")


@pytest.mark.parametrize("rows_of", ["training_rows", "test_rows"])
def test_rows_of_a_split_rise_whatever_the_order_of_the_images(
    dataset: Dataset, rows_of: str
) -> None:
    shuffled = dataset.images.sample(frac=1, random_state=3, ignore_index=True)
    rows, expected = (
        getattr(protocol(dataset.splits), rows_of)(images, "trial-2")
        for images in (shuffled, dataset.images)
    )
    assert rows.tolist() == sorted(rows)
    assert set(shuffled["path"].iloc[rows]) == set(dataset.images["path"].iloc[expected])


@pytest.mark.parametrize("number", [-1, 10])
def test_trials_count_from_0_to_9(dataset: Dataset, number: int) -> None:
    for ask in (
        protocol(dataset.splits).training_split,
        lambda trial: protocol(dataset.splits).trial(dataset.images, "official", trial),
    ):
        with pytest.raises(UsageError, match=f"has trials 0 to 9, not {number}"):
            ask(number)


def test_there_is_no_other_convention(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match=r"does not define the convention 'agw'.*use official"):
        protocol(dataset.splits).trial(dataset.images, "agw", 0)


def test_an_unknown_split_is_named_with_the_known(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match=r"unknown training split 'trial-11'.*trial-1, trial-2"):
        protocol(dataset.splits).test_rows(dataset.images, "trial-11")


# What a model may not be scored on


def test_features_are_scored_on_the_trial_of_their_model_alone(dataset: Dataset) -> None:
    features = features_of(dataset, "trial-3")
    subject = protocol(dataset.splits)
    scores = score({"trial-3": features}, subject, "official", trials=[2])
    assert scores.evaluation.mean["mAP"] == 1
    message = (
        "model trained on 'trial-3', but trial 5 of regdb-visible-to-thermal needs one trained on "
        "'trial-5': the model may have been trained on the very people that this trial tests"
    )
    with pytest.raises(DataError, match=re.escape(message)):
        score({"trial-5": features}, subject, "official", trials=[4])


def test_no_features_are_scored_on_all_trials_at_once(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match=r"trial 4 of regdb-.* trained on 'trial-4'.*'trial-3'"):
        features = {"trial-3": features_of(dataset)}
        score(features, protocol(dataset.splits), "official", trials=[2, 3])
