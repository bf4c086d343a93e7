"""Intra-class cosine similarity beside a loop over all pairs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.contracts.errors import DataError
from bench_core.evaluation import similarity
from bench_core.evaluation.engine import TrialRows
from bench_core.evaluation.similarity import intra_class_similarity


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Mean over views of the cosine; 0 for a view of zeros."""
    cosines = []
    for one, other in zip(first.astype(float), second.astype(float), strict=True):
        lengths = np.linalg.norm(one) * np.linalg.norm(other)
        cosines.append(one @ other / lengths if lengths else 0.0)
    return float(np.mean(cosines))


def plain_similarity(
    features: np.ndarray,
    identity: np.ndarray,
    camera: np.ndarray,
    trial: TrialRows,
    excluded: Collection[tuple[int, int]],
) -> float:
    """Visit every pair of a trial."""
    found = [
        cosine(features[query], features[image])
        for query in trial[0]
        for image in trial[1]
        if query != image
        and identity[query] == identity[image]
        and (camera[query], camera[image]) not in excluded
    ]
    return float(np.mean(found))


@given(
    seed=st.integers(0, 10**6),
    views=st.integers(1, 3),
    num_people=st.integers(1, 5),
    excluded=st.sets(st.tuples(st.integers(1, 3), st.integers(1, 3)), max_size=4),
    block=st.sampled_from([1, 4, 1000]),
)
def test_it_equals_a_loop_over_pairs(
    seed: int, views: int, num_people: int, excluded: set[tuple[int, int]], block: int
) -> None:
    rng = np.random.default_rng(seed)
    num_images = 24
    features = rng.standard_normal((num_images, views, 3)).astype(np.float32) + 0.5
    features[rng.random(num_images) < 0.1] = 0
    identity = rng.integers(0, num_people, num_images)
    camera = rng.integers(1, 5, num_images)
    # One pair of images is never excluded, so that every trial has one.
    identity[:2], camera[:2] = 0, 4
    trials: Sequence[TrialRows] = [
        (
            np.append(0, 2 + rng.permutation(num_images - 2)[:10]),
            np.append(1, 2 + rng.permutation(num_images - 2)[:12]),
        )
        for _ in range(3)
    ]
    with patch.object(similarity, "_ROWS_PER_BLOCK", block):
        found = intra_class_similarity(features, identity, camera, trials, excluded)
    expected = [plain_similarity(features, identity, camera, trial, excluded) for trial in trials]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_length_and_order_of_the_table_change_nothing() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((300, 1, 16))
    identity, camera = rng.integers(0, 20, 300), rng.integers(1, 7, 300)
    trial = (np.arange(100), np.arange(100, 300))
    first = intra_class_similarity(features, identity, camera, [trial], [(3, 2)])
    stretched = features * 2.0 ** rng.integers(-3, 4, (300, 1, 1))
    order = rng.permutation(300)
    place = np.argsort(order)
    moved = (place[trial[0]], place[trial[1]])
    again = intra_class_similarity(
        stretched[order], identity[order], camera[order], [moved], [(3, 2)]
    )
    assert first.tolist() == again.tolist()


def test_an_image_is_not_compared_with_itself() -> None:
    features = np.array([[[1.0, 0]], [[0, 1.0]]])
    labels = np.array([1, 1])
    both = np.array([0, 1])
    assert intra_class_similarity(features, labels, labels, [(both, both)], ()).tolist() == [0]


def test_one_person_gives_one() -> None:
    features = np.full((5, 2, 4), 0.3)
    labels = np.ones(5, dtype=int)
    trial = (np.arange(2), np.arange(2, 5))
    assert intra_class_similarity(features, labels, labels, [trial], ())[0] == pytest.approx(1)


def test_a_trial_without_pairs_is_an_error() -> None:
    features = np.ones((4, 1, 2))
    identity, camera = np.array([1, 2, 1, 2]), np.array([3, 3, 1, 2])
    trials = [(np.array([0]), np.array([2])), (np.array([1]), np.array([3]))]
    with pytest.raises(DataError, match="in trial 2 no query has another image of its identity"):
        intra_class_similarity(features, identity, camera, trials, [(3, 2)])


@pytest.mark.parametrize("seed", range(20))
def test_features_that_are_all_alike_have_similarity_1_and_not_more(seed: int) -> None:
    one = np.random.default_rng(seed).standard_normal((1, 2, 37)).astype(np.float32)
    identity = np.repeat(np.arange(5), 6)
    trial = (np.arange(0, 30, 2), np.arange(1, 30, 2))
    found = intra_class_similarity(
        np.repeat(one, 30, axis=0), identity, np.ones_like(identity), [trial], ()
    )[0]
    assert 1 - 1e-12 < found <= 1
