"""From camera to camera, and who is taken for whom: by hand, over trials."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.protocol import ProtocolSpec, Trial
from bench_core.features.table import FeatureTable
from bench_core.reports.camera_pairs import CameraPair, Confusion, SearchTally
from bench_core.reports.search import Search

SPEC = ProtocolSpec(
    id="toy",
    dataset="toy",
    title="Toy",
    query_modality="infrared",
    gallery_modality="visible",
    cmc="image",
    excluded_camera_pairs=((3, 2),),
    conventions=("official",),
    definition="toy:Toy",
)
IDENTITY = [1, 2, 1, 1, 2, 2, 1]
CAMERA = [3, 3, 6, 1, 1, 2, 2]
PLACES = (0.0, 9.0, 8.0, 1.0, 7.0, 6.0, 2.0)
"""Of each image on a line: three queries, then the gallery."""


@pytest.fixture
def features() -> FeatureTable:
    table = pd.DataFrame(
        {
            "identity": IDENTITY,
            "camera": CAMERA,
            "modality": ["infrared"] * 3 + ["visible"] * 4,
            "index": 0,
        }
    )
    return FeatureTable(
        features=np.array(PLACES).reshape(-1, 1, 1), table=table, metric="euclidean"
    )


def tally_of(features: FeatureTable, *galleries: list[int]) -> SearchTally:
    tally = SearchTally()
    for gallery in galleries:
        trial = Trial(np.array([0, 1, 2]), np.array(gallery))
        tally.add(Search.of(features, trial, SPEC))
    return tally


def test_a_gallery_has_the_images_of_one_camera_alone(features: FeatureTable) -> None:
    pairs = tally_of(features, [3, 4, 5, 6]).camera_pairs()
    assert pairs == {
        (3, 1): CameraPair(3, 1, 2, 1, 1),  # both queries of camera 3 find their own first
        (3, 2): None,
        (6, 1): CameraPair(6, 1, 1, 0, 0.5),  # 8 is nearer to 7, of another person, than to 1
        (6, 2): CameraPair(6, 2, 1, 0, 0.5),
    }


def test_cameras_that_never_meet_are_told_from_those_without_a_match(
    features: FeatureTable,
) -> None:
    tally = tally_of(features, [3, 4, 5])
    assert tally.apart == {(3, 2)}
    assert tally.camera_pairs()[6, 2] is None  # its person has no image there


def test_trials_are_averaged_over_those_that_have_a_match(features: FeatureTable) -> None:
    pairs = tally_of(features, [3, 4], [3], [5]).camera_pairs()
    assert pairs[6, 1] == CameraPair(6, 1, 1, 0.5, 0.75)
    assert pairs[3, 1] == CameraPair(3, 1, 1.5, 1, 1)


def test_who_is_taken_for_whom_is_counted_over_trials(features: FeatureTable) -> None:
    tally = tally_of(features, [3, 4, 5, 6], [3, 4, 5, 6])
    assert tally.confusions(9) == [Confusion(1, 2, times=2, of=4, examples=((2, 4),))]
    assert (tally.times(1, 2), tally.times(2, 1)) == (2, 0)
    assert tally.confusions(0) == []


def test_a_query_without_a_match_takes_nobody_for_another(features: FeatureTable) -> None:
    tally = tally_of(features, [4])  # of person 2 alone
    assert tally.confusions(9) == []


def test_the_most_frequent_come_first(features: FeatureTable) -> None:
    tally = tally_of(features, [3, 4], [3, 4], [5, 6, 3])
    assert [(one.person, one.taken_for, one.times) for one in tally.confusions(9)] == [(1, 2, 3)]
