"""What the queries of a trial find: the ranked lists, and the distances of right and wrong pairs.

Letters in shapes: Q queries, G gallery images.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.evaluation.query_table import TrialQueries
from bench_core.evaluation.ranking import score_queries
from bench_core.scoring.score import trial_distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench_core.contracts.protocol import ProtocolSpec, Trial
    from bench_core.features.table import FeatureTable
    from bench_core.scoring.reranking import RerankerChoice


@dataclass(frozen=True, eq=False)
class Found:
    """The gallery as a query ranks it.

    Attributes:
        row: Row of the query in the table of features.
        nearest: Rows of all gallery images that it may meet, the nearest first.
        correct: Whether each is of the query's identity.
        average_precision: Of the query, in [0, 1].
    """

    row: int
    nearest: NDArray[np.int64]
    correct: NDArray[np.bool_]
    average_precision: float


@dataclass(frozen=True, eq=False)
class Search:
    """One trial.

    Attributes:
        features: Features of the images, with their identities and cameras.
        trial: Which of them search which.
        spec: The protocol, which says who may not meet.
        distances: Float (Q, G).
    """

    features: FeatureTable
    trial: Trial
    spec: ProtocolSpec
    distances: NDArray[np.floating[Any]]

    @classmethod
    def of(
        cls,
        features: FeatureTable,
        trial: Trial,
        spec: ProtocolSpec,
        reranker: RerankerChoice | None = None,
    ) -> Search:
        """Compute the distances of a trial.

        Raises:
            DataError: The features cannot be compared.
            PluginError: The re-ranker broke its contract.
        """
        return cls(features, trial, spec, trial_distances(features, trial, spec, reranker))

    @cached_property
    def same(self) -> NDArray[np.bool_]:
        """Whether query and gallery image show one person, bool (Q, G)."""
        query, gallery = self.labels("identity")
        same: NDArray[np.bool_] = query[:, np.newaxis] == gallery
        return same

    @cached_property
    def meets(self) -> NDArray[np.bool_]:
        """Whether query and gallery image may meet, bool (Q, G)."""
        apart = self._of_cameras(self.spec.excluded_camera_pairs)
        apart |= self.same & self._of_cameras(self.spec.excluded_match_camera_pairs)
        return ~apart

    @cached_property
    def scores(self) -> TrialQueries:
        """The scores of each query."""
        query_identity, gallery_identity = self.labels("identity")
        query_camera, gallery_camera = self.labels("camera")
        return score_queries(
            self.distances,
            query_identity=query_identity,
            query_camera=query_camera,
            gallery_identity=gallery_identity,
            gallery_camera=gallery_camera,
            excluded_camera_pairs=self.spec.excluded_camera_pairs,
            excluded_match_camera_pairs=self.spec.excluded_match_camera_pairs,
            cmc=self.spec.cmc,
        )

    def extremes(self, number: int, *, best: bool) -> list[Found]:
        """Return queries by average precision: the best, or the worst, each of another person.

        Args:
            number: At most so many.
            best: Whether the best, from the best down; else the worst, from the worst up.
        """
        scores, identity = self.scores, self.labels("identity")[0]
        order = np.argsort(scores.average_precision, kind="stable")
        chosen: dict[int, int] = {}
        for query in order[::-1] if best else order:
            if scores.valid[query]:
                chosen.setdefault(int(identity[query]), int(query))
        return [self._found(query) for query in list(chosen.values())[:number]]

    def pair_distances(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the distances of pairs of one person, and of two, that may meet, each 1-D."""
        return self.distances[self.meets & self.same], self.distances[self.meets & ~self.same]

    def _found(self, query: int) -> Found:
        allowed = np.flatnonzero(self.meets[query])
        order = allowed[np.argsort(self.distances[query, allowed], kind="stable")]
        return Found(
            row=int(self.trial.query[query]),
            nearest=self.trial.gallery[order],
            correct=self.same[query, order],
            average_precision=float(self.scores.average_precision[query]),
        )

    def labels(self, column: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the values of a column for the queries (Q,) and for the gallery (G,)."""
        values = self.features.table[column].to_numpy(dtype=np.int64)
        return values[self.trial.query], values[self.trial.gallery]

    def _of_cameras(self, pairs: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
        query, gallery = self.labels("camera")
        result = np.zeros(self.distances.shape, dtype=np.bool_)
        for query_camera, gallery_camera in pairs:
            result |= np.outer(query == query_camera, gallery == gallery_camera)
        return result


def share_nearer(matches: NDArray[Any], others: NDArray[Any]) -> float:
    """Return how often a match is nearer than a non-match, over all pairs of the two.

    Args:
        matches: Distances, not empty.
        others: Distances, not empty.

    Returns:
        In [0, 1]; ties count half. 0.5 is chance, 1 a model that is never wrong.

    Examples:
        >>> share_nearer(np.array([1.0, 3.0]), np.array([2.0, 3.0]))
        0.625
    """
    ordered = np.sort(others)
    below, up_to = (np.searchsorted(ordered, matches, side) for side in ("left", "right"))
    nearer = len(ordered) - (below + up_to) / 2
    return float(nearer.mean() / len(ordered))
