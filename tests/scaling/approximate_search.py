"""How far an approximate index moves the scores: FAISS beside the exact ranks of this project.

`python tests/scaling/approximate_search.py`, with `pip install faiss-cpu`. People are drawn as
clusters in few dimensions of the features, so that the nearest are hard to tell apart, as a trained
model's are; distractors are people whom nobody looks for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from bench_core.evaluation.engine import FeatureDistances, pool_trials, rank_pool
from bench_core.evaluation.summary import average_queries

DIMENSIONS, INTRINSIC = 256, 48
GALLERY, IDENTITIES, IMAGES_EACH, QUERIES = 100_000, 1_000, 8, 2_000
INDEXES = (
    ("Flat", None),
    ("IVF1024,Flat", 8),
    ("IVF1024,Flat", 64),
    ("IVF1024,PQ64", 64),
    ("HNSW32", 256),
)
"""FAISS' names of them, and how much of each is looked through."""
DEPTH = 1_000
"""Neighbours that an index is asked for; it says nothing of those that come later."""


def main() -> None:
    """Print what each index takes and what scores it gives."""
    features, identity = draw()
    queries, gallery = np.arange(QUERIES), np.arange(QUERIES, QUERIES + GALLERY)
    camera = np.repeat([3, 1], [QUERIES, GALLERY])
    pool = pool_trials(identity, camera, [(queries, gallery)], ())

    def exactly() -> tuple[float, float]:
        (scores,) = rank_pool(
            FeatureDistances(features[:, np.newaxis], pool, "euclidean"), pool, "image"
        )
        mean = average_queries(scores, num_gallery=GALLERY)
        return mean.cmc[0], mean.mean_average_precision

    exactly()
    rows = [["exact", "-", *timed(exactly)]]
    for name, probes in INDEXES:
        index = faiss.index_factory(DIMENSIONS, name)
        started = time.perf_counter()
        index.train(features[gallery[:50_000]])
        index.add(features[gallery])
        built = time.perf_counter() - started
        label = name if probes is None else f"{name}, {probes} probed"
        found = timed(
            lambda index=index, probes=probes: searched(index, probes, features, identity)
        )
        rows.append([label, f"{built:.1f}", *found])
    headers = ["index", "built in s", "scored in s", "rank-1", "mAP"]
    print(tabulate(rows, headers, tablefmt="github", floatfmt=".4f"))  # noqa: T201


def draw() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Draw features and identities: the queries first."""
    rng = np.random.default_rng(0)
    wanted = np.repeat(np.arange(IDENTITIES), IMAGES_EACH)
    others = IDENTITIES + np.arange(GALLERY - len(wanted)) // IMAGES_EACH
    identity = np.concatenate([np.arange(QUERIES) % IDENTITIES, wanted, others])
    people = rng.standard_normal((identity.max() + 1, INTRINSIC), dtype=np.float32)
    noise = rng.standard_normal((len(identity), INTRINSIC), dtype=np.float32)
    basis = rng.standard_normal((INTRINSIC, DIMENSIONS), dtype=np.float32)
    return (people[identity] + 0.75 * noise) @ basis, identity


def searched(
    index: Any, probes: int | None, features: NDArray[np.float32], identity: NDArray[np.int64]
) -> tuple[float, float]:
    """Score by what an index finds: matches beyond its depth count as not found."""
    if probes is not None and hasattr(index, "nprobe"):
        index.nprobe = probes
    if probes is not None and hasattr(index, "hnsw"):
        index.hnsw.efSearch = max(probes, DEPTH)
    _, found = index.search(features[:QUERIES], DEPTH)
    matches = (identity[QUERIES + found] == identity[:QUERIES, np.newaxis]) & (found >= 0)
    precision = matches.cumsum(axis=1) / np.arange(1, DEPTH + 1)
    return float(matches[:, 0].mean()), float(
        (precision * matches).sum(axis=1).mean() / IMAGES_EACH
    )


def timed(score: Callable[[], tuple[float, float]]) -> list[float]:
    """Return seconds, rank-1 and mAP."""
    started = time.perf_counter()
    rank_1, mean_average_precision = score()
    return [time.perf_counter() - started, rank_1, mean_average_precision]


if __name__ == "__main__":
    main()
