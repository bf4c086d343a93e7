"""The analysis protocols: each modality against each, worked by hand on a small tree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bench_sysu
from bench_core import UsageError
from bench_core.features.table import FeatureTable
from bench_core.scoring.score import score
from bench_sysu.dataset import SysuMM01Reader
from bench_sysu.protocols import SysuProtocol
from bench_sysu.splits import SysuSplits

SPECS = {spec.id: spec for spec in bench_sysu.bench_register_protocols()}
ANALYSIS = ("sysu-rgb-to-rgb", "sysu-ir-to-ir", "sysu-rgb-to-ir", "sysu-ir-to-rgb")
VISIBLE, INFRARED = {1, 2, 4, 5}, {3, 6}

# Where each identity lies on a line, in the visible cameras and in the two infrared ones.
IN_VISIBLE = {3: 2.0, 5: 1.4, 7: 9.4}
IN_INFRARED = {3: {3: 0.0, 7: 10.0}, 6: {3: 6.0, 5: 1.0, 7: 9.0}}


@pytest.fixture
def splits(root: Path) -> SysuSplits:
    return SysuMM01Reader().read_splits(root)


@pytest.fixture
def features(table: pd.DataFrame) -> FeatureTable:
    """All images of a camera and identity at one place, so that no draw matters."""
    tested = table[table["identity"].isin([3, 5, 7])].reset_index(drop=True)
    places = [
        IN_INFRARED.get(camera, IN_VISIBLE)[identity]
        for camera, identity in zip(tested["camera"], tested["identity"], strict=True)
    ]
    return FeatureTable(
        features=np.array(places).reshape(-1, 1, 1), table=tested, metric="euclidean"
    )


@pytest.mark.parametrize(
    ("id_", "query_cameras", "gallery_cameras", "excluded"),
    [
        ("sysu-rgb-to-rgb", VISIBLE, VISIBLE, {(1, 1), (2, 2), (4, 4), (5, 5)}),
        ("sysu-ir-to-ir", INFRARED, INFRARED, {(3, 3), (6, 6)}),
        ("sysu-rgb-to-ir", VISIBLE, INFRARED, {(2, 3)}),
        ("sysu-ir-to-rgb", INFRARED, VISIBLE, {(3, 2)}),
    ],
)
def test_cameras_and_those_that_may_not_meet(
    table: pd.DataFrame,
    splits: SysuSplits,
    id_: str,
    query_cameras: set[int],
    gallery_cameras: set[int],
    excluded: set[tuple[int, int]],
) -> None:
    spec = SPECS[id_]
    assert set(spec.excluded_camera_pairs) == excluded
    assert set(spec.query_cameras) == query_cameras
    assert set(spec.gallery_cameras) == gallery_cameras
    assert (spec.cmc, spec.num_trials, spec.dataset) == ("identity", 10, "sysu-mm01")
    trial = SysuProtocol(spec, splits).trial(table, "official", 0)
    for rows, cameras, modality in (
        (trial.query, query_cameras, spec.query_modality),
        (trial.gallery, gallery_cameras, spec.gallery_modality),
    ):
        assert set(table["camera"].iloc[rows]) == cameras
        assert set(table["modality"].iloc[rows]) == {modality}
        assert set(table["identity"].iloc[rows]) == {3, 5, 7}


def test_queries_are_all_images_and_the_gallery_one_of_each_folder(
    table: pd.DataFrame, splits: SysuSplits
) -> None:
    tested = table[table["identity"].isin([3, 5, 7])]
    permutations = splits.official_permutations()
    for number in (0, 9):
        trial = SysuProtocol(SPECS["sysu-rgb-to-ir"], splits).trial(table, "official", number)
        assert len(trial.query) == tested["camera"].isin(VISIBLE).sum() == 36
        drawn = table.iloc[trial.gallery]
        assert list(zip(drawn["camera"], drawn["identity"], drawn["index"] + 1, strict=True)) == [
            (camera, identity, permutations[camera, identity][number, 0])
            for camera, identity in ((3, 3), (3, 7), (6, 3), (6, 5), (6, 7))
        ]


def test_infrared_to_visible_is_all_search_single_shot(
    table: pd.DataFrame, splits: SysuSplits
) -> None:
    for convention in ("official", "agw"):
        own, standard = (
            SysuProtocol(SPECS[id_], splits).trial(table, convention, 4)  # type: ignore[arg-type]
            for id_ in ("sysu-ir-to-rgb", "sysu-all-single")
        )
        np.testing.assert_array_equal(own.query, standard.query)
        np.testing.assert_array_equal(own.gallery, standard.gallery)


def test_agw_draws_the_visible_gallery_of_all_search(
    table: pd.DataFrame, splits: SysuSplits
) -> None:
    own, standard = (
        SysuProtocol(SPECS[id_], splits).trial(table, "agw", 4).gallery
        for id_ in ("sysu-rgb-to-rgb", "sysu-all-single")
    )
    np.testing.assert_array_equal(own, standard)


@pytest.mark.parametrize("id_", ["sysu-ir-to-ir", "sysu-rgb-to-ir"])
def test_agw_defines_no_infrared_gallery(table: pd.DataFrame, splits: SysuSplits, id_: str) -> None:
    assert SPECS[id_].conventions == ("official",)
    with pytest.raises(UsageError, match="does not define the convention 'agw'; use official"):
        SysuProtocol(SPECS[id_], splits).trial(table, "agw", 0)


def test_infrared_to_infrared_by_hand(features: FeatureTable, splits: SysuSplits) -> None:
    """Camera 3 finds 3 behind 5 (twice) and 7 (twice); camera 6 finds 3 behind 7 (twice), 7."""
    protocol = SysuProtocol(SPECS["sysu-ir-to-ir"], splits)
    result = score({"train+val": features}, protocol, "official").evaluation
    document = result.as_document()
    # Identity 5 was never seen by camera 3: its three images in camera 6 have no match.
    assert (document["queries"], document["valid_queries"]) == (11, 8)
    assert document["gallery"] == [5] * 10
    assert result.mean["rank-1"] == 0.5
    assert result.mean["rank-5"] == 1
    assert result.mean["mAP"] == result.mean["mINP"] == 0.75


def test_visible_to_infrared_by_hand(features: FeatureTable, splits: SysuSplits) -> None:
    """5 and 7 are found at once; 3 lies behind 5, with two matches unless camera 2 asks."""
    protocol = SysuProtocol(SPECS["sysu-rgb-to-ir"], splits)
    result = score({"train+val": features}, protocol, "official").evaluation
    document = result.as_document()
    assert (document["queries"], document["valid_queries"]) == (36, 36)
    assert result.mean["rank-1"] == pytest.approx(26 / 36)
    assert result.mean["rank-5"] == 1
    assert result.mean["mAP"] == pytest.approx((26 + 8 * (1 / 2 + 2 / 3) / 2 + 2 * 1 / 2) / 36)
    assert result.mean["mINP"] == pytest.approx((26 + 8 * 2 / 3 + 2 * 1 / 2) / 36)


def test_visible_to_visible_by_hand(table: pd.DataFrame, splits: SysuSplits) -> None:
    """Features that tell every image from every other alike: only an image itself is nearer.

    No query meets its own image, so all distances tie and rank in gallery order: whatever the
    camera, 3 comes first, then 5, then 7.
    """
    tested = table[table["identity"].isin([3, 5, 7])].reset_index(drop=True)
    features = FeatureTable(
        features=np.eye(len(tested))[:, np.newaxis], table=tested, metric="euclidean"
    )
    protocol = SysuProtocol(SPECS["sysu-rgb-to-rgb"], splits)
    result = score({"train+val": features}, protocol, "official").evaluation
    document = result.as_document()
    assert (document["queries"], document["valid_queries"]) == (36, 36)
    assert document["gallery"] == [11] * 10
    (curve,) = {tuple(trial["cmc"][:4]) for trial in document["trials"]}
    assert curve == pytest.approx((10 / 36, 19 / 36, 1, 1))
