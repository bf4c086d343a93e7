"""Bootstrap intervals over identities: equal to a slow loop, honest, and the same everywhere.

The paired comparison: nothing where nothing differs, mirrored, and fair under the null.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.contracts.errors import DataError
from bench_core.contracts.metrics import METRICS
from bench_core.evaluation.query_table import QueryImages, QueryTable
from bench_core.evaluation.uncertainty import (
    IdentitySums,
    Rank1Test,
    bootstrap_intervals,
    draw_identities,
    paired_differences,
    permutation_p_values,
    replicate_averages,
)

MakeTable = Callable[..., QueryTable]


def slow_average(table: QueryTable, drawn: list[int], metric: int) -> float:
    """Score a sample of identities one query at a time, one trial after another."""
    trials: list[float] = []
    for group, num_trials in enumerate(table.group_trials):
        values = [
            table.scores[row, metric]
            for identity in drawn
            for row in range(len(table.valid))
            if table.images.identity[row] == identity
            and table.group[row] == group
            and table.valid[row]
        ]
        if values:
            trials += [sum(values) / len(values)] * int(num_trials)
    return sum(trials) / len(trials)


@st.composite
def tables(draw: st.DrawFn) -> QueryTable:
    """Draw one to three groups of trials over few identities, some queries not valid."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(1, 5), st.integers(0, 2), st.booleans()), min_size=1, max_size=12
        )
    )
    rows = sorted([*rows, *((1, group, True) for group in range(3))], key=lambda row: row[1])
    identity, group, valid = (np.array(column) for column in zip(*rows, strict=True))
    scores = np.random.default_rng(draw(st.integers(0, 9))).random((len(rows), len(METRICS)))
    return QueryTable(
        images=QueryImages(
            identity=identity, camera=np.full(len(rows), 3), index=np.arange(len(rows))
        ),
        group=group,
        valid=valid,
        scores=np.where(valid[:, np.newaxis], scores, 0),
        group_trials=np.array(draw(st.lists(st.integers(1, 4), min_size=3, max_size=3))),
    )


@settings(max_examples=30)
@given(table=tables())
def test_replicates_equal_a_slow_loop_over_the_same_draws(table: QueryTable) -> None:
    identities = np.unique(table.images.identity[table.valid])
    (counts,) = draw_identities(len(identities), 8, seed=3)
    replicates = replicate_averages(IdentitySums.of(table), 8, seed=3)
    for row, count in enumerate(counts.astype(int)):
        drawn = np.repeat(identities, count).tolist()
        expected = [slow_average(table, drawn, metric) for metric in range(len(METRICS))]
        np.testing.assert_allclose(replicates[row], expected, rtol=0, atol=1e-12)


@settings(max_examples=50)
@given(table=tables())
def test_intervals_are_fractions_in_order_within_the_scores(table: QueryTable) -> None:
    intervals = bootstrap_intervals(table, num_replicates=50)
    assert list(intervals) == list(METRICS)
    for (low, high), column in zip(intervals.values(), table.scores[table.valid].T, strict=True):
        assert 0 <= low <= high <= 1
        assert column.min() - 1e-12 <= low
        assert high <= column.max() + 1e-12


def test_every_draw_has_as_many_identities_as_there_are() -> None:
    (counts,) = draw_identities(96, 500, seed=0)
    assert counts.shape == (500, 96)
    assert set(counts.sum(axis=1)) == {96}


def test_identities_are_drawn_alike() -> None:
    (counts,) = draw_identities(10, 4000, seed=0)
    assert counts.mean(axis=0) == pytest.approx(np.ones(10), abs=0.06)
    assert counts.var(axis=0) == pytest.approx(np.full(10, 0.9), abs=0.1)


def test_many_identities_are_drawn_in_parts() -> None:
    parts = list(draw_identities(2**19, 3, seed=0))
    assert [len(part) for part in parts] == [2, 1]
    assert np.concatenate(parts).sum(axis=1).tolist() == [2**19] * 3


def test_the_draws_are_these_on_every_machine() -> None:
    (counts,) = draw_identities(6, 3, seed=0)
    assert counts.astype(int).tolist() == [
        [2, 1, 0, 1, 1, 1],
        [1, 0, 0, 2, 2, 1],
        [1, 1, 0, 1, 1, 2],
    ]


