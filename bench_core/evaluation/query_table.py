"""The queries: which images they are, what they find in a trial, and their means over trials.

Letters in shapes: Q queries of a trial, R rows, K groups of trials, M metrics.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.contracts.metrics import SUMMARY_RANKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

IntArray: TypeAlias = "NDArray[np.int64]"
FloatArray: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryImages:
    """Which images query; no two are the same.

    Attributes:
        identity: int64 (Q,).
        camera: int64 (Q,).
        index: int64 (Q,), place among the images of the same camera and identity, from 0.
    """

    identity: IntArray
    camera: IntArray
    index: IntArray

    def __len__(self) -> int:
        return len(self.identity)

    def __getitem__(self, rows: IntArray) -> QueryImages:
        return QueryImages(
            identity=self.identity[rows], camera=self.camera[rows], index=self.index[rows]
        )

    def sorting(self) -> IntArray:
        """Return the rows in order of camera, identity and index."""
        return np.lexsort((self.index, self.identity, self.camera))

    def same(self, other: QueryImages) -> bool:
        """Whether another holds the same images in the same order."""
        return all(
            np.array_equal(mine, theirs)
            for mine, theirs in (
                (self.identity, other.identity),
                (self.camera, other.camera),
                (self.index, other.index),
            )
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialQueries:
    """What each query of a trial finds; one without a match in its gallery counts in no average.

    Attributes:
        num_matches: int64 (Q,), gallery images of the query's identity that it may meet.
        first_match_rank: int64 (Q,), from 1, as the CMC curve counts it; 0 without a match.
        average_precision: float64 (Q,) in [0, 1], not interpolated; 0 without a match.
        inverse_negative_penalty: float64 (Q,) in [0, 1], number of matches divided by the rank
            of the last one; 0 without a match.
    """

    num_matches: IntArray
    first_match_rank: IntArray
    average_precision: FloatArray
    inverse_negative_penalty: FloatArray

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Whether the query has a match, bool (Q,)."""
        return self.num_matches > 0

    def __getitem__(self, rows: IntArray | tuple[int, IntArray]) -> TrialQueries:
        return TrialQueries(
            num_matches=self.num_matches[rows],
            first_match_rank=self.first_match_rank[rows],
            average_precision=self.average_precision[rows],
            inverse_negative_penalty=self.inverse_negative_penalty[rows],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryTable:
    """The scores of every query, averaged over the trials that share their queries.

    Trials form a group where their queries and their valid queries are the same; a mean over such
    trials is a mean over queries of the mean over trials, so nothing that a summary needs is lost.
    SYSU-MM01 has one group of ten trials, RegDB ten groups of one.

    Attributes:
        images: R of them; in each group in order of camera, identity and index.
        group: int64 (R,), group of each row, ascending from 0.
        valid: bool (R,), whether the query has a match.
        scores: float64 (R, M) in [0, 1]: for rank-k the part of the trials with a match at rank k
            or before; for mAP and mINP the mean over trials of the query's average precision and
            inverse negative penalty. 0 where not valid.
        group_trials: int64 (K,), number of trials in each group.
    """

    images: QueryImages
    group: IntArray
    valid: NDArray[np.bool_]
    scores: FloatArray
    group_trials: IntArray

    def of_camera(self, camera: int) -> QueryTable:
        """Return the queries of one camera; groups without any of them are left out."""
        rows = self.images.camera == camera
        groups, group = np.unique(self.group[rows], return_inverse=True)
        return QueryTable(
            images=self.images[np.flatnonzero(rows)],
            group=group.astype(np.int64),
            valid=self.valid[rows],
            scores=self.scores[rows],
            group_trials=self.group_trials[groups],
        )

    def same_queries(self, other: QueryTable) -> bool:
        """Whether another table has the same queries, valid in the same trials."""
        return (
            np.array_equal(self.group_trials, other.group_trials)
            and np.array_equal(self.group, other.group)
            and np.array_equal(self.valid, other.valid)
            and self.images.same(other.images)
        )


def tabulate_queries(trials: Iterable[tuple[QueryImages, TrialQueries]]) -> QueryTable:
    """Gather the scores of the queries of all trials.

    Args:
        trials: At least one; the query images of each, and their scores in the same order.

    Returns:
        The table; the order of queries within a trial changes nothing.

    Examples:
        Two trials with the same two queries; the second query has no match.

        >>> images = QueryImages(
        ...     identity=np.array([7, 9]), camera=np.array([3, 3]), index=np.array([0, 0])
        ... )
        >>> def ranked(first: int) -> TrialQueries:
        ...     return TrialQueries(
        ...         num_matches=np.array([1, 0]), first_match_rank=np.array([first, 0]),
        ...         average_precision=np.array([1 / first, 0]),
        ...         inverse_negative_penalty=np.array([1 / first, 0]),
        ...     )
        >>> table = tabulate_queries([(images, ranked(1)), (images, ranked(4))])
        >>> table.scores[0].tolist(), table.group_trials.tolist()
        ([0.5, 1.0, 1.0, 1.0, 0.625, 0.625], [2])
    """
    groups: dict[bytes, list[_SortedTrial]] = {}
    for images, scores in trials:
        trial = _sorted_trial(images, scores)
        groups.setdefault(trial.signature(), []).append(trial)
    members = list(groups.values())
    firsts = [group[0] for group in members]
    return QueryTable(
        images=QueryImages(
            identity=np.concatenate([trial.images.identity for trial in firsts]),
            camera=np.concatenate([trial.images.camera for trial in firsts]),
            index=np.concatenate([trial.images.index for trial in firsts]),
        ),
        group=np.repeat(np.arange(len(members)), [len(trial.images) for trial in firsts]),
        valid=np.concatenate([trial.valid for trial in firsts]),
        scores=np.concatenate([_mean_scores(group) for group in members]),
        group_trials=np.array([len(group) for group in members]),
    )


def mean_table(tables: Sequence[QueryTable]) -> QueryTable:
    """Average the scores of each query over several results, such as seeds of one method.

    Args:
        tables: At least one, of the same queries.

    Raises:
        DataError: The queries differ, or are not valid in the same trials.
    """
    first, *others = tables
    if not all(first.same_queries(other) for other in others):
        raise DataError("they were not scored on the same queries; score them anew")
    return replace(first, scores=np.mean([table.scores for table in tables], axis=0))


@dataclass(frozen=True, eq=False)
class _SortedTrial:
    images: QueryImages
    valid: NDArray[np.bool_]
    scores: FloatArray

    def signature(self) -> bytes:
        labels = (self.images.identity, self.images.camera, self.images.index, self.valid)
        return np.stack([np.asarray(label, dtype=np.int64) for label in labels]).tobytes()


def _sorted_trial(images: QueryImages, scores: TrialQueries) -> _SortedTrial:
    order = images.sorting()
    return _SortedTrial(images[order], scores.valid[order], _metric_columns(scores)[order])


def _metric_columns(scores: TrialQueries) -> FloatArray:
    hits = [scores.valid & (scores.first_match_rank <= rank) for rank in SUMMARY_RANKS]
    return np.stack(
        [*hits, scores.average_precision, scores.inverse_negative_penalty], axis=1
    ).astype(np.float64)


def _mean_scores(group: Sequence[_SortedTrial]) -> FloatArray:
    total = np.zeros_like(group[0].scores)
    for trial in group:
        total += trial.scores
    return total / len(group)
