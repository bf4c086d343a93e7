"""The interval over seeds holds the truth, and two methods alike are seldom told apart."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import ttest_ind

from bench_core.evaluation.over_seeds import SeedDifference, difference_over_seeds
from bench_core.evaluation.query_table import QueryTable
from bench_core.evaluation.uncertainty import paired_differences

PEOPLE, REPETITIONS = 96, 400


def simulate(num_seeds: int, *, seed_spread: float, person_spread: float) -> dict[str, float]:
    """Draw pairs of methods that are alike over all seeds and people; return how often things hold.

    The score of a person is what the method does for that person, what the seed does for all, and
    what both do together.
    """
    rng = np.random.default_rng(0)
    held, both, seeds, people = 0, 0, 0, 0
    for _ in range(REPETITIONS):
        persons = rng.normal(0, person_spread, (2, 1, PEOPLE))
        of_seeds = rng.normal(0, seed_spread, (2, num_seeds, 1))
        scores = persons + of_seeds + rng.normal(0, 0.3, (2, num_seeds, PEOPLE))
        difference = (scores[1] - scores[0]).mean(axis=0)
        error = float(difference.std() / math.sqrt(PEOPLE))
        first, second = scores.mean(axis=2).tolist()
        found = difference_over_seeds(first, second, error, PEOPLE)
        low, high = found.over_seeds
        held += low <= float((persons[1] - persons[0]).mean()) <= high
        both += found.told_apart
        seeds += found.exceeds_seeds
        people += abs(difference.mean()) > 1.96 * error
    counts = {"held": held, "both": both, "seeds": seeds, "people": people}
    return {name: count / REPETITIONS for name, count in counts.items()}


@pytest.mark.parametrize("num_seeds", [2, 3, 5])
@pytest.mark.parametrize("seed_spread", [0.005, 0.05])
def test_methods_alike_are_told_apart_at_most_once_in_twenty(
    num_seeds: int, seed_spread: float
) -> None:
    found = simulate(num_seeds, seed_spread=seed_spread, person_spread=0.2)
    assert found["held"] >= 0.94
    assert found["both"] <= 0.06


def test_seeds_alone_and_people_alone_tell_methods_apart_that_are_alike() -> None:
    """Why both are needed: the one forgets the people, the other the seeds."""
    assert simulate(5, seed_spread=0.005, person_spread=0.2)["seeds"] > 0.15
    assert simulate(5, seed_spread=0.05, person_spread=0.05)["people"] > 0.2


def test_a_clear_gain_is_found() -> None:
    found = difference_over_seeds([0.50, 0.52, 0.51], [0.61, 0.60, 0.63], 0.01, PEOPLE)
    assert found.exceeds_seeds
    assert found.told_apart
    assert found.over_both[0] < found.over_seeds[0] < found.value < found.over_seeds[1]


def test_the_interval_over_seeds_is_that_of_welch() -> None:
    first, second = [0.1, 0.14, 0.13], [0.2, 0.31, 0.25, 0.28]
    expected = ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    found = difference_over_seeds(first, second, 0.02, PEOPLE)
    assert found.over_seeds == pytest.approx((expected.low, expected.high))


def test_seeds_that_do_not_differ_give_no_width() -> None:
    found = difference_over_seeds([0.5, 0.5], [0.6, 0.6], 0.0, 1)
    assert found.over_seeds == found.over_both == pytest.approx((0.1, 0.1))


def test_a_reversed_difference_is_that_of_the_exchanged_methods() -> None:
    first, second = [0.1, 0.2, 0.3], [0.5, 0.6]
    there = difference_over_seeds(first, second, 0.1, 9)
    back = difference_over_seeds(second, first, 0.1, 9)
    assert isinstance(back, SeedDifference)
    assert there.reversed().value == pytest.approx(back.value)
    assert there.reversed().over_seeds == pytest.approx(back.over_seeds)
    assert there.reversed().over_both == pytest.approx(back.over_both)


def test_one_seed_has_no_spread() -> None:
    with pytest.raises(ValueError, match="needs two of them or more"):
        difference_over_seeds([0.5], [0.6, 0.7], 0.01, PEOPLE)


def test_the_error_over_people_is_that_of_their_mean(make_table: Callable[..., QueryTable]) -> None:
    """The bootstrap's, which the command hands on, is what the simulation above takes."""
    first, second = make_table(0.4, seed=1), make_table(0.6, seed=2)
    found = paired_differences(first, second)["mAP"]
    each = (second.scores[:, 4] - first.scores[:, 4]).reshape(40, 5).mean(axis=1)
    assert found.standard_error == pytest.approx(each.std() / math.sqrt(40), rel=0.05)
