"""The distances that functions make of features, hidden re-ranking among them.

Letters in shapes: Q queries, G gallery images, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.xray.probes import FeatureProbe, make_features
from bench_core.xray.reference import Measures, RankingRules, Search, measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric

FloatArray: TypeAlias = "NDArray[np.float64]"

COMPARISONS = (
    ("cosine", "none"),
    ("euclidean", "none"),
    ("cosine", "k-reciprocal"),
    ("euclidean", "k-reciprocal"),
    *(("cosine", f"aim-{k1}-{k2}") for k1, k2 in ((30, 6), (20, 6), (8, 2), (4, 1), (2, 2))),
)
"""Values of the choices "comparison" and "rerank" that are known together, the usual first."""


def compare(query: FloatArray, gallery: FloatArray, comparison: str, rerank: str) -> FloatArray:
    """Compute distances, smaller is nearer.

    Args:
        query: (Q, D).
        gallery: (G, D); no more images than these have a part in re-ranking.
        comparison: "cosine" or "euclidean".
        rerank: A value of the choice "rerank".

    Returns:
        float64 (Q, G).
    """
    if rerank == "k-reciprocal":
        return _k_reciprocal(query, gallery, comparison)
    if comparison == "cosine":
        query, gallery = _normalized(query), _normalized(gallery)
    if rerank.startswith("aim"):
        k1, k2 = map(int, rerank.split("-")[1:])
        return _aim(query, gallery, k1, k2)
    return np.asarray(np.linalg.norm(query[:, np.newaxis] - gallery, axis=2))


def _normalized(features: FloatArray) -> FloatArray:
    return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True))


def _k_reciprocal(query: FloatArray, gallery: FloatArray, comparison: str) -> FloatArray:
    from bench_core.evaluation.reranking.distances import feature_distances
    from bench_core.evaluation.reranking.k_reciprocal import k_reciprocal_distances

    metric: Metric = "cosine" if comparison == "cosine" else "euclidean"
    images = feature_distances(query[:, np.newaxis], gallery[:, np.newaxis], metric)
    return k_reciprocal_distances(images).astype(np.float64)


def _aim(query: FloatArray, gallery: FloatArray, k1: int, k2: int) -> FloatArray:
    """Affinity inference (Fang et al., ICCV 2023): of features of length 1."""
    similarity, own = query @ gallery.T, gallery @ gallery.T
    k1, k2 = min(k1, len(gallery)), min(k2, len(gallery))
    nearest = np.argsort(-own, axis=1, kind="stable")[:, :k2]
    affinity = _normalized(_largest(similarity, k1))
    gallery_affinity = _normalized(_largest(own, k1)[nearest].mean(axis=1))
    return np.asarray(-(affinity @ gallery_affinity.T) - similarity)


def _largest(values: FloatArray, count: int) -> FloatArray:
    """Keep the largest values of each row, with those that equal the last of them."""
    least = np.sort(values, axis=1)[:, -count][:, np.newaxis]
    return np.where(values >= least, values, 0.0)


@cache
def measure_features(
    name: str, rows: tuple[int, ...] | None, comparison: str, rerank: str, rules: RankingRules
) -> Measures:
    """Score a probe of features, of which some rows are the gallery; all of them for None."""
    return measure(_search(make_features(name), rows, comparison, rerank), rules)


def _search(
    probe: FeatureProbe, rows: Sequence[int] | None, comparison: str, rerank: str
) -> Search:
    chosen = list(range(len(probe.gallery)) if rows is None else rows)
    return Search(
        compare(probe.query, probe.gallery[chosen], comparison, rerank),
        probe.query_identity,
        probe.gallery_identity[chosen],
        probe.query_camera,
        probe.gallery_camera[chosen],
    )
