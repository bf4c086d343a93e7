"""Ranking, CMC, mAP and mINP of one trial, against a reference written for clarity."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.contracts.errors import DataError
from bench_core.evaluation.ranking import score_queries
from bench_core.evaluation.summary import TrialScore, average_queries

NUM_RANKS = 20
SAME_ROOM = ((3, 2),)


class Case(NamedTuple):
    """One trial as arrays."""

    distances: np.ndarray
    query_identity: np.ndarray
    query_camera: np.ndarray
    gallery_identity: np.ndarray
    gallery_camera: np.ndarray

    def score(self, cmc: str = "identity", num_ranks: int = NUM_RANKS) -> TrialScore:
        queries = score_queries(
            self.distances,
            query_identity=self.query_identity,
            query_camera=self.query_camera,
            gallery_identity=self.gallery_identity,
            gallery_camera=self.gallery_camera,
            excluded_camera_pairs=SAME_ROOM,
            cmc=cmc,  # type: ignore[arg-type]
        )
        return average_queries(queries, num_gallery=len(self.gallery_identity), num_ranks=num_ranks)

    def with_gallery(self, columns: list[int]) -> Case:
        return self._replace(
            distances=self.distances[:, columns],
            gallery_identity=self.gallery_identity[columns],
            gallery_camera=self.gallery_camera[columns],
        )


def make_case(
    distances: list[list[float]],
    query: list[tuple[int, int]],
    gallery: list[tuple[int, int]],
) -> Case:
    """Build a case from distances and (identity, camera) of each query and gallery image."""
    labels = [np.array(part, dtype=np.int64).reshape(-1, 2) for part in (query, gallery)]
    return Case(
        np.array(distances, dtype=np.float64).reshape(len(query), len(gallery)),
        labels[0][:, 0],
        labels[0][:, 1],
        labels[1][:, 0],
        labels[1][:, 1],
    )


def reference(case: Case, cmc: str) -> dict[str, Any] | None:
    """Score a trial one query at a time; None where no query has a match."""
    curves, precisions, penalties = [], [], []
    for row, identity in enumerate(case.query_identity):
        allowed = [
            column
            for column in range(len(case.gallery_identity))
            if (case.query_camera[row], case.gallery_camera[column]) not in SAME_ROOM
        ]
        # sorted() is stable: equal distances stay in gallery order.
        ranked = sorted(allowed, key=lambda column: case.distances[row, column])
        found = [int(case.gallery_identity[column]) for column in ranked]
        ranks = [rank for rank, other in enumerate(found, start=1) if other == identity]
        if not ranks:
            continue
        precisions.append(sum(k / rank for k, rank in enumerate(ranks, start=1)) / len(ranks))
        penalties.append(len(ranks) / ranks[-1])
        listed = list(dict.fromkeys(found)) if cmc == "identity" else found
        first = listed.index(int(identity)) + 1
        curves.append([float(rank >= first) for rank in range(1, NUM_RANKS + 1)])
    if not curves:
        return None
    return {
        "cmc": [sum(column) / len(curves) for column in zip(*curves, strict=True)],
        "mAP": sum(precisions) / len(precisions),
        "mINP": sum(penalties) / len(penalties),
        "valid": len(curves),
    }


@st.composite
def cases(draw: st.DrawFn, *, ties: bool = True) -> Case:
    """Draw identities, cameras, shots and distances; with `ties`, distances coincide often."""
    queries = draw(
        st.lists(st.tuples(st.integers(1, 6), st.sampled_from([3, 6])), min_size=1, max_size=6)
    )
    gallery = draw(
        st.lists(
            st.tuples(st.integers(1, 7), st.sampled_from([1, 2, 4, 5])), min_size=1, max_size=30
        )
    )
    num_distances = len(queries) * len(gallery)
    if ties:
        values = draw(st.lists(st.integers(0, 5), min_size=num_distances, max_size=num_distances))
    else:
        values = draw(st.permutations(range(num_distances)))
    rows = np.array(values, dtype=np.float64).reshape(len(queries), len(gallery)) / 4
    return make_case(rows.tolist(), queries, gallery)


def has_valid_query(case: Case) -> bool:
    return reference(case, "image") is not None


def assert_same(actual: TrialScore, expected: TrialScore) -> None:
    np.testing.assert_array_equal(actual.cmc, expected.cmc)
    assert actual.mean_average_precision == expected.mean_average_precision
    assert actual.mean_inverse_negative_penalty == expected.mean_inverse_negative_penalty


@pytest.mark.parametrize("cmc", ["identity", "image"])
@settings(max_examples=150)
@given(case=cases())
def test_equals_the_reference(cmc: str, case: Case) -> None:
    expected = reference(case, cmc)
    if expected is None:
        with pytest.raises(DataError, match="has a match"):
            case.score(cmc)
        return
    score = case.score(cmc)
    np.testing.assert_allclose(score.cmc, expected["cmc"], rtol=0, atol=1e-12)
    assert score.mean_average_precision == pytest.approx(expected["mAP"], abs=1e-12)
    assert score.mean_inverse_negative_penalty == pytest.approx(expected["mINP"], abs=1e-12)
    assert score.num_valid_queries == expected["valid"]
    assert score.num_queries == len(case.query_identity)
    assert score.num_gallery == len(case.gallery_identity)


@pytest.mark.parametrize("cmc", ["identity", "image"])
@settings(max_examples=50)
@given(case=cases().filter(has_valid_query))
def test_cmc_never_falls_and_scores_are_fractions(cmc: str, case: Case) -> None:
    score = case.score(cmc)
    assert np.all(np.diff(score.cmc) >= 0)
    assert 0 <= score.cmc[0] <= score.cmc[-1] <= 1
    assert 0 < score.mean_inverse_negative_penalty <= 1
    assert 0 < score.mean_average_precision <= 1


@settings(max_examples=50)
@given(case=cases().filter(has_valid_query), distance=st.integers(0, 5), data=st.data())
def test_a_distractor_never_raises_a_score(case: Case, distance: int, data: st.DataObject) -> None:
    column = data.draw(st.integers(0, len(case.gallery_identity)))
    more = case._replace(
        distances=np.insert(case.distances, column, distance / 4, axis=1),
        gallery_identity=np.insert(case.gallery_identity, column, 99),
        gallery_camera=np.insert(case.gallery_camera, column, 1),
    )
    before, after = case.score(), more.score()
    assert after.mean_average_precision <= before.mean_average_precision + 1e-12
    assert after.mean_inverse_negative_penalty <= before.mean_inverse_negative_penalty + 1e-12
    assert np.all(after.cmc <= before.cmc)


@settings(max_examples=50)
@given(case=cases().filter(has_valid_query))
def test_a_monotone_rescaling_changes_nothing(case: Case) -> None:
    rescaled = case._replace(distances=np.exp(case.distances) * 7 - 3)
    assert_same(rescaled.score(), case.score())


@settings(max_examples=50)
@given(case=cases(ties=False).filter(has_valid_query), data=st.data())
def test_without_ties_the_gallery_order_changes_nothing(case: Case, data: st.DataObject) -> None:
    columns = data.draw(st.permutations(range(len(case.gallery_identity))))
    assert_same(case.with_gallery(list(columns)).score(), case.score())


def test_a_collapsed_model_scores_by_gallery_order() -> None:
    case = make_case([[1.0] * 4], [(7, 6)], [(1, 1), (2, 1), (7, 1), (7, 4)])
    score = case.score(num_ranks=4)
    assert score.cmc.tolist() == [0, 0, 1, 1]
    assert score.mean_average_precision == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert score.mean_inverse_negative_penalty == pytest.approx(2 / 4)


def test_cmc_by_identity_skips_further_images_of_an_identity() -> None:
    case = make_case([[0.1, 0.2, 0.3, 0.4]], [(7, 6)], [(1, 1), (1, 4), (1, 5), (7, 1)])
    assert case.score("identity", num_ranks=4).cmc.tolist() == [0, 1, 1, 1]
    assert case.score("image", num_ranks=4).cmc.tolist() == [0, 0, 0, 1]
    assert case.score("identity").mean_average_precision == pytest.approx(1 / 4)


def test_images_of_the_excluded_camera_are_removed_whatever_their_identity() -> None:
    gallery = [(1, 2), (7, 2), (2, 1), (7, 1)]
    distances = [0.1, 0.2, 0.3, 0.4]
    same_room = make_case([distances], [(7, 3)], gallery).score(num_ranks=2)
    elsewhere = make_case([distances], [(7, 6)], gallery).score(num_ranks=2)
    assert same_room.cmc.tolist() == [0, 1]
    assert same_room.mean_average_precision == pytest.approx(1 / 2)
    assert elsewhere.mean_average_precision == pytest.approx((1 / 2 + 2 / 4) / 2)


def test_a_query_whose_only_match_is_excluded_counts_in_no_average() -> None:
    case = make_case([[0.1, 0.2], [0.2, 0.1]], [(7, 3), (8, 6)], [(7, 2), (8, 1)])
    score = case.score()
    assert (score.num_queries, score.num_valid_queries) == (2, 1)
    assert score.cmc[0] == 1
    assert score.mean_average_precision == 1


def test_the_curve_stays_at_its_last_value_where_the_gallery_is_short() -> None:
    case = make_case([[0.2, 0.1]], [(7, 6)], [(7, 1), (8, 1)])
    assert case.score(num_ranks=5).cmc.tolist() == [0, 1, 1, 1, 1]


def test_distances_are_left_as_they_were() -> None:
    distances = np.array([[1.0, 1.0, 0.5]])
    case = make_case(distances.tolist(), [(7, 3)], [(7, 1), (7, 2), (8, 1)])
    case.score()
    np.testing.assert_array_equal(case.distances, distances)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_distance_that_is_not_finite_is_an_error(value: float) -> None:
    case = make_case([[0.1, value]], [(7, 3)], [(7, 1), (8, 2)])
    with pytest.raises(DataError, match="query 0 to gallery image 1"):
        case.score()


def test_no_valid_query_is_an_error() -> None:
    case = make_case([[0.1, 0.2]], [(7, 6)], [(1, 1), (2, 1)])
    with pytest.raises(DataError, match="none of 1 queries has a match among the 2"):
        case.score()


def test_an_empty_gallery_is_an_error() -> None:
    with pytest.raises(DataError, match="1 query images and 0 gallery images"):
        make_case([[]], [(7, 6)], []).score()


def test_labels_that_do_not_fit_are_refused() -> None:
    case = make_case([[0.1, 0.2]], [(7, 6)], [(1, 1), (7, 1)])
    with pytest.raises(ValueError, match="do not fit"):
        case._replace(gallery_camera=np.array([1])).score()


def test_labels_may_be_lists() -> None:
    scores = score_queries(
        np.array([[0.2, 0.1]]),
        query_identity=[1],  # type: ignore[arg-type]
        query_camera=[3],  # type: ignore[arg-type]
        gallery_identity=[1, 2],  # type: ignore[arg-type]
        gallery_camera=[1, 1],  # type: ignore[arg-type]
        excluded_camera_pairs=(),
        cmc="image",
    )
    assert scores.first_match_rank.tolist() == [2]
