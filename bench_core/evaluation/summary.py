"""The scores of each trial, and of all trials with their mean, spread and uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.contracts.metrics import SUMMARY_RANKS
from bench_core.evaluation.query_table import QueryTable, TrialQueries, tabulate_queries
from bench_core.evaluation.uncertainty import bootstrap_intervals

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bench_core.evaluation.query_table import QueryImages
    from bench_core.evaluation.uncertainty import Interval


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialScore:
    """The scores of one trial; averages are over the valid queries.

    Attributes:
        cmc: float64 (num_ranks,); element k - 1 is the fraction of valid queries with a match at
            rank k or before. Beyond the length of the ranked list it stays at its last value.
        mean_average_precision: mAP, in [0, 1].
        mean_inverse_negative_penalty: mINP, in [0, 1].
        num_queries: Query images.
        num_valid_queries: Queries with a match in the gallery that they may see.
        num_gallery: Gallery images.
        queries: The scores of each query, in the order of the queries.
    """

    cmc: NDArray[np.float64]
    mean_average_precision: float
    mean_inverse_negative_penalty: float
    num_queries: int
    num_valid_queries: int
    num_gallery: int
    queries: TrialQueries


def average_queries(scores: TrialQueries, *, num_gallery: int, num_ranks: int = 20) -> TrialScore:
    """Average the scores of the queries of a trial that have a match.

    Args:
        scores: Of each query.
        num_gallery: Gallery images of the trial.
        num_ranks: Length of the CMC curve.

    Returns:
        The scores of the trial.

    Raises:
        DataError: No query has a match.

    Examples:
        The first query finds its match behind one other; the second has none.

        >>> queries = TrialQueries(
        ...     num_matches=np.array([1, 0]), first_match_rank=np.array([2, 0]),
        ...     average_precision=np.array([0.5, 0]), inverse_negative_penalty=np.array([0.5, 0]),
        ... )
        >>> score = average_queries(queries, num_gallery=3, num_ranks=3)
        >>> score.cmc, score.mean_average_precision, score.num_valid_queries
        (array([0., 1., 1.]), 0.5, 1)
    """
    valid = scores.valid
    num_valid = int(np.count_nonzero(valid))
    if not num_valid:
        raise DataError(
            f"none of {len(valid)} queries has a match among the {num_gallery} gallery images "
            "that it may see; query and gallery identities do not belong together"
        )
    found = np.bincount(scores.first_match_rank[valid], minlength=num_ranks + 1)
    return TrialScore(
        cmc=np.cumsum(found[1 : num_ranks + 1]) / num_valid,
        mean_average_precision=float(scores.average_precision[valid].mean()),
        mean_inverse_negative_penalty=float(scores.inverse_negative_penalty[valid].mean()),
        num_queries=len(valid),
        num_valid_queries=num_valid,
        num_gallery=num_gallery,
        queries=scores,
    )


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of all trials.

    Attributes:
        trials: At least one, each with a CMC curve of 20 ranks or more.
        query_images: The query images of each trial, in the order of its queries.

    Raises:
        ValueError: There is no trial, a CMC curve is too short, or images and scores do not fit.

    Examples:
        >>> from bench_core.evaluation.query_table import QueryImages
        >>> one = np.array([1])
        >>> trials = [
        ...     average_queries(
        ...         TrialQueries(
        ...             num_matches=one, first_match_rank=np.array([rank]),
        ...             average_precision=1 / np.array([rank]),
        ...             inverse_negative_penalty=1 / np.array([rank]),
        ...         ),
        ...         num_gallery=4,
        ...     )
        ...     for rank in (1, 2)
        ... ]
        >>> image = QueryImages(identity=one, camera=one, index=one)
        >>> evaluation = Evaluation(tuple(trials), (image, image))
        >>> evaluation.mean["mAP"], evaluation.std["mAP"], evaluation.mean["rank-5"]
        (0.75, 0.25, 1.0)
    """

    trials: tuple[TrialScore, ...]
    query_images: tuple[QueryImages, ...]

    def __post_init__(self) -> None:
        if not self.trials:
            raise ValueError("an evaluation needs at least one trial")
        if min(len(trial.cmc) for trial in self.trials) < max(SUMMARY_RANKS):
            raise ValueError(f"CMC curves must reach rank {max(SUMMARY_RANKS)}")
        if [len(images) for images in self.query_images] != [
            trial.num_queries for trial in self.trials
        ]:
            raise ValueError("the query images do not fit the trials")

    @property
    def mean(self) -> dict[str, float]:
        """Mean over trials of rank-1, rank-5, rank-10, rank-20, mAP and mINP, in [0, 1]."""
        return self._over_trials(np.mean)

    @property
    def std(self) -> dict[str, float]:
        """Standard deviation over trials, of the population (divided by the number of trials)."""
        return self._over_trials(np.std)

    @cached_property
    def interval(self) -> dict[str, Interval]:
        """95 % interval (low, high) of the mean by bootstrap over identities, in [0, 1].

        See `bench_core.evaluation.uncertainty.bootstrap_intervals`.
        """
        return bootstrap_intervals(self.query_table)

    @cached_property
    def query_table(self) -> QueryTable:
        """The scores of every query, averaged over the trials that share their queries."""
        scores = [trial.queries for trial in self.trials]
        return tabulate_queries(zip(self.query_images, scores, strict=True))

    def as_document(self) -> dict[str, Any]:
        """Return the scores as `bench eval --json` prints them.

        Returns:
            Query counts, gallery sizes, the scores of each trial, mean, std and interval. Where
            trials differ in their number of queries or valid queries, the least of them is given.
        """
        return {
            "queries": min(trial.num_queries for trial in self.trials),
            "valid_queries": min(trial.num_valid_queries for trial in self.trials),
            "gallery": [trial.num_gallery for trial in self.trials],
            "trials": [_trial_document(trial) for trial in self.trials],
            "mean": self.mean,
            "std": self.std,
            "interval": {name: list(ends) for name, ends in self.interval.items()},
        }

    def _over_trials(self, reduce: Callable[[NDArray[np.float64]], Any]) -> dict[str, float]:
        rows = [_metrics(trial) for trial in self.trials]
        return {name: float(reduce(np.array([row[name] for row in rows]))) for name in rows[0]}


