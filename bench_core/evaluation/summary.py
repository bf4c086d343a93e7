"""The scores of all trials of a protocol, with their mean and standard deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bench_core.evaluation.trial import TrialScore

SUMMARY_RANKS = (1, 5, 10, 20)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of all trials.

    Attributes:
        trials: At least one, each with a CMC curve of 20 ranks or more.

    Examples:
        >>> from bench_core.evaluation.trial import TrialScore
        >>> trials = [
        ...     TrialScore(
        ...         cmc=np.ones(20), mean_average_precision=score,
        ...         mean_inverse_negative_penalty=score, num_queries=4, num_valid_queries=3,
        ...         num_gallery=2,
        ...     )
        ...     for score in (0.5, 0.75)
        ... ]
        >>> evaluation = Evaluation(tuple(trials))
        >>> evaluation.mean["mAP"], evaluation.std["mAP"], evaluation.mean["rank-1"]
        (0.625, 0.125, 1.0)
    """

    trials: tuple[TrialScore, ...]

    def __post_init__(self) -> None:
        if not self.trials:
            raise ValueError("an evaluation needs at least one trial")
        if min(len(trial.cmc) for trial in self.trials) < max(SUMMARY_RANKS):
            raise ValueError(f"CMC curves must reach rank {max(SUMMARY_RANKS)}")

    @property
    def mean(self) -> dict[str, float]:
        """Mean over trials of rank-1, rank-5, rank-10, rank-20, mAP and mINP, in [0, 1]."""
        return self._over_trials(np.mean)

    @property
    def std(self) -> dict[str, float]:
        """Standard deviation over trials, of the population (divided by the number of trials)."""
        return self._over_trials(np.std)

    def as_document(self) -> dict[str, Any]:
        """Return the scores as `bench eval --json` prints them.

        Returns:
            Query counts, gallery sizes, the scores of each trial, mean and std. Where trials
            differ in their number of queries or valid queries, the least of them is given.
        """
        return {
            "queries": min(trial.num_queries for trial in self.trials),
            "valid_queries": min(trial.num_valid_queries for trial in self.trials),
            "gallery": [trial.num_gallery for trial in self.trials],
            "trials": [_trial_document(trial) for trial in self.trials],
            "mean": self.mean,
            "std": self.std,
        }

    def _over_trials(self, reduce: Callable[[NDArray[np.float64]], Any]) -> dict[str, float]:
        rows = [_metrics(trial) for trial in self.trials]
        return {name: float(reduce(np.array([row[name] for row in rows]))) for name in rows[0]}


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
