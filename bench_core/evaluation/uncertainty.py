"""How far scores would move with other people, and whether one result is better than another.

The queries of one person succeed or fail together, so people are drawn anew or exchanged, not
queries. The gallery and the trained model stay as they are.

Letters in shapes: R rows of a query table, I identities, K groups of trials, M metrics,
B replicates, P permutations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.contracts.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bench_core.evaluation.query_table import QueryTable

FloatArray: TypeAlias = "NDArray[np.float64]"
Interval: TypeAlias = tuple[float, float]

CONFIDENCE = 0.95
NUM_REPLICATES = 2000
BOOTSTRAP_SEED = 0

SIGNIFICANCE = 0.05
"""Two results whose p-value is not below this cannot be told apart."""
NUM_PERMUTATIONS = 10_000
PERMUTATION_SEED = 1

_DRAWS_AT_ONCE = 2**20
_SIGNS_AT_ONCE = 2**20
_SIGNS_A_LOOK = 512
"""Exchanges between two looks at whether the decision has fallen."""
_ROUNDING = 1e-9
"""Part of the sum of all differences below which two permuted differences count as equal."""


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
    intervals = _percentile_intervals(
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


def _percentile_intervals(replicates: FloatArray) -> list[Interval]:
    """Return the central 95 % of replicates (B, M) as (low, high) of each metric."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(replicates, [tail, 1 - tail], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The difference of two results in one metric.

    Attributes:
        value: Second minus first, in [-1, 1].
        interval: 95 % interval of the difference by bootstrap over identities.
        p_value: Chance of a difference at least as large, either way, if the two results were
            alike: by exchanging them for random identities. Above 0, at most 1.
        standard_error: Standard deviation of the difference over the bootstrap's draws.
    """

    value: float
    interval: Interval
    p_value: float
    standard_error: float

    @property
    def told_apart(self) -> bool:
        """Whether the p-value is below `SIGNIFICANCE`."""
        return self.p_value < SIGNIFICANCE


def paired_differences(
    first: QueryTable, second: QueryTable, *, num_replicates: int = NUM_REPLICATES
) -> dict[str, Difference]:
    """Compare two results on the same queries: second minus first.

    Args:
        first: Scores of the queries of one result.
        second: Scores of the same queries of another.
        num_replicates: Number of bootstrap draws.

    Returns:
        The difference in each of `METRICS`. The interval is that of
        `bench_core.evaluation.uncertainty.bootstrap_intervals`, of the difference; the p-value
        that of `permutation_p_values`.

    Raises:
        DataError: The queries differ, or are not valid in the same trials.
    """
    sums = _difference_sums(first, second)
    replicates = replicate_averages(sums, num_replicates, BOOTSTRAP_SEED)
    intervals, errors = _percentile_intervals(replicates), replicates.std(axis=0).tolist()
    contributions = _contributions(sums)
    values = contributions.sum(axis=0).tolist()
    p_values = permutation_p_values(contributions).tolist()
    return {
        metric: Difference(value=value, interval=interval, p_value=p_value, standard_error=error)
        for metric, value, interval, p_value, error in zip(
            METRICS, values, intervals, p_values, errors, strict=True
        )
    }


class Rank1Test:
    """Tells the rank-1 of two results apart, by the paired test alone, pair after pair.

    The exchanges of `permutation_p_values` are drawn once for all pairs with equally many
    identities, and no more of them are tried than the decision needs.
    """

    def __init__(self) -> None:
        self._num_identities = 0
        self._signs: list[FloatArray] = []

    def told_apart(self, first: QueryTable, second: QueryTable) -> bool:
        """Return whether the p-value of the difference is below `SIGNIFICANCE`.

        Args:
            first: Scores of the queries of one result.
            second: Scores of the same queries of another.

        Raises:
            DataError: The queries differ, or are not valid in the same trials.
        """
        terms = _contributions(_difference_sums(first, second, ("rank-1",)))[:, 0]
        found = _smallest_beyond(terms[:, None])[0]
        beyond = 0
        for signs in self._exchanges(len(terms)):
            beyond += int(np.count_nonzero(np.abs(signs @ terms) >= found))
            if 1 + beyond >= SIGNIFICANCE * (1 + NUM_PERMUTATIONS):
                return False
        return True

    def _exchanges(self, num_identities: int) -> list[FloatArray]:
        if num_identities != self._num_identities:
            drawn = _draw_signs(num_identities, NUM_PERMUTATIONS, PERMUTATION_SEED)
            self._signs = [part for block in drawn for part in _split(block, _SIGNS_A_LOOK)]
            self._num_identities = num_identities
        return self._signs


def permutation_p_values(
    contributions: FloatArray,
    *,
    num_permutations: int = NUM_PERMUTATIONS,
    seed: int = PERMUTATION_SEED,
) -> FloatArray:
    """Test whether sums differ from 0 by turning random terms round.

    Turning round the contribution of an identity exchanges the two results for that person; if
    the results are alike, every such exchange is as likely as what was found.

    Args:
        contributions: float64 (I, M), what each identity adds to the difference.
        num_permutations: Number P of random exchanges.
        seed: Of the exchanges; the same seed gives the same ones on every machine.

    Returns:
        float64 (M,): (1 + how many permuted sums are at least as far from 0) / (1 + P), two-sided
        and never 0 (Phipson and Smyth, "Permutation P-values Should Never Be Zero", 2010).

    Examples:
        >>> alike, clear = np.zeros(30), np.ones(30)
        >>> permutation_p_values(np.stack([alike, clear], axis=1)).round(4).tolist()
        [1.0, 0.0001]
    """
    found = _smallest_beyond(contributions)
    beyond = np.zeros(contributions.shape[1], dtype=np.int64)
    for signs in _draw_signs(len(contributions), num_permutations, seed):
        beyond += np.count_nonzero(np.abs(signs @ contributions) >= found, axis=0)
    p_values: FloatArray = (1 + beyond) / (1 + num_permutations)
    return p_values


def _smallest_beyond(contributions: FloatArray) -> FloatArray:
    """Return how far from 0 a permuted sum counts as at least as far as the one found, (M,)."""
    slack = _ROUNDING * np.abs(contributions).sum(axis=0)
    smallest: FloatArray = np.abs(contributions.sum(axis=0)) - slack
    return smallest


def _split(rows: FloatArray, size: int) -> Iterator[FloatArray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _difference_sums(
    first: QueryTable, second: QueryTable, metrics: Sequence[str] = METRICS
) -> IdentitySums:
    """Sum what the second result has more than the first, of some metrics in their order."""
    if not first.same_queries(second):
        raise DataError(
            "the two results were not scored on the same queries: "
            f"{np.count_nonzero(first.valid)} and {np.count_nonzero(second.valid)} valid ones in "
            f"{len(first.valid)} and {len(second.valid)}; score both under one protocol again"
        )
    columns = [METRICS.index(metric) for metric in metrics]
    return IdentitySums.of(
        replace(first, scores=second.scores[:, columns] - first.scores[:, columns])
    )


def _contributions(sums: IdentitySums) -> FloatArray:
    """Split the difference into what each identity adds to it, float64 (I, M)."""
    contributions: FloatArray = np.einsum(
        "k,ikm->im", sums.share / sums.valid.sum(axis=0), sums.scores
    )
    return contributions


def _draw_signs(num_identities: int, num_permutations: int, seed: int) -> Iterator[FloatArray]:
    """Yield signs, float64 (some permutations, I); all together P rows."""
    words = np.random.PCG64(seed)  # see `draw_identities`
    num_words = -(-num_identities // 64)
    step = max(1, _SIGNS_AT_ONCE // (64 * num_words))
    for start in range(0, num_permutations, step):
        size = min(step, num_permutations - start)
        raw = words.random_raw(size * num_words).astype("<u8").reshape(size, num_words)
        bits = np.unpackbits(raw.view(np.uint8), axis=1, count=num_identities)
        yield np.where(bits, -1.0, 1.0)
