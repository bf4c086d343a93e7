"""Test support: k-reciprocal re-ranking as the paper tells it, one image at a time, in float64.

Zhong et al., CVPR 2017, with the details of the widely used Python code: squared distances divided
by the largest of each column, k1 + 1 and round(k1 / 2) + 1 neighbours, "more than" two thirds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from bench_core.contracts.method import Metric
from bench_core.evaluation.distances import pairwise_distances
from bench_core.evaluation.reranking.k_reciprocal import KReciprocalOptions


def rerank_plainly(
    query_query: np.ndarray,
    query_gallery: np.ndarray,
    gallery_gallery: np.ndarray,
    *,
    k1: int,
    k2: int,
    lambda_value: float,
    power: int = 2,
) -> np.ndarray:
    original = np.block([[query_query, query_gallery], [query_gallery.T, gallery_gallery]])
    original = original.astype(np.float64) ** power
    original = (original / original.max(axis=0)).T
    ranked = np.argsort(original, axis=1)
    weights = np.zeros_like(original)
    for image in range(len(original)):
        members = expanded_set(ranked, image, k1)
        weight = np.exp(-original[image, members])
        weights[image, members] = weight / weight.sum()
    if k2 != 1:
        weights = np.stack(
            [weights[ranked[image, :k2]].mean(axis=0) for image in range(len(ranked))]
        )
    num_queries = len(query_query)
    containing = [np.flatnonzero(column) for column in weights.T]
    jaccard = np.stack([jaccard_row(weights, containing, query) for query in range(num_queries)])
    combined = (1 - lambda_value) * jaccard + lambda_value * original[:num_queries]
    return combined[:, num_queries:]


def reciprocal_set(ranked: np.ndarray, image: int, k: int) -> np.ndarray:
    nearest = ranked[image, : k + 1]
    return nearest[(ranked[nearest, : k + 1] == image).any(axis=1)]


def expanded_set(ranked: np.ndarray, image: int, k1: int) -> np.ndarray:
    own = reciprocal_set(ranked, image, k1)
    expanded = own
    for member in own:
        its = reciprocal_set(ranked, member, int(np.around(k1 / 2)))
        if len(np.intersect1d(its, own)) > 2 / 3 * len(its):
            expanded = np.union1d(expanded, its)
    return np.unique(expanded)


def jaccard_row(weights: np.ndarray, containing: list[np.ndarray], query: int) -> np.ndarray:
    shared = np.zeros(len(weights))
    for member in np.flatnonzero(weights[query]):
        others = containing[member]
        shared[others] += np.minimum(weights[query, member], weights[others, member])
    return 1 - shared / (2 - shared)


def random_features(
    num_queries: int, num_gallery: int, *, views: int = 1, dimensions: int = 4, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw features around a few identities; no two distances tie."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(6, views, dimensions))
    query, gallery = (
        centres[draw.integers(0, 6, count)] + 0.5 * draw.normal(size=(count, views, dimensions))
        for count in (num_queries, num_gallery)
    )
    return query, gallery


def plain(
    query: np.ndarray, gallery: np.ndarray, metric: Metric, options: KReciprocalOptions
) -> np.ndarray:
    return rerank_plainly(
        pairwise_distances(query, query, metric),
        pairwise_distances(query, gallery, metric),
        pairwise_distances(gallery, gallery, metric),
        k1=options.k1,
        k2=options.k2,
        lambda_value=options.lambda_value,
        power=2 if metric == "euclidean" else 1,
    )


@dataclass(frozen=True)
class GivenDistances:
    """All N x N distances at once, with the members that re-ranking asks for."""

    matrix: torch.Tensor
    num_queries: int
    metric: Metric
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def num_gallery(self) -> int:
        return len(self.matrix) - self.num_queries

    def rows(self, start: int, stop: int) -> torch.Tensor:
        return self.matrix[start:stop].to(self.device)

    def pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        pairs: np.ndarray = self.matrix.double().numpy()[first, second]
        return pairs

    def subset(self, queries: np.ndarray, gallery: np.ndarray) -> GivenDistances:
        images = torch.from_numpy(np.concatenate([queries, gallery + self.num_queries]))
        chosen = self.matrix[images][:, images]
        return GivenDistances(chosen, len(queries), self.metric, self.device)


def given_distances(query: np.ndarray, gallery: np.ndarray, metric: Metric) -> GivenDistances:
    images = np.concatenate([query, gallery])
    return GivenDistances(
        torch.from_numpy(pairwise_distances(images, images, metric)), len(query), metric
    )
