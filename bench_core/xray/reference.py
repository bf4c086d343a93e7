"""The reference: scores of a search under named choices, slow and plain, one query at a time.

Letters in shapes: Q queries, G gallery images, n images of a list, K ranks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.xray.choices import CAMERA_RULES, Removes

if TYPE_CHECKING:
    from numpy.typing import NDArray

IntArray: TypeAlias = "NDArray[np.int64]"
FloatArray: TypeAlias = "NDArray[np.float64]"

JUNK = -1
"""The identity of images that show nobody, or nobody whole, in the datasets of the wider field."""
NUM_RANKS = 20


@dataclass(frozen=True, eq=False)
class Search:
    """Distances with labels of both sides.

    Attributes:
        distances: float64 (Q, G), smaller is nearer.
        query_identity: int64 (Q,).
        gallery_identity: int64 (G,).
        query_camera: int64 (Q,).
        gallery_camera: int64 (G,).
    """

    distances: FloatArray
    query_identity: IntArray
    gallery_identity: IntArray
    query_camera: IntArray
    gallery_camera: IntArray

    def swapped(self) -> Search:
        """Return the search in which gallery images query."""
        return Search(
            np.ascontiguousarray(self.distances.T),
            self.gallery_identity,
            self.query_identity,
            self.gallery_camera,
            self.query_camera,
        )


@dataclass(frozen=True)
class RankingRules:
    """How lists are made: names of values of the choices of the same names."""

    roles: str = "given"
    order: str = "nearest"
    cameras: str | Removes = "room"
    junk: str = "ranked"
    ties: str = "gallery"


@dataclass(frozen=True, eq=False)
class RankedList:
    """What a query finds, nearest first.

    Attributes:
        identity: Of the query.
        found: int64 (n,), identities.
        distances: float64 (n,), ascending.
    """

    identity: int
    found: IntArray
    distances: FloatArray

    @property
    def matches(self) -> NDArray[np.bool_]:
        """Bool (n,), whether an image is of the query's identity."""
        matches: NDArray[np.bool_] = self.found == self.identity
        return matches


def rank(search: Search, rules: RankingRules) -> list[RankedList]:
    """Rank the gallery for each query.

    Where ties are "grouped", images at one distance are listed in gallery order; the average
    precision then goes by their distances.
    """
    if rules.roles == "swapped":
        search = search.swapped()
    distances = search.distances if rules.order == "nearest" else -search.distances
    removes = CAMERA_RULES[rules.cameras] if isinstance(rules.cameras, str) else rules.cameras
    return [_list(search, query, row, removes, rules) for query, row in enumerate(distances)]


def _list(
    search: Search, query: int, row: FloatArray, removes: Removes, rules: RankingRules
) -> RankedList:
    identity = int(search.query_identity[query])
    order = _order(row, search.gallery_identity == identity, rules.ties)
    found, cameras = search.gallery_identity[order], search.gallery_camera[order]
    gone = removes(identity, int(search.query_camera[query]), found, cameras)
    if rules.junk == "removed":
        gone = gone | (found == JUNK)
    return RankedList(identity, found[~gone], row[order][~gone])


def _order(row: FloatArray, matches: NDArray[np.bool_], ties: str) -> IntArray:
    if ties == "default":
        return np.argsort(row)
    if ties == "reversed-default":
        return np.argsort(-row)[::-1]
    if ties == "reversed":
        return np.argsort(-row, kind="stable")[::-1]
    if ties in ("matches-first", "matches-last"):
        return np.lexsort((matches == (ties == "matches-last"), row))
    return np.argsort(row, kind="stable")


@dataclass(frozen=True, eq=False)
class Measures:
    """What each query of a search scores, in every way that is known.

    Attributes:
        valid: bool (Q,), whether it has a match.
        first_rank: By name of how CMC counts, int64 (Q,), from 1; 0 without a match.
        precision: By name of the average precision, float64 (Q,); "grouped" takes images at one
            distance for one group.
        penalty: float64 (Q,), matches divided by the rank of the last one.
    """

    valid: NDArray[np.bool_]
    first_rank: Mapping[str, IntArray]
    precision: Mapping[str, FloatArray]
    penalty: FloatArray

    def curve(self, cmc: str, unmatched: str) -> FloatArray:
        """Return the CMC curve, fractions (NUM_RANKS,); where lists are short it stays."""
        ranks = self.first_rank[cmc][:, np.newaxis]
        reached = (ranks > 0) & (ranks <= np.arange(1, NUM_RANKS + 1))
        return np.asarray(reached.sum(axis=0) / self._divisor(unmatched))

    def mean_precision(self, precision: str, unmatched: str) -> float:
        """Return mAP, a fraction."""
        return float(self.precision[precision].sum() / self._divisor(unmatched))

    def mean_penalty(self, unmatched: str) -> float:
        """Return mINP, a fraction."""
        return float(self.penalty.sum() / self._divisor(unmatched))

    def _divisor(self, unmatched: str) -> int:
        """Return by how many queries sums are divided; 1 where there is none."""
        return max(1, len(self.valid) if unmatched == "counted" else int(self.valid.sum()))


def measure(search: Search, rules: RankingRules) -> Measures:
    """Rank the gallery for each query, and score each list."""
    lists = rank(search, rules)
    ranks = [np.flatnonzero(one.matches) + 1 for one in lists]
    valid = np.array([len(own) > 0 for own in ranks])
    people = np.array([_rank_among_people(one) for one in lists])
    images = np.array([own[0] if len(own) else 0 for own in ranks])
    return Measures(
        valid=valid,
        first_rank={"identity": people, "image": images},
        precision={
            "mean": np.array([_mean(_precisions(own)) for own in ranks]),
            "trapezoid": np.array([_mean(_trapezoids(own)) for own in ranks]),
            "identity": np.divide(1, people, out=np.zeros(len(lists)), where=valid),
            "first": np.divide(1, images, out=np.zeros(len(lists)), where=valid),
            "grouped": np.array([_mean(_grouped(one)) for one in lists]),
        },
        penalty=np.array([len(own) / own[-1] if len(own) else 0.0 for own in ranks]),
    )


def _rank_among_people(one: RankedList) -> int:
    """Return the rank of the query's identity, where each identity counts once; 0 if not found."""
    if not one.matches.any():
        return 0
    return 1 + len(np.unique(one.found[: int(np.argmax(one.matches))]))


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _precisions(ranks: IntArray) -> FloatArray:
    """Return the precision at each match, whose ranks are given."""
    return np.asarray(np.arange(1, len(ranks) + 1) / ranks)


def _trapezoids(ranks: IntArray) -> FloatArray:
    """Return, at each match, the mean of the precisions just before it and at it."""
    before = np.arange(len(ranks)) / np.maximum(ranks - 1, 1)
    return np.asarray((np.where(ranks > 1, before, 1.0) + _precisions(ranks)) / 2)


def _grouped(one: RankedList) -> FloatArray:
    """Return the precision at the end of the group of each match."""
    ends = np.searchsorted(one.distances, one.distances, side="right")[one.matches]
    return np.asarray(np.cumsum(one.matches)[ends - 1] / ends)
