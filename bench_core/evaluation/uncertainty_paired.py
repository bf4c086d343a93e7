"""Whether one result is better than another on the same queries.

Letters in shapes: I identities, K groups of trials, M metrics, P permutations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.contracts.metrics import METRICS
from bench_core.evaluation.uncertainty import (
    BOOTSTRAP_SEED,
    NUM_REPLICATES,
    IdentitySums,
    Interval,
    percentile_intervals,
    replicate_averages,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bench_core.evaluation.query_table import QueryTable

FloatArray: TypeAlias = "NDArray[np.float64]"

SIGNIFICANCE = 0.05
"""Two results whose p-value is not below this cannot be told apart."""
NUM_PERMUTATIONS = 10_000
PERMUTATION_SEED = 1

_SIGNS_AT_ONCE = 2**20
_ROUNDING = 1e-9
"""Part of the sum of all differences below which two permuted differences count as equal."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The difference of two results in one metric.

    Attributes:
        value: Second minus first, in [-1, 1].
        interval: 95 % interval of the difference by bootstrap over identities.
        p_value: Chance of a difference at least as large, either way, if the two results were
            alike: by exchanging them for random identities. Above 0, at most 1.
    """

    value: float
    interval: Interval
    p_value: float

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
    intervals = percentile_intervals(replicate_averages(sums, num_replicates, BOOTSTRAP_SEED))
    contributions = _contributions(sums)
    values = contributions.sum(axis=0).tolist()
    p_values = permutation_p_values(contributions).tolist()
    return {
        metric: Difference(value=value, interval=interval, p_value=p_value)
        for metric, value, interval, p_value in zip(
            METRICS, values, intervals, p_values, strict=True
        )
    }


def rank_1_told_apart(first: QueryTable, second: QueryTable) -> bool:
    """Return whether the rank-1 of two results can be told apart, by the paired test alone.

    Raises:
        DataError: The queries differ, or are not valid in the same trials.
    """
    contributions = _contributions(_difference_sums(first, second))
    place = METRICS.index("rank-1")
    p_values = permutation_p_values(contributions[:, place : place + 1])
    return bool(p_values[0] < SIGNIFICANCE)


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
    slack = _ROUNDING * np.abs(contributions).sum(axis=0)
    found = np.abs(contributions.sum(axis=0)) - slack
    beyond = np.zeros(contributions.shape[1], dtype=np.int64)
    for signs in _draw_signs(len(contributions), num_permutations, seed):
        beyond += np.count_nonzero(np.abs(signs @ contributions) >= found, axis=0)
    p_values: FloatArray = (1 + beyond) / (1 + num_permutations)
    return p_values


def _difference_sums(first: QueryTable, second: QueryTable) -> IdentitySums:
    if not first.same_queries(second):
        raise DataError(
            "the two results were not scored on the same queries: "
            f"{np.count_nonzero(first.valid)} and {np.count_nonzero(second.valid)} valid ones in "
            f"{len(first.valid)} and {len(second.valid)}; score both under one protocol again"
        )
    return IdentitySums.of(replace(first, scores=second.scores - first.scores))


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
