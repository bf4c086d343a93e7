"""Bootstrap intervals over identities: equal to a slow loop, honest, and the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.contracts.metrics import METRICS
from bench_core.evaluation.query_table import QueryImages, QueryTable
from bench_core.evaluation.uncertainty import (
    IdentitySums,
    bootstrap_intervals,
    draw_identities,
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
