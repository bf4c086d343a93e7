"""Ranking all trials together: the same as one query and one trial at a time, in any blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.contracts.errors import DataError
from bench_core.evaluation.engine import (
    BlockSizes,
    GivenDistances,
    TrialPool,
    pool_trials,
    rank_pool,
)
from bench_core.evaluation.query_table import TrialQueries

if TYPE_CHECKING:
    from bench_core.contracts.protocol import CmcKind

SAME_ROOM = ((3, 2),)


class Case(NamedTuple):
    """Images with labels, their distances (N, N), and trials."""

    distances: np.ndarray
    identity: np.ndarray
    camera: np.ndarray
    trials: list[tuple[np.ndarray, np.ndarray]]
    excluded_matches: tuple[tuple[int, int], ...] = ()

    def pool(self) -> TrialPool:
        return pool_trials(
            self.identity, self.camera, self.trials, SAME_ROOM, self.excluded_matches
        )

    def rank(self, cmc: CmcKind, sizes: BlockSizes | None = None) -> list[TrialQueries]:
        pool = self.pool()
        source = GivenDistances(self.distances, pool.query_rows, pool.column_rows)
        return rank_pool(source, pool, cmc, sizes)


def may_meet(case: Case, query: int, image: int) -> bool:
    cameras = case.camera[query], case.camera[image]
    is_match = case.identity[query] == case.identity[image]
    return cameras not in SAME_ROOM and not (is_match and cameras in case.excluded_matches)


def reference(case: Case, trial: int, cmc: CmcKind) -> list[tuple[int, int, float, float]]:
    """Score each query of a trial alone; matches, first rank, AP and INP."""
    queries, gallery = case.trials[trial]
    found = []
    for query in queries.tolist():
        allowed = [image for image in gallery.tolist() if may_meet(case, query, image)]
        # sorted() is stable: equal distances stay in gallery order.
        ranked = sorted(allowed, key=lambda image: case.distances[query, image])
        people = [int(case.identity[image]) for image in ranked]
        own = int(case.identity[query])
        ranks = [rank for rank, person in enumerate(people, start=1) if person == own]
        if not ranks:
            found.append((0, 0, 0.0, 0.0))
            continue
        listed = list(dict.fromkeys(people)) if cmc == "identity" else people
        precision = sum(k / rank for k, rank in enumerate(ranks, start=1)) / len(ranks)
        found.append((len(ranks), listed.index(own) + 1, precision, len(ranks) / ranks[-1]))
    return found


def assert_equals_reference(case: Case, scores: list[TrialQueries], cmc: CmcKind) -> None:
    for trial, score in enumerate(scores):
        expected = np.array(reference(case, trial, cmc)).reshape(-1, 4)
        np.testing.assert_array_equal(score.num_matches, expected[:, 0])
        np.testing.assert_array_equal(score.first_match_rank, expected[:, 1])
        np.testing.assert_allclose(score.average_precision, expected[:, 2], rtol=0, atol=1e-12)
        np.testing.assert_allclose(
            score.inverse_negative_penalty, expected[:, 3], rtol=0, atol=1e-12
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw images, distances that often tie, and trials that share some of both."""
    labels = st.tuples(st.integers(1, 5), st.sampled_from([1, 2, 3, 4, 5, 6]))
    images = np.array(draw(st.lists(labels, min_size=2, max_size=25)), dtype=np.int64)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([1, 3, 10, 10**9]))
    rows = st.lists(st.integers(0, len(images) - 1), min_size=1, unique=True).map(np.array)
    trials = draw(st.lists(st.tuples(rows, rows), min_size=1, max_size=4))
    distances = rng.integers(-levels, levels, (len(images), len(images))) / 7
    excluded = draw(st.sampled_from([(), ((1, 1), (6, 6)), ((3, 2), (4, 1), (4, 4))]))
    return Case(distances, images[:, 0], images[:, 1], trials, excluded)


SIZES = st.builds(
    BlockSizes,
    columns=st.integers(1, 30),
    values=st.integers(1, 60),
    queries=st.integers(1, 60),
    counts=st.integers(1, 40),
)