def test_the_same_table_has_the_same_intervals(make_table: MakeTable) -> None:
    assert bootstrap_intervals(make_table()) == bootstrap_intervals(make_table())
    assert bootstrap_intervals(make_table()) != bootstrap_intervals(make_table(), seed=1)


def test_queries_without_a_match_and_their_people_change_nothing(make_table: MakeTable) -> None:
    table = make_table(num_identities=8)
    more = QueryTable(
        images=QueryImages(
            identity=np.append(table.images.identity, [3, 99]),
            camera=np.append(table.images.camera, [6, 6]),
            index=np.append(table.images.index, [0, 0]),
        ),
        group=np.append(table.group, [0, 0]),
        valid=np.append(table.valid, [False, False]),
        scores=np.vstack([table.scores, np.zeros((2, 6))]),
        group_trials=table.group_trials,
    )
    assert bootstrap_intervals(more) == bootstrap_intervals(table)


def test_one_person_alone_has_no_width(make_table: MakeTable) -> None:
    table = make_table(num_identities=1)
    low, high = bootstrap_intervals(table)["mAP"]
    assert low == high == pytest.approx(table.scores[:, 4].mean())


def test_more_queries_of_the_same_people_do_not_narrow_the_interval(make_table: MakeTable) -> None:
    table = make_table(num_identities=30)
    repeated = replace(
        table,
        images=table.images[np.repeat(np.arange(len(table.valid)), 20)],
        group=np.repeat(table.group, 20),
        valid=np.repeat(table.valid, 20),
        scores=np.repeat(table.scores, 20, axis=0),
    )
    for first, second in zip(
        bootstrap_intervals(table).values(), bootstrap_intervals(repeated).values(), strict=True
    ):
        assert first == pytest.approx(second, abs=1e-12)


def test_about_95_of_100_intervals_hold_the_truth(make_table: MakeTable) -> None:
    population = make_table(num_identities=100_000, shots=3, seed=99)
    truth = population.scores[:, 4].mean()
    covered = []
    for seed in range(300):
        table = make_table(num_identities=60, shots=3, seed=seed)
        low, high = bootstrap_intervals(table, num_replicates=400)["mAP"]
        covered.append(low <= truth <= high)
    assert 0.90 <= np.mean(covered) <= 0.98


def test_a_result_of_the_size_of_sysu_mm01_takes_a_fraction_of_half_a_second(
    make_table: MakeTable,
) -> None:
    table = make_table(num_identities=96, shots=40)
    start = perf_counter()
    bootstrap_intervals(table)
    assert perf_counter() - start < 0.5


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
    assert Rank1Test().told_apart(worse, better)


def test_a_method_that_is_better_for_one_person_only_is_not(make_table: MakeTable) -> None:
    table = make_table(0.3)
    one = (table.images.identity == 7)[:, np.newaxis]
    better = replace(table, scores=np.where(one, 1.0, table.scores))
    difference = paired_differences(table, better)["rank-1"]
    assert difference.value > 0
    assert difference.p_value == 1
    assert not Rank1Test().told_apart(table, better)


def test_the_short_test_decides_as_the_whole_comparison(make_table: MakeTable) -> None:
    test, decisions = Rank1Test(), set()
    for seed in range(12):
        first, second = make_table(0.45, seed=seed), make_table(0.6, seed=seed + 50)
        decided = test.told_apart(first, second)
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
        Rank1Test().told_apart(table, make_table(num_identities=41))


@pytest.mark.parametrize("num_identities", [5, 64, 70])
def test_the_exchanges_are_these_on_every_machine(num_identities: int) -> None:
    """Signs are the bits of the generator's words: identity 0 the highest of the first byte."""
    contributions = np.random.default_rng(6).standard_normal((num_identities, 1)) + 0.1
    num_words = 1 if num_identities <= 64 else 2
    words = np.random.PCG64(3).random_raw(40 * num_words).tolist()
    beyond = 0
    for start in range(0, len(words), num_words):
        raw = b"".join(word.to_bytes(8, "little") for word in words[start : start + num_words])
        bits = "".join(f"{byte:08b}" for byte in raw)[:num_identities]
        total = sum(
            value if bit == "0" else -value
            for value, bit in zip(contributions[:, 0], bits, strict=True)
        )
        beyond += abs(total) >= abs(contributions.sum())
    (p_value,) = permutation_p_values(contributions, num_permutations=40, seed=3)
    assert p_value == pytest.approx((1 + beyond) / 41)
