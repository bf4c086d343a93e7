"""What is shown of a trial is what was scored: who may meet, what is nearest, what is right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench_core.contracts.protocol import ProtocolSpec, Trial
from bench_core.features.table import FeatureTable
from bench_core.reports.search import Search, share_nearer
from bench_core.scoring.reranking import RerankerChoice

SPEC = ProtocolSpec(
    id="toy",
    dataset="toy",
    title="Toy",
    query_modality="infrared",
    gallery_modality="visible",
    cmc="image",
    excluded_camera_pairs=((3, 2),),
    excluded_match_camera_pairs=((3, 4),),
    conventions=("official",),
    definition="toy:Toy",
)
TABLE = pd.DataFrame(
    {
        "identity": [1, 2, 3, 1, 1, 2, 2, 3],
        "camera": [3, 3, 3, 1, 2, 1, 4, 1],
        "modality": ["infrared"] * 3 + ["visible"] * 5,
        "index": [0, 0, 0, 0, 0, 0, 0, 0],
    }
)
PLACES = (0.0, 10.0, 20.0, 4.0, 1.0, 9.0, 10.5, 6.0)
"""Of each image on a line: its feature."""
QUERY, GALLERY = np.array([0, 1, 2]), np.array([3, 4, 5, 6, 7])


@pytest.fixture
def search() -> Search:
    features = np.array(PLACES).reshape(-1, 1, 1)
    table = FeatureTable(features=features, table=TABLE, metric="euclidean")
    return Search.of(table, Trial(QUERY, GALLERY), SPEC)


def test_images_of_an_excluded_camera_are_met_by_nobody(search: Search) -> None:
    assert search.meets[:, 1].tolist() == [False, False, False]


def test_own_images_alone_are_excluded_by_pairs_of_matches(search: Search) -> None:
    assert search.meets[:, 3].tolist() == [True, False, True]


def test_a_list_has_the_nearest_first_and_only_what_the_query_meets(search: Search) -> None:
    worst = search.extremes(1, best=False)[0]
    assert worst.row == 2
    assert worst.nearest.tolist() == [6, 5, 7, 3]
    assert worst.correct.tolist() == [False, False, True, False]
    assert worst.average_precision == pytest.approx(1 / 3)


def test_the_best_come_best_first(search: Search) -> None:
    assert [found.average_precision for found in search.extremes(3, best=True)] == [1, 1, 1 / 3]
    assert [found.average_precision for found in search.extremes(3, best=False)] == [1 / 3, 1, 1]


def test_each_person_is_shown_once_and_queries_without_a_match_never() -> None:
    identity = [1, 1, 1, 2, 9, 1, 2]
    table = pd.DataFrame(
        {
            "identity": identity,
            "camera": 1,
            "modality": ["infrared"] * 5 + ["visible"] * 2,
            "index": range(7),
        }
    )
    features = FeatureTable(
        features=np.arange(7.0).reshape(-1, 1, 1), table=table, metric="euclidean"
    )
    drawn = Search.of(features, Trial(np.arange(5), np.array([5, 6])), SPEC)
    shown = [identity[found.row] for found in drawn.extremes(9, best=True)]
    assert sorted(shown) == [1, 2]


def test_pairs_are_of_one_person_or_of_two(search: Search) -> None:
    matches, others = search.pair_distances()
    assert sorted(matches) == [1, 4, 14]
    assert len(matches) + len(others) == search.meets.sum()


def test_re_ranked_distances_are_another_order_of_the_same_images(
    search: Search, k_reciprocal: RerankerChoice
) -> None:
    again = Search.of(search.features, search.trial, SPEC, k_reciprocal)
    assert not np.array_equal(again.distances, search.distances)
    assert set(again.extremes(1, best=True)[0].nearest) <= set(GALLERY)


VALUES = arrays(np.float64, st.integers(1, 8), elements=st.sampled_from([0.0, 1.0, 2.0, 3.0]))


@given(matches=VALUES, others=VALUES)
def test_the_share_nearer_is_that_of_all_pairs(
    matches: np.ndarray[tuple[int], np.dtype[np.float64]],
    others: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    gaps = others[np.newaxis] - matches[:, np.newaxis]
    assert share_nearer(matches, others) == pytest.approx(
        (gaps > 0).mean() + (gaps == 0).mean() / 2
    )
