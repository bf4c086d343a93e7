"""Which reader a path of features gets, and which files a protocol asks a path for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.protocol import ProtocolSpec, Trial
from bench_core.features.table import FeatureTable, write_features
from bench_core.scoring.feature_files import FeatureSource, open_features, score_path
from bench_core.scoring.reranking import RerankerChoice
from bench_core.scoring.score import ProtocolScores, score

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from bench_core.contracts.protocol import Convention

SPLITS = ("one", "two", "three")


def dataset(**changes: object) -> DatasetSpec:
    fields = {
        "id": "toy", "title": "Toy", "paper": "P", "source": "S", "synthetic": None,
        "reader": "m:R",
    }  # fmt: skip
    return DatasetSpec(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_folder_needs_cameras_of_one_modality(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is a folder: cameras of Toy see both .* give an \.npz"):
        open_features(dataset(), FeatureSource(path=tmp_path))


def test_a_folder_is_read_as_the_official_layout(tmp_path: Path) -> None:
    spec = dataset(camera_modalities={1: "visible", 2: "infrared"})
    with pytest.raises(DataError, match=r"expected NAME_cam1\.mat, NAME_cam2\.mat$"):
        open_features(spec, FeatureSource(path=tmp_path))


def test_anything_else_is_read_as_npz(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*none\.npz: No such file"):
        open_features(dataset(), FeatureSource(path=tmp_path / "none.npz"))


class OneModel:
    """In trial t (from 0) every infrared row queries the first t + 6 visible ones."""

    spec = ProtocolSpec(
        id="toy-search", dataset="toy", title="Toy", query_modality="infrared",
        gallery_modality="visible", cmc="identity", num_trials=3, conventions=("official",),
        definition="toy:Toy",
    )  # fmt: skip

    def training_split(self, trial: int) -> str:
        return "all"

    def training_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        raise NotImplementedError

    def test_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        raise NotImplementedError

    def trial(self, images: pd.DataFrame, convention: Convention, trial: int) -> Trial:
        query, gallery = (
            np.flatnonzero(images["modality"] == modality) for modality in ("infrared", "visible")
        )
        return Trial(query=query, gallery=gallery[: trial + 6])


class ModelOfEachTrial(OneModel):
    def training_split(self, trial: int) -> str:
        return SPLITS[trial]

    def assumptions(self) -> tuple[str, ...]:
        return ("the lists are those of the authors",)


def assert_same_scores(actual: ProtocolScores, expected: ProtocolScores) -> None:
    documents = (json.dumps(scores.as_document()) for scores in (actual, expected))
    assert len(set(documents)) == 1


@pytest.fixture
def models(features: FeatureTable, tmp_path: Path) -> dict[str, FeatureTable]:
    """Write features of a model for each split, the last of which does not say on which."""
    turned = {
        name: replace(features, features=np.roll(features.features, number, 0), training_split=name)
        for number, name in enumerate(SPLITS)
    }
    turned["three"] = replace(turned["three"], training_split=None)
    for name, table in turned.items():
        write_features(tmp_path / f"{name}.npz", table)
    return turned


@pytest.mark.parametrize("rerank", [False, True])
@pytest.mark.parametrize("trial", [None, 0, 2])
def test_one_file_serves_all_trials_of_one_model(
    trial: int | None,
    rerank: bool,
    features: FeatureTable,
    tmp_path: Path,
    k_reciprocal: RerankerChoice,
) -> None:
    write_features(tmp_path / "a.npz", features)
    source = FeatureSource(path=tmp_path / "a.npz", trial=trial)
    reranker = k_reciprocal if rerank else None
    actual = score_path(source, dataset(), OneModel(), "official", reranker)
    trials = None if trial is None else [trial]
    expected = score({"all": features}, OneModel(), "official", trials=trials, reranker=reranker)
    assert_same_scores(actual, expected)
    assert actual.assumptions == ()
    default = score_path(source, dataset(), OneModel(), "official")
    assert (default.as_document() == actual.as_document()) is not rerank


def test_the_folder_of_a_single_model_has_a_file_of_each_camera(tmp_path: Path) -> None:
    spec = dataset(camera_modalities={1: "visible", 2: "infrared"})
    with pytest.raises(DataError, match=r"expected NAME_cam1\.mat, NAME_cam2\.mat$"):
        score_path(FeatureSource(path=tmp_path), spec, OneModel(), "official")


def test_a_metric_that_contradicts_the_file_is_refused(
    features: FeatureTable, tmp_path: Path
) -> None:
    write_features(tmp_path / "a.npz", features)
    source = FeatureSource(path=tmp_path / "a.npz", metric="euclidean")
    with pytest.raises(UsageError, match="--metric euclidean contradicts"):
        score_path(source, dataset(), OneModel(), "official")


def test_a_folder_has_a_file_for_each_model(
    models: dict[str, FeatureTable], tmp_path: Path
) -> None:
    protocol, source = ModelOfEachTrial(), FeatureSource(path=tmp_path)
    scores = score_path(source, dataset(), protocol, "official")
    assert_same_scores(scores, score(models, protocol, "official"))
    stated, unproven = scores.assumptions
    assert stated == "the lists are those of the authors"
    assert "three.npz does not say" in unproven


@pytest.mark.parametrize(("trial", "name"), [(0, "one.npz"), (1, ""), (1, "two.npz")])
def test_one_trial_needs_the_model_of_its_split_alone(
    trial: int, name: str, models: dict[str, FeatureTable], tmp_path: Path
) -> None:
    protocol, source = ModelOfEachTrial(), FeatureSource(path=tmp_path / name, trial=trial)
    (tmp_path / "three.npz").unlink()
    scores = score_path(source, dataset(), protocol, "official")
    assert_same_scores(scores, score(models, protocol, "official", trials=[trial]))


def test_missing_files_are_counted(models: dict[str, FeatureTable], tmp_path: Path) -> None:
    for name in ("one", "three"):
        (tmp_path / f"{name}.npz").unlink()
    with pytest.raises(
        DataError,
        match=r"/one\.npz is missing \(2 of 3 files are\): .* hold one\.npz to three\.npz, each",
    ):
        score_path(FeatureSource(path=tmp_path), dataset(), ModelOfEachTrial(), "official")


def test_one_file_is_no_model_for_each_split(
    models: dict[str, FeatureTable], tmp_path: Path
) -> None:
    source = FeatureSource(path=tmp_path / "one.npz")
    with pytest.raises(
        UsageError,
        match=r"--features .*one\.npz: toy-search .* with one\.npz to three",
    ):
        score_path(source, dataset(), ModelOfEachTrial(), "official")


@pytest.mark.parametrize("trial", [-1, 3])
def test_a_trial_that_is_none_of_the_protocol_is_refused(trial: int, tmp_path: Path) -> None:
    source = FeatureSource(path=tmp_path / "a.npz", trial=trial)
    with pytest.raises(UsageError, match=rf"^--trial {trial + 1}: toy-search has trials 1 to 3$"):
        score_path(source, dataset(), OneModel(), "official")


def test_a_folder_that_cannot_be_looked_into_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "exists", refuse)
        with pytest.raises(DataError, match=r"^cannot read .*one\.npz: Permission denied$"):
            score_path(FeatureSource(path=tmp_path), dataset(), ModelOfEachTrial(), "official")
