"""Whether two methods, each with several seeds, differ by more than their seeds give."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import fmean, variance
from typing import TYPE_CHECKING

from bench_core.evaluation.uncertainty import CONFIDENCE, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class SeedDifference:
    """How far the difference of two methods would move with other seeds: second minus first.

    Attributes:
        value: Difference of the means over seeds.
        over_seeds: 95 % interval with other seeds and the same people.
        over_both: 95 % interval with other seeds and other people.
    """

    value: float
    over_seeds: Interval
    over_both: Interval

    def reversed(self) -> SeedDifference:
        """Return the difference of the first from the second."""
        (low, high), (lowest, highest) = self.over_seeds, self.over_both
        return SeedDifference(
            value=-self.value, over_seeds=(-high, -low), over_both=(-highest, -lowest)
        )

    @property
    def exceeds_seeds(self) -> bool:
        """Whether the difference is more than other seeds alone give."""
        return _excludes_zero(self.over_seeds)

    @property
    def told_apart(self) -> bool:
        """Whether the difference is more than other seeds and other people together give."""
        return _excludes_zero(self.over_both)


def difference_over_seeds(
    first: Sequence[float], second: Sequence[float], people_error: float, num_identities: int
) -> SeedDifference:
    """Compare two methods over their seeds.

    The interval over seeds is Welch's ("The generalization of 'Student's' problem when several
    different population variances are involved", 1947): seeds of one method are independent of
    those of the other, whatever their numbers, and the two may spread differently. That over both
    adds the variance over people to it, with degrees of freedom after Satterthwaite ("An
    approximate distribution of estimates of variance components", 1946). What seeds and people do
    together is in both variances, so that it rather is too wide.

    Args:
        first: Score of each seed of one method, at least two; a fraction.
        second: Score of each seed of the other, at least two.
        people_error: Standard error over people of the difference of the means over seeds, as of
            `bench_core.evaluation.uncertainty.Difference`.
        num_identities: People that it is of; with one of them there is no error.

    Raises:
        ValueError: A method has fewer than two seeds.

    Examples:
        >>> found = difference_over_seeds([0.50, 0.52, 0.54], [0.60, 0.61, 0.62], 0.01, 96)
        >>> round(found.value, 3), [round(end, 3) for end in found.over_seeds]
        (0.09, [0.048, 0.132])
        >>> found.exceeds_seeds, found.told_apart
        (True, True)
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("a spread over seeds needs two of them or more")
    value = fmean(second) - fmean(first)
    seeds = [(variance(scores) / len(scores), len(scores) - 1) for scores in (first, second)]
    people = (people_error**2, num_identities - 1)
    return SeedDifference(
        value=value,
        over_seeds=_interval(value, seeds),
        over_both=_interval(value, [*seeds, people]),
    )


def _interval(value: float, parts: Sequence[tuple[float, int]]) -> Interval:
    """Return the 95 % interval of a sum of independent parts: variance and degrees of freedom."""
    total = sum(part for part, _ in parts)
    if total == 0:
        return value, value
    from scipy.special import stdtrit

    spread = sum(part**2 / freedom for part, freedom in parts if part)
    half = float(stdtrit(total**2 / spread, (1 + CONFIDENCE) / 2)) * sqrt(total)
    return value - half, value + half


def _excludes_zero(interval: Interval) -> bool:
    low, high = interval
    return low > 0 or high < 0
