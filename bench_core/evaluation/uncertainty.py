"""How far scores would move with other people: a bootstrap over identities.

The queries of one person succeed or fail together, so people are drawn anew, not queries. The
gallery and the trained model stay as they are.

Letters in shapes: R rows of a query table, I identities, K groups of trials, M metrics,
B replicates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.contracts.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bench_core.evaluation.query_table import QueryTable

FloatArray: TypeAlias = "NDArray[np.float64]"
Interval: TypeAlias = tuple[float, float]

CONFIDENCE = 0.95
NUM_REPLICATES = 2000
BOOTSTRAP_SEED = 0

_DRAWS_AT_ONCE = 2**20


@dataclass(frozen=True, eq=False)
class IdentitySums:
    """What every score is made of: sums over the valid queries of each identity.

    Attributes:
        valid: float64 (I, K), number of valid queries of an identity in a group of trials.
        scores: float64 (I, K, M), the sum of their scores.
        share: float64 (K,), share of the trials that a group holds.
    """

    valid: FloatArray
    scores: FloatArray
    share: FloatArray

    @classmethod
    def of(cls, table: QueryTable) -> IdentitySums:
        """Sum the rows of a table; an identity without any valid query is left out."""
        rows = np.flatnonzero(table.valid)
        identities, number = np.unique(table.images.identity[rows], return_inverse=True)
        shape = (len(identities), len(table.group_trials))
        cell = number * shape[1] + table.group[rows]
        valid = np.bincount(cell, minlength=shape[0] * shape[1])
        sums = [
            np.bincount(cell, weights=column, minlength=len(valid)).astype(np.float64)
            for column in table.scores[rows].T
        ]
        return cls(
            valid=valid.reshape(shape).astype(np.float64),
            scores=np.stack(sums, axis=1).reshape(*shape, -1),
            share=table.group_trials / table.group_trials.sum(),
        )

    def averages(self, counts: FloatArray) -> FloatArray:
        """Score samples of identities as trials are scored: a ratio of sums, averaged over trials.

        Args:
            counts: float64 (B, I), how often each identity is in each sample; at least one is.

        Returns:
            float64 (B, M). Trials without a valid query in a sample are left out of its average.
        """
        num_identities, num_groups, num_metrics = self.scores.shape
        num_valid = counts @ self.valid
        sums = counts @ self.scores.reshape(num_identities, -1)
        share = self.share * (num_valid > 0)
        weight = share / share.sum(axis=1, keepdims=True) / np.maximum(num_valid, 1)
        averages: FloatArray = np.einsum(
            "bk,bkm->bm", weight, sums.reshape(-1, num_groups, num_metrics)
        )
        return averages


def bootstrap_intervals(
    table: QueryTable, *, num_replicates: int = NUM_REPLICATES, seed: int = BOOTSTRAP_SEED
) -> dict[str, Interval]:
    """Compute the 95 % percentile interval of every metric by bootstrap over identities.

    As many identities as have a valid query are drawn with replacement, with all their queries;
    each replicate is scored as the result itself is. The interval runs from the 2.5th to the
    97.5th percentile of the replicates (Efron and Tibshirani, "An Introduction to the Bootstrap",
    1993, chapter 13).

    Args:
        table: The scores of the queries, at least one of them valid.
        num_replicates: Number of draws.
        seed: Of the draws; the same seed gives the same draws on every machine.

    Returns:
        (low, high) of each of `METRICS`, fractions in [0, 1]. With one identity, low is high.

    Examples:
        Two people, one always found and one never: a draw may hold either one alone.

        >>> from bench_core.evaluation.query_table import QueryImages, QueryTable
        >>> table = QueryTable(
        ...     images=QueryImages(
        ...         identity=np.array([1, 2]), camera=np.array([3, 3]), index=np.array([0, 0])
        ...     ),
        ...     group=np.array([0, 0]), valid=np.array([True, True]),
        ...     scores=np.array([[1.0] * 6, [0.0] * 6]), group_trials=np.array([10]),
        ... )
        >>> bootstrap_intervals(table)["rank-1"]
        (0.0, 1.0)
    """
    intervals = percentile_intervals(
        replicate_averages(IdentitySums.of(table), num_replicates, seed)
    )
    return dict(zip(METRICS, intervals, strict=True))


def replicate_averages(sums: IdentitySums, num_replicates: int, seed: int) -> FloatArray:
    """Score bootstrap replicates, float64 (B, M)."""
    draws = draw_identities(len(sums.valid), num_replicates, seed)
    return np.concatenate([sums.averages(counts) for counts in draws])


def draw_identities(num_identities: int, num_replicates: int, seed: int) -> Iterator[FloatArray]:
    """Draw identities with replacement, as many as there are.

    Args:
        num_identities: At least 1.
        num_replicates: Number of samples.
        seed: Of the draws.

    Yields:
        How often each identity was drawn, float64 (some replicates, I); all together B rows.
    """
    # The raw words of a bit generator never change with the version of numpy; samplers may.
    words = np.random.PCG64(seed)
    step = max(1, _DRAWS_AT_ONCE // num_identities)
    for start in range(0, num_replicates, step):
        size = min(step, num_replicates - start)
        upper = words.random_raw(size * num_identities) >> np.uint64(32)
        drawn = (upper * np.uint64(num_identities) >> np.uint64(32)).astype(np.int64)
        drawn += np.repeat(np.arange(size) * num_identities, num_identities)
        counts = np.bincount(drawn, minlength=size * num_identities)
        yield counts.reshape(size, num_identities).astype(np.float64)


def percentile_intervals(replicates: FloatArray) -> list[Interval]:
    """Return the central 95 % of replicates (B, M) as (low, high) of each metric."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(replicates, [tail, 1 - tail], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))
