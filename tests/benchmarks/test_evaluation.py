"""How fast evaluation is at the size of SYSU-MM01, beside what it is compared with.

Targets, on a machine that does nothing else: all queries in a hundredth of the loop's time, which
is a tenth of what it takes for those it is timed on, and 1.5 times NumPy's product, which is the
fastest that a process has without torch. Reached on two cores, with AVX-512: an 80th to a 105th of
the loop's time single-shot, a 150th to a 170th multi-shot; 2.4 times the product.

Letters in shapes: Q queries, U gallery images of any trial, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from bench_core.evaluation.distances import pairwise_distances
from bench_core.evaluation.engine import (
    FeatureDistances,
    GivenDistances,
    TrialPool,
    pool_trials,
    rank_pool,
)
from bench_core.evaluation.summary import average_queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# Camera: people seen, images of all of them; the counts of the test part of SYSU-MM01.
GALLERY_CAMERAS = {1: (56, 1374), 2: (56, 1565), 4: (94, 1918), 5: (95, 1918)}
QUERY_CAMERAS = {3: (93, 1883), 6: (96, 1920)}
SAME_ROOM = ((3, 2),)
DIMENSIONS = 2048
NUM_TRIALS = 10
LOOPED_QUERIES = 400
"""The loop is timed on this many queries, all trials: it takes minutes else."""


@dataclass(frozen=True, eq=False)
class Data:
    """Features and trials of the size of SYSU-MM01."""

    features: NDArray[np.float32]
    identity: NDArray[np.int64]
    camera: NDArray[np.int64]
    trials: list[tuple[NDArray[np.int64], NDArray[np.int64]]]

    @property
    def pool(self) -> TrialPool:
        return pool_trials(self.identity, self.camera, self.trials, SAME_ROOM)


def make_data(shots: int) -> Data:
    rng = np.random.default_rng(0)
    labels = []
    for camera, (people, images) in {**GALLERY_CAMERAS, **QUERY_CAMERAS}.items():
        seen = np.sort(rng.permutation(96)[:people])
        labels.append(np.stack([np.resize(seen, images), np.full(images, camera)]))
    identity, camera = np.concatenate(labels, axis=1)
    parts = [(96, identity, 0.3), (7, camera, 0.5)]
    features = rng.standard_normal((len(identity), DIMENSIONS), dtype=np.float32) * 1.5
    for number, label, weight in parts:
        centres = rng.standard_normal((number, DIMENSIONS), dtype=np.float32)
        features += np.float32(weight) * centres[label]
    queries = np.flatnonzero(np.isin(camera, list(QUERY_CAMERAS)))
    trials = [(queries, draw(rng, identity, camera, shots)) for _ in range(NUM_TRIALS)]
    return Data(np.maximum(features, 0)[:, np.newaxis], identity, camera, trials)


def draw(
    rng: np.random.Generator, identity: NDArray[np.int64], camera: NDArray[np.int64], shots: int
) -> NDArray[np.int64]:
    """Draw `shots` images of each gallery camera and person."""
    drawn = [
        rng.permutation(np.flatnonzero((identity == person) & (camera == number)))[:shots]
        for number in GALLERY_CAMERAS
        for person in range(96)
    ]
    return np.concatenate(drawn)


def loop_over_queries(
    data: Data, distances: NDArray[np.float64], pool: TrialPool
) -> list[tuple[float, float]]:
    """Score as peers do, one query after the other; return rank-1 and mAP of each trial."""
    place = np.full(len(data.identity), -1)
    place[pool.column_rows] = np.arange(len(pool.column_rows))
    scores = []
    for queries, gallery in data.trials:
        gallery_identity, gallery_camera = data.identity[gallery], data.camera[gallery]
        precisions, curves = [], []
        for row, query in enumerate(queries[: len(distances)]):
            order = np.argsort(distances[row, place[gallery]], kind="stable")
            order = order[~((data.camera[query] == 3) & (gallery_camera[order] == 2))]
            found = gallery_identity[order]
            matches = found == data.identity[query]
            if not matches.any():
                continue
            _, first = np.unique(found, return_index=True)
            people = np.asarray([found[place] for place in sorted(first)])
            curves.append((people == data.identity[query]).cumsum()[:20])
            found_before = np.cumsum(matches)
            precision = [number / rank for rank, number in enumerate(found_before, start=1)]
            precisions.append((np.asarray(precision) * matches).sum() / matches.sum())
        scores.append((float(np.mean([curve[0] for curve in curves])), float(np.mean(precisions))))
    return scores


@pytest.fixture(scope="module", params=[1, 10], ids=["single-shot", "multi-shot"])
def data(request: pytest.FixtureRequest) -> Data:
    return make_data(request.param)


def test_scoring_given_distances_beside_the_loop(compare: Callable[..., None], data: Data) -> None:
    pool = data.pool
    columns = np.arange(len(pool.column_rows))
    query, gallery = (
        torch.from_numpy(data.features[rows, 0]) for rows in (pool.query_rows, pool.column_rows)
    )
    distances = torch.cdist(query, gallery).double().numpy()
    few = distances[:LOOPED_QUERIES]

    def score() -> object:
        return rank_pool(
            GivenDistances(distances, np.arange(len(distances)), columns), pool, "identity"
        )

    compare(score, lambda: loop_over_queries(data, few, pool), rounds=3)


def test_scoring_features_beside_the_product(compare: Callable[..., None], data: Data) -> None:
    pool = data.pool
    query, gallery = (data.features[rows, 0] for rows in (pool.query_rows, pool.column_rows))

    def score() -> object:
        source = FeatureDistances(data.features, data.pool, "euclidean")
        return rank_pool(source, pool, "identity")

    compare(score, lambda: query @ gallery.T)


def test_the_loop_finds_the_same() -> None:
    data = make_data(1)
    pool = data.pool
    rows = slice(0, LOOPED_QUERIES)
    distances = pairwise_distances(
        data.features[pool.query_rows[rows]], data.features[pool.column_rows], "euclidean"
    )
    looped = loop_over_queries(data, distances, pool)
    few = pool_trials(
        data.identity, data.camera, [(query[rows], own) for query, own in data.trials], SAME_ROOM
    )
    scores = rank_pool(FeatureDistances(data.features, few, "euclidean"), few, "identity")
    averages = [average_queries(score, num_gallery=1) for score in scores]
    ours = [(score.cmc[0], score.mean_average_precision) for score in averages]
    np.testing.assert_allclose(ours, looped, rtol=0, atol=1e-12)
