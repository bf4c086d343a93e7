"""Features as given under a real protocol: what they score, and what keeps them from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.protocol import EvaluationProtocol
from bench_core.data.opening import open_splits
from bench_core.dropin import eval_regdb, eval_sysu
from bench_core.features.given import GivenFeatures, write_given_features
from bench_core.loading import load_protocol
from bench_core.plugins import Registry
from bench_core.scoring.feature_files import FeatureSource, open_source, score_path
from bench_core.scoring.given import bind_given
from bench_core.scoring.reranking import RerankerChoice
from bench_core.scoring.scorability import scorability
from bench_sysu.dataset import SysuMM01Reader


@pytest.fixture(scope="module")
def given(sysu_root: Path) -> GivenFeatures:
    """All infrared test images as query, and a part of the visible ones, as in tsne.mat."""
    dataset = SysuMM01Reader().read(sysu_root)
    tested = dataset.images["identity"].isin(dataset.splits.test)  # type: ignore[attr-defined]
    images = dataset.images[tested].reset_index(drop=True)
    rng = np.random.default_rng(0)
    features = rng.standard_normal((1000, 1, 8))[images["identity"]]
    features += 2 * rng.standard_normal((len(images), 1, 8))
    roles = np.where(images["modality"] == "infrared", "query", "gallery").astype(object)
    table = images[["identity", "camera"]].assign(role=roles)
    return GivenFeatures(
        features=features, table=table, metric="cosine", source=Path("pytorch_result.mat")
    )


@pytest.fixture
def protocol(registry: Registry, sysu_root: Path) -> EvaluationProtocol:
    splits = open_splits(registry.dataset("sysu-mm01"), sysu_root / "exp")
    return load_protocol(registry.protocol("sysu-all-single"), splits)


def changed(given: GivenFeatures, row: int, **values: object) -> GivenFeatures:
    table = given.table.copy()
    for name, value in values.items():
        table.loc[row, name] = value
    return replace(given, table=table)


def first(given: GivenFeatures, role: str) -> int:
    return int(np.flatnonzero(given.table["role"] == role)[0])


@pytest.mark.parametrize("rerank", [False, True])
def test_the_score_is_that_of_the_field_s_function(
    given: GivenFeatures,
    protocol: EvaluationProtocol,
    registry: Registry,
    tmp_path: Path,
    k_reciprocal: RerankerChoice,
    rerank: bool,
) -> None:
    write_given_features(tmp_path / "g.npz", given)
    source = FeatureSource(path=tmp_path / "g.npz")
    scores = score_path(
        source,
        registry.dataset("sysu-mm01"),
        protocol,
        "given",
        k_reciprocal if rerank else None,
    ).evaluation
    unit = given.features[:, 0] / np.linalg.norm(given.features[:, 0], axis=1, keepdims=True)
    query, gallery = given.rows("query"), given.rows("gallery")
    identity, camera = (given.table[name].to_numpy() for name in ("identity", "camera"))
    cmc, precision, penalty = eval_sysu(
        -unit[query] @ unit[gallery].T,
        identity[query],
        identity[gallery],
        camera[query],
        camera[gallery],
    )
    expected = {"rank-1": cmc[0], "rank-5": cmc[4], "mAP": precision, "mINP": penalty}
    found = {name: scores.mean[name] for name in expected}
    assert (found == pytest.approx(expected)) is not rerank
    assert len(scores.trials) == 1


def test_one_trial_is_scored_as_given_and_said_to_be(
    given: GivenFeatures, protocol: EvaluationProtocol, registry: Registry
) -> None:
    bound = bind_given(given, registry.dataset("sysu-mm01"), protocol, None)
    assert bound.protocol.spec.conventions == ("given",)
    assert bound.protocol.spec.num_trials == 1
    assert bound.protocol.spec.excluded_camera_pairs == protocol.spec.excluded_camera_pairs
    assert bound.protocol.training_split(0) == "train+val"
    assert bound.features.notes == (
        (
            "query and gallery are as given: pytorch_result.mat does not say which images they "
            "are, so that nothing shows whether sysu-all-single draws this gallery"
        ),
    )


def test_no_trial_is_chosen_where_all_test_the_same_people(
    given: GivenFeatures, protocol: EvaluationProtocol, registry: Registry
) -> None:
    with pytest.raises(UsageError, match=r"^--trial 3: pytorch_result\.mat holds one trial, as g"):
        bind_given(given, registry.dataset("sysu-mm01"), protocol, 2)


@pytest.mark.parametrize("role", ["query", "gallery"])
def test_a_camera_of_the_other_role_is_named(
    given: GivenFeatures, protocol: EvaluationProtocol, registry: Registry, role: str
) -> None:
    camera, known = {"query": (1, "3, 6"), "gallery": (6, "1, 2, 4, 5")}[role]
    wrong = changed(given, first(given, role), camera=camera)
    with pytest.raises(
        DataError,
        match=rf"cannot score pytorch_result\.mat as given: 1 {role} images are of cameras that "
        rf"sysu-all-single does not have, such as {camera} \(its {role} cameras are {known}\)",
    ):
        bind_given(wrong, registry.dataset("sysu-mm01"), protocol, None)


def test_queries_of_people_who_are_not_tested_are_refused(
    given: GivenFeatures, protocol: EvaluationProtocol, registry: Registry
) -> None:
    wrong = changed(given, first(given, "query"), identity=532)
    with pytest.raises(DataError, match=r"1 queries are of people whom .*, such as identity 532"):
        bind_given(wrong, registry.dataset("sysu-mm01"), protocol, None)


def test_gallery_images_of_others_stay_with_a_word(
    given: GivenFeatures, protocol: EvaluationProtocol, registry: Registry
) -> None:
    other = changed(given, first(given, "gallery"), identity=532)
    _, note = bind_given(other, registry.dataset("sysu-mm01"), protocol, None).features.notes
    assert note == (
        "1 gallery images are of people whom sysu-all-single does not test, such as identity 532: "
        "they stay, as given"
    )


def test_features_of_other_people_are_refused(
    given: GivenFeatures, protocol: EvaluationProtocol, registry: Registry
) -> None:
    others = replace(given, table=given.table.assign(identity=given.table["identity"] + 400))
    with pytest.raises(DataError, match=r"as given: \d+ test identities that .* have no image"):
        bind_given(others, registry.dataset("sysu-mm01"), protocol, None)


@pytest.mark.parametrize(
    ("is_given", "asked", "message"),
    [
        (True, "agw", r"--convention agw: .*g\.npz does not say which images it is of, so that no"),
        (False, "given", r"--convention given: .*g\.npz says which images .* use official or agw"),
        (False, "other", r"--convention other: .* use official or agw"),
    ],
)
def test_a_convention_must_be_one_of_the_features(
    given: GivenFeatures,
    protocol: EvaluationProtocol,
    registry: Registry,
    tmp_path: Path,
    is_given: bool,
    asked: str,
    message: str,
) -> None:
    if is_given:
        write_given_features(tmp_path / "g.npz", given)
    else:
        columns = {"identity": [1], "camera": [1], "index": [0], "modality": ["visible"]}
        np.savez(tmp_path / "g.npz", features=np.ones((1, 2)), **columns)  # type: ignore[arg-type]
    source = FeatureSource(path=tmp_path / "g.npz")
    opened = open_source(source, registry.dataset("sysu-mm01"), protocol)
    assert opened.is_given is is_given
    default = "given" if is_given else "official"
    assert opened.resolve_convention(None) == opened.resolve_convention(default) == default
    with pytest.raises(UsageError, match=message):
        opened.resolve_convention(asked)


@pytest.fixture
def regdb(registry: Registry, tiny_people: object) -> EvaluationProtocol:
    splits = open_splits(registry.dataset("regdb"), tiny_people("regdb"))  # type: ignore[operator]
    return load_protocol(registry.protocol("regdb-visible-to-thermal"), splits)


def test_where_each_trial_has_people_of_its_own_the_trial_is_named(
    regdb: EvaluationProtocol, registry: Registry, tiny_people: object, tmp_path: Path
) -> None:
    images: pd.DataFrame = regdb._splits.images  # type: ignore[attr-defined]
    images = images.iloc[regdb.test_rows(images, "trial-3")].reset_index(drop=True)
    features = np.random.default_rng(0).standard_normal((len(images), 1, 4))
    roles = np.where(images["modality"] == "visible", "query", "gallery").astype(object)
    table = images[["identity", "camera"]].assign(role=roles)
    given = GivenFeatures(features=features, table=table, metric="euclidean")
    write_given_features(tmp_path / "g.npz", given)
    spec = registry.dataset("regdb")
    with pytest.raises(UsageError, match=r"g\.npz: regdb-visible-to-thermal trains .* --trial N"):
        open_source(FeatureSource(path=tmp_path / "g.npz"), spec, regdb)
    with pytest.raises(UsageError, match=r"tests people of its own, .* give --trial N"):
        bind_given(given, spec, regdb, None)
    opened = open_source(FeatureSource(path=tmp_path / "g.npz", trial=2), spec, regdb)
    scores = opened.score("given")
    assert "the model was trained on trial-3: g.npz does not say on what" in scores.assumptions
    query, gallery = given.rows("query"), given.rows("gallery")
    identity = table["identity"].to_numpy()
    distances = np.linalg.norm(features[query] - features[gallery, 0], axis=2)
    cmc, precision, _ = eval_regdb(distances, identity[query], identity[gallery])
    assert scores.evaluation.mean["rank-1"] == pytest.approx(cmc[0])
    assert scores.evaluation.mean["mAP"] == pytest.approx(precision)


def test_features_as_given_are_scored_a_trial_at_a_time(
    given: GivenFeatures, regdb: EvaluationProtocol, registry: Registry, tmp_path: Path
) -> None:
    for number in range(1, 11):
        write_given_features(tmp_path / f"trial-{number}.npz", given)
    with pytest.raises(UsageError, match=r"scored a trial at a time; name one file, with --trial"):
        open_source(FeatureSource(path=tmp_path), registry.dataset("regdb"), regdb)


def test_protocols_are_told_with_and_without_split_files(
    given: GivenFeatures, registry: Registry, sysu_root: Path
) -> None:
    dataset = registry.dataset("sysu-mm01")
    splits = open_splits(dataset, sysu_root / "exp")
    stranger = changed(given, first(given, "query"), identity=532)
    fits, other = (registry.protocol(f"sysu-{name}-single") for name in ("all", "indoor"))
    told = scorability(given, fits, dataset, splits)
    assert (told.conventions, told.missing, told.checked) == (("given",), "", True)
    told = scorability(stranger, fits, dataset, None)
    assert (told.conventions, told.missing, told.checked) == (("given",), "", False)
    told = scorability(stranger, fits, dataset, splits)
    assert told.conventions == ()
    assert "such as identity 532" in told.missing
    for at_hand in (None, splits):
        told = scorability(given, other, dataset, at_hand)
        assert told.conventions == ()
        assert "(its gallery cameras are 1, 2)" in told.missing
