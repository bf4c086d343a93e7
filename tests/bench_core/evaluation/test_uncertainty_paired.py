"""The paired comparison: nothing where nothing differs, mirrored, and fair under the null."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.contracts.errors import DataError
from bench_core.contracts.metrics import METRICS
from bench_core.evaluation.query_table import QueryTable
from bench_core.evaluation.uncertainty import IdentitySums
from bench_core.evaluation.uncertainty_paired import (
    paired_differences,
    permutation_p_values,
    rank_1_told_apart,
)

MakeTable = Callable[..., QueryTable]


def average(table: QueryTable) -> np.ndarray:
    sums = IdentitySums.of(table)
    return sums.averages(np.ones((1, len(sums.valid))))[0]


def test_identical_results_have_no_difference_and_a_p_value_of_1(make_table: MakeTable) -> None:
    for difference in paired_differences(make_table(), make_table()).values():
        assert difference.value == 0
        assert difference.interval == (0, 0)
        assert difference.p_value == 1
        assert not difference.told_apart


@settings(max_examples=20)
@given(seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)), num_identities=st.integers(1, 70))
def test_the_difference_is_that_of_the_scores(
    make_table: MakeTable, seeds: tuple[int, int], num_identities: int
) -> None:
    tables = [make_table(seed=seed, num_identities=num_identities) for seed in seeds]
    found = paired_differences(*tables, num_replicates=50)
    expected = average(tables[1]) - average(tables[0])
    assert list(found) == list(METRICS)
    assert [difference.value for difference in found.values()] == pytest.approx(expected, abs=1e-12)
    for difference in found.values():
        assert -1 <= difference.interval[0] <= difference.interval[1] <= 1
        assert 0 < difference.p_value <= 1


@settings(max_examples=20)
@given(seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_exchanging_the_results_turns_the_difference_round(
    make_table: MakeTable, seeds: tuple[int, int]
) -> None:
    first, second = (make_table(seed=seed) for seed in seeds)
    there, back = paired_differences(first, second), paired_differences(second, first)
    for metric in METRICS:
        low, high = there[metric].interval
        assert back[metric].value == -there[metric].value
        assert back[metric].interval == pytest.approx((-high, -low), abs=1e-12)
        assert back[metric].p_value == there[metric].p_value


def test_a_method_that_is_better_for_everyone_is_told_apart(make_table: MakeTable) -> None:
    worse = make_table(0.3)
    better = replace(worse, scores=0.4 + 0.6 * worse.scores)
    difference = paired_differences(worse, better)["rank-1"]
    assert difference.told_apart
    assert difference.p_value == pytest.approx(1 / 10_001)
    assert 0 < difference.interval[0] < difference.value < difference.interval[1]
    assert rank_1_told_apart(worse, better)


def test_a_method_that_is_better_for_one_person_only_is_not(make_table: MakeTable) -> None:
    table = make_table(0.3)
    one = (table.images.identity == 7)[:, np.newaxis]
    better = replace(table, scores=np.where(one, 1.0, table.scores))
    difference = paired_differences(table, better)["rank-1"]
    assert difference.value > 0
    assert difference.p_value == 1
    assert not rank_1_told_apart(table, better)


def test_the_short_test_decides_as_the_whole_comparison(make_table: MakeTable) -> None:
    decisions = set()
    for seed in range(12):
        first, second = make_table(0.45, seed=seed), make_table(0.6, seed=seed + 50)
        decided = rank_1_told_apart(first, second)
        assert decided == paired_differences(first, second)["rank-1"].told_apart
        decisions.add(decided)
    assert decisions == {True, False}


@pytest.mark.parametrize("num_identities", [1, 2, 3, 6])
def test_the_p_value_is_near_that_of_all_exchanges(num_identities: int) -> None:
    terms = np.random.default_rng(num_identities).standard_normal((num_identities, 1))
    found = abs(terms.sum())
    exchanged = [
        abs(np.dot(signs, terms[:, 0])) >= found - 1e-12
        for signs in product((-1, 1), repeat=num_identities)
    ]
    assert permutation_p_values(terms)[0] == pytest.approx(np.mean(exchanged), abs=0.02)


def test_exchanges_that_give_the_same_difference_count_though_rounding_parts_them() -> None:
    terms = np.array([[0.1], [0.2], [-0.3 + 1e-17], [0.0]])
    assert permutation_p_values(terms)[0] == 1


@pytest.mark.parametrize("num_identities", [30, 96, 200])
def test_under_the_null_p_values_are_uniform(num_identities: int) -> None:
    terms = np.random.default_rng(0).standard_normal((num_identities, 1000))
    p_values = permutation_p_values(terms, num_permutations=1000)
    for level in (0.05, 0.2, 0.5, 0.8):
        assert np.mean(p_values <= level) == pytest.approx(level, abs=0.045)


def test_more_exchanges_than_fit_at_once_are_drawn_in_parts() -> None:
    terms = np.random.default_rng(0).standard_normal((5000, 1))
    distance = abs(terms.sum()) / np.sqrt(np.square(terms).sum())
    p_value = permutation_p_values(terms, num_permutations=1000)[0]
    assert p_value == pytest.approx(math.erfc(distance / math.sqrt(2)), abs=0.06)


def test_results_of_other_queries_are_refused(make_table: MakeTable) -> None:
    table = make_table()
    valid = table.valid.copy()
    valid[0] = False
    expected = "not scored on the same queries: 200 and 199 valid ones in 200 and 200"
    with pytest.raises(DataError, match=expected):
        paired_differences(table, replace(table, valid=valid))
    with pytest.raises(DataError, match="200 and 205 valid"):
        rank_1_told_apart(table, make_table(num_identities=41))
