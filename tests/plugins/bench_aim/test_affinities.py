"""AIM is what its equations say, for any images, in any order, in any number of blocks."""

from __future__ import annotations

import runpy
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_aim import affinities
from bench_aim.affinities import affinity_distances
from bench_core.contracts.errors import DataError
from bench_core.evaluation.reranking.distances import feature_distances

SUPPORT = runpy.run_path(str(Path(__file__).parent / "plain_affinities.py"))
rerank_plainly = SUPPORT["rerank_plainly"]

SHIFT = 2.0
"""The harness's distance is the authors' and 2, so that it is not negative."""


def rerank(query: np.ndarray, gallery: np.ndarray, *, k1: int, k2: int) -> np.ndarray:
    distances = feature_distances(query, gallery, "cosine")
    return affinity_distances(distances, query.shape[1], k1=k1, k2=k2)


def people(
    num_queries: int, num_gallery: int, views: int = 1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw features around six people; no two similarities are equal."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(6, views, 5))
    query, gallery = (
        centres[draw.integers(0, 6, count)] + 0.5 * draw.normal(size=(count, views, 5))
        for count in (num_queries, num_gallery)
    )
    return query, gallery


def on_axes(*places: int) -> np.ndarray:
    """Return features that point along an axis each: similarities are exactly 0 or 1."""
    return np.eye(8)[list(places)][:, np.newaxis]


SIZES = st.tuples(st.integers(1, 9), st.integers(1, 11))
COUNTS = st.integers(1, 13).flatmap(lambda k1: st.tuples(st.just(k1), st.integers(1, k1)))


@given(sizes=SIZES, views=st.integers(1, 2), counts=COUNTS, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_it_is_what_the_equations_say(
    sizes: tuple[int, int], views: int, counts: tuple[int, int], seed: int
) -> None:
    query, gallery = people(*sizes, views=views, seed=seed)
    k1, k2 = counts
    found = rerank(query, gallery, k1=k1, k2=k2)
    expected = SHIFT + rerank_plainly(query, gallery, k1=k1, k2=k2)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    assert found.min() >= 0.0
    assert found.max() <= 4.0


@given(
    queries=st.lists(st.integers(0, 3), min_size=1, max_size=6),
    gallery=st.lists(st.integers(0, 3), min_size=1, max_size=9),
    counts=COUNTS,
)
@settings(max_examples=40, deadline=None)
def test_all_that_equal_the_last_kept_are_kept(
    queries: list[int], gallery: list[int], counts: tuple[int, int]
) -> None:
    """Many similarities are equal here: 1 of images of one axis, 0 of all others."""
    k1, k2 = counts
    features = on_axes(*queries), on_axes(*gallery)
    expected = SHIFT + rerank_plainly(*features, k1=k1, k2=k2)
    np.testing.assert_allclose(rerank(*features, k1=k1, k2=k2), expected, rtol=0, atol=1e-9)


def test_a_copy_of_an_image_is_kept_though_products_round_otherwise() -> None:
    """Two gallery images of one feature, apart in the gallery, have one distance each."""
    query, gallery = people(7, 40)
    copies = np.concatenate([gallery, gallery])
    found = rerank(query, copies, k1=3, k2=1)
    np.testing.assert_allclose(found[:, :40], found[:, 40:], rtol=0, atol=1e-12)
    # The third largest has a copy, which is kept, too: as if four were asked for.
    np.testing.assert_array_equal(found, rerank(query, copies, k1=4, k2=1))


@given(seed=st.integers(0, 2**32 - 1), counts=COUNTS, data=st.data())
@settings(max_examples=40, deadline=None)
def test_it_follows_the_order_of_images(
    seed: int, counts: tuple[int, int], data: st.DataObject
) -> None:
    query, gallery = people(5, 9, seed=seed)
    k1, k2 = counts
    rows = data.draw(st.permutations(range(len(query))))
    columns = data.draw(st.permutations(range(len(gallery))))
    expected = rerank(query, gallery, k1=k1, k2=k2)[np.ix_(rows, columns)]
    found = rerank(query[rows], gallery[columns], k1=k1, k2=k2)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_a_query_does_not_depend_on_the_other_queries(seed: int) -> None:
    query, gallery = people(4, 9, seed=seed)
    together = rerank(query, gallery, k1=4, k2=2)
    alone = np.concatenate([rerank(one[np.newaxis], gallery, k1=4, k2=2) for one in query])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_with_one_neighbour_the_nearest_image_gains_one_and_no_other_anything(seed: int) -> None:
    """k1 = k2 = 1: a query's one affinity is to its nearest image, whose own one is to itself."""
    query, gallery = people(6, 9, seed=seed)
    plain = feature_distances(query, gallery, "cosine").rows(0, 6)[:, 6:]
    nearest = np.eye(9)[plain.argmin(axis=1)] * np.sign(1.0 - plain.min(axis=1, keepdims=True))
    found = rerank(query, gallery, k1=1, k2=1)
    np.testing.assert_allclose(found, plain + 1.0 - nearest, rtol=0, atol=1e-9)
    assert (found.argmin(axis=1) == plain.argmin(axis=1))[plain.min(axis=1) < 1.0].all()


def test_an_image_like_no_other_has_no_affinities() -> None:
    found = rerank(on_axes(0, 1), on_axes(1, 2, 3), k1=2, k2=1)
    np.testing.assert_allclose(found, [[2.0, 2.0, 2.0], [0.0, 2.0, 2.0]], atol=1e-12)


def test_lengths_of_features_do_not_count() -> None:
    query, gallery = people(5, 9)
    lengths = np.random.default_rng(1).uniform(0.1, 9.0, (9, 1, 1))
    expected = rerank(query, gallery, k1=4, k2=2)
    np.testing.assert_allclose(rerank(query, gallery * lengths, k1=4, k2=2), expected, atol=1e-9)


def test_blocks_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    query, gallery = people(23, 31)
    expected = rerank(query, gallery, k1=6, k2=3)
    monkeypatch.setattr(affinities, "_BLOCK_ELEMENTS", 100)
    np.testing.assert_allclose(rerank(query, gallery, k1=6, k2=3), expected, rtol=0, atol=1e-12)


def test_memory_beyond_the_result_is_that_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gallery-by-gallery matrix would be 18 MB here, query-by-gallery ones 6 MB each."""
    monkeypatch.setattr(affinities, "_BLOCK_ELEMENTS", 2**15)
    query, gallery = people(500, 1500)
    distances = feature_distances(query, gallery, "cosine")
    tracemalloc.start()
    try:
        result = affinity_distances(distances, 1, k1=20, k2=6)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2 * result.nbytes


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_features_without_a_direction_are_refused(value: float) -> None:
    query, gallery = people(2, 3)
    gallery[1] = value
    with pytest.raises(DataError, match=r"gallery feature"):
        rerank(query, gallery, k1=2, k2=1)
