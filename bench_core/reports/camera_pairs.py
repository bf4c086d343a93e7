"""What is found from camera to camera, and who is taken for whom, over the searches of a model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bench_core.evaluation.ranking import score_queries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.reports.search import Search


@dataclass(frozen=True)
class CameraPair:
    """Queries of one camera in a gallery of one other, over all trials that have any.

    Attributes:
        query_camera: Camera of the queries.
        gallery_camera: Camera of the gallery images.
        queries: Queries that have a match there, mean over trials.
        rank_1: Mean over trials, in [0, 1].
        mean_average_precision: Mean over trials, in [0, 1].
    """

    query_camera: int
    gallery_camera: int
    queries: float
    rank_1: float
    mean_average_precision: float


@dataclass(frozen=True)
class Confusion:
    """One person taken for another.

    Attributes:
        person: Identity of the queries.
        taken_for: Identity of the image that they found nearest.
        times: How many queries, over all trials.
        of: Queries of the person that have a match, over all trials.
        examples: The query and what it found, as rows of the table of features; some of them.
    """

    person: int
    taken_for: int
    times: int
    of: int
    examples: tuple[tuple[int, int], ...]


@dataclass(eq=False)
class SearchTally:
    """Gathers what the searches of some trials say, one after the other.

    Attributes:
        num_trials: How many were added.
        apart: Pairs of a query's and a gallery image's camera that never meet.
    """

    num_trials: int = 0
    apart: set[tuple[int, int]] = field(default_factory=set)
    _scores: dict[tuple[int, int], list[tuple[int, float, float]]] = field(default_factory=dict)
    _queries: Counter[int] = field(default_factory=Counter)
    _found: dict[tuple[int, int], list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, search: Search) -> None:
        """Add the search of a trial."""
        self.num_trials += 1
        self._add_camera_pairs(search)
        self._add_confusions(search)

    def camera_pairs(self) -> dict[tuple[int, int], CameraPair | None]:
        """Return the scores by query camera and gallery camera, in ascending order.

        None where no query of the camera has a match in the other, or the two are kept apart.
        """
        result: dict[tuple[int, int], CameraPair | None] = {}
        for cameras, trials in sorted(self._scores.items()):
            means = np.mean(trials, axis=0) if trials else None
            result[cameras] = None if means is None else CameraPair(*cameras, *means.tolist())
        return result

    def confusions(self, number: int) -> list[Confusion]:
        """Return the people who are most often taken for one other, the most frequent first.

        Args:
            number: At most so many pairs.
        """
        order = sorted(self._found, key=lambda pair: (-len(self._found[pair]), pair))
        return [
            Confusion(*pair, len(self._found[pair]), self._queries[pair[0]], self._examples(pair))
            for pair in order[:number]
        ]

    def times(self, person: int, taken_for: int) -> int:
        """Return how often one person was taken for another."""
        return len(self._found.get((person, taken_for), ()))

    def _examples(self, pair: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """Return one finding of each query."""
        first: dict[int, tuple[int, int]] = {}
        for example in self._found[pair]:
            first.setdefault(example[0], example)
        return tuple(first.values())

    def _add_camera_pairs(self, search: Search) -> None:
        query, gallery = search.labels("camera")
        apart = set(search.spec.excluded_camera_pairs)
        for own in np.unique(query).tolist():
            for other in np.unique(gallery).tolist():
                trials = self._scores.setdefault((own, other), [])
                if (own, other) in apart:
                    self.apart.add((own, other))
                elif found := _between(search, query == own, gallery == other):
                    trials.append(found)

    def _add_confusions(self, search: Search) -> None:
        query, gallery = search.labels("identity")
        asked = np.flatnonzero(search.scores.valid)
        nearest = np.where(search.meets, search.distances, np.inf).argmin(axis=1)[asked]
        self._queries.update(query[asked].tolist())
        wrong = query[asked] != gallery[nearest]
        for place, found in zip(asked[wrong].tolist(), nearest[wrong].tolist(), strict=True):
            rows = int(search.trial.query[place]), int(search.trial.gallery[found])
            self._found.setdefault((int(query[place]), int(gallery[found])), []).append(rows)


def _between(
    search: Search, queries: NDArray[np.bool_], gallery: NDArray[np.bool_]
) -> tuple[int, float, float] | None:
    """Score some queries in a part of their gallery; None where none of them has a match."""
    query_identity, gallery_identity = search.labels("identity")
    query_camera, gallery_camera = search.labels("camera")
    scores = score_queries(
        search.distances[np.ix_(queries, gallery)],
        query_identity=query_identity[queries],
        query_camera=query_camera[queries],
        gallery_identity=gallery_identity[gallery],
        gallery_camera=gallery_camera[gallery],
        excluded_camera_pairs=(),
        excluded_match_camera_pairs=search.spec.excluded_match_camera_pairs,
        cmc=search.spec.cmc,
    )
    valid = scores.valid
    if not valid.any():
        return None
    rank_1 = float((scores.first_match_rank[valid] == 1).mean())
    return int(valid.sum()), rank_1, float(scores.average_precision[valid].mean())