@pytest.mark.parametrize("cmc", ["identity", "image"])
@settings(max_examples=150)
@given(case=cases(), sizes=SIZES)
def test_all_trials_in_any_blocks_equal_the_reference(
    cmc: CmcKind, case: Case, sizes: BlockSizes
) -> None:
    assert_equals_reference(case, case.rank(cmc, sizes), cmc)


def random_case(seed: int, *, levels: int, num_trials: int = 3) -> Case:
    rng = np.random.default_rng(seed)
    identity, camera = rng.integers(0, 12, 300), rng.integers(1, 7, 300)
    queries = np.flatnonzero(np.isin(camera, [3, 6]))
    others = np.flatnonzero(~np.isin(camera, [3, 6]))
    trials = [(queries, rng.permutation(others)[:120]) for _ in range(num_trials)]
    return Case(rng.integers(0, levels, (300, 300)) / 8, identity, camera, trials)


@pytest.mark.parametrize("cmc", ["identity", "image"])
@pytest.mark.parametrize("levels", [1, 4, 2**30], ids=["all tie", "most tie", "few tie"])
def test_many_ties_and_few_equal_the_reference(cmc: CmcKind, levels: int) -> None:
    case = random_case(5, levels=levels)
    assert_equals_reference(case, case.rank(cmc), cmc)


@pytest.mark.parametrize("cmc", ["identity", "image"])
@pytest.mark.parametrize("columns", [63, 64, 65, 100, 128])
@pytest.mark.parametrize("people", [1, 3, 150])
def test_identities_that_go_on_from_word_to_word_and_block_to_block_count_once(
    cmc: CmcKind, columns: int, people: int
) -> None:
    case = random_case(10, levels=1000)
    many = case._replace(identity=np.random.default_rng(people).integers(0, people + 1, 300))
    assert_equals_reference(many, many.rank(cmc, BlockSizes(columns=columns)), cmc)


@pytest.mark.parametrize("places", [1, 2**14, 2**20])
def test_distances_that_16_bits_cannot_tell_apart_are_ranked(places: int) -> None:
    case = random_case(11, levels=2**30)
    few = np.where(case.distances < 2**20, case.distances, case.distances * places)
    assert_equals_reference(
        case._replace(distances=few), case._replace(distances=few).rank("image"), "image"
    )


def test_more_trials_than_an_integer_has_bits_equal_the_reference() -> None:
    case = random_case(6, levels=50, num_trials=70)
    assert_equals_reference(case, case.rank("identity"), "identity")


def test_distances_that_float32_cannot_tell_apart_are_ranked_as_float64() -> None:
    case = random_case(7, levels=2**20)
    near = case._replace(distances=1 + case.distances * 1e-12)
    assert_equals_reference(near, near.rank("identity"), "identity")


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_distances_beyond_float32_are_ranked(factor: float) -> None:
    case = random_case(8, levels=2**20)
    scaled = case._replace(distances=case.distances * factor)
    assert_equals_reference(scaled, scaled.rank("identity"), "identity")


def test_negative_zero_ties_with_zero() -> None:
    case = random_case(9, levels=2)
    signed = case._replace(distances=np.where(np.arange(300) % 2 == 0, 0.0, -0.0) * case.distances)
    assert_equals_reference(signed, signed.rank("identity"), "identity")


def test_a_pool_refuses_no_trial() -> None:
    one = np.array([0])
    with pytest.raises(ValueError, match="at least one trial"):
        pool_trials(one, one, [], ())


def test_a_pool_refuses_a_trial_without_images() -> None:
    one, none = np.array([0]), np.array([], dtype=np.int64)
    with pytest.raises(DataError, match="0 query images and 1 gallery images"):
        pool_trials(one, one, [(none, one)], ())


def test_a_pool_refuses_an_image_twice_in_a_gallery() -> None:
    labels = np.array([0, 0])
    with pytest.raises(ValueError, match="trial 1 holds an image twice"):
        pool_trials(
            labels, labels, [(labels[:1], np.array([1])), (labels[:1], np.array([1, 1]))], ()
        )