def split_by_query_camera(evaluation: Evaluation) -> dict[int, Evaluation]:
    """Average the queries of each camera on their own; galleries and ranks stay as they are.

    The mean over cameras, weighted by their valid queries, is the score of each trial.

    Args:
        evaluation: Scores of all queries.

    Returns:
        Camera, ascending, to the scores of its queries, over the trials in which one of them has a
        match. A camera of which no query ever has one is left out.
    """
    cameras = np.unique(np.concatenate([images.camera for images in evaluation.query_images]))
    scores = {int(camera): _scores_of(evaluation, camera) for camera in cameras}
    return {camera: found for camera, found in scores.items() if found}


def _scores_of(evaluation: Evaluation, camera: int) -> Evaluation | None:
    trials, query_images = [], []
    for trial, images in zip(evaluation.trials, evaluation.query_images, strict=True):
        rows = np.flatnonzero(images.camera == camera)
        scores = trial.queries[rows]
        if scores.valid.any():
            trials.append(
                average_queries(scores, num_gallery=trial.num_gallery, num_ranks=len(trial.cmc))
            )
            query_images.append(images[rows])
    return Evaluation(tuple(trials), tuple(query_images)) if trials else None


def _metrics(trial: TrialScore) -> dict[str, float]:
    ranks = {f"rank-{rank}": float(trial.cmc[rank - 1]) for rank in SUMMARY_RANKS}
    return {
        **ranks,
        "mAP": trial.mean_average_precision,
        "mINP": trial.mean_inverse_negative_penalty,
    }


def _trial_document(trial: TrialScore) -> dict[str, Any]:
    return {
        "cmc": trial.cmc.tolist(),
        "mAP": trial.mean_average_precision,
        "mINP": trial.mean_inverse_negative_penalty,
    }
