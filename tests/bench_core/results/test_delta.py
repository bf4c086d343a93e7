"""What is said of a gain names what it is more than, and what is not known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import stdev

import numpy as np
import pytest

from bench_core.contracts.errors import DataError, UsageError
from bench_core.evaluation.over_seeds import difference_over_seeds
from bench_core.evaluation.query_table import QueryTable
from bench_core.results.delta import Delta, compare_over_seeds

MakeTable = Callable[..., QueryTable]
StoreResult = Callable[..., Path]


class Stored:
    """Results whose scores of one table are moved, the same way for everyone."""

    def __init__(self, table: QueryTable, store: StoreResult) -> None:
        self._table, self._store = table, store

    def put(self, method: str, seed: int, by: float = 0.0, **changes: object) -> Path:
        scores = np.clip(np.round(self._table.scores + by, 1), 0, 1)
        table = replace(self._table, scores=scores)
        return self._store(table, method__id=method, method__seed=seed, **changes)

    def seeds(self, method: str, *moves: float, **changes: object) -> Path:
        first, *_ = [self.put(method, seed, by, **changes) for seed, by in enumerate(moves)]
        return first


@pytest.fixture
def stored(make_table: MakeTable, store_result: StoreResult) -> Stored:
    return Stored(make_table(0.4), store_result)


def test_all_seeds_that_lie_beside_are_compared(stored: Stored) -> None:
    first, second = stored.seeds("a", 0.0, 0.1, 0.1), stored.seeds("b", 0.3, 0.4)
    stored.put("c", 0)
    delta = compare_over_seeds(first, second)
    assert [len(side.paths) for side in delta.sides] == [3, 2]
    assert [record.method.seed for record in delta.sides[0].records] == [0, 1, 2]
    assert delta.comparison.names == ("a", "b")
    scores = [side.scores("mAP") for side in delta.sides]
    assert delta.sides[0].deviation("mAP") == stdev(scores[0])
    error = delta.comparison.differences["mAP"].standard_error
    assert delta.over_seeds is not None
    assert delta.over_seeds["mAP"] == difference_over_seeds(*scores, error, 40)
    value = delta.comparison.differences["mAP"].value
    assert delta.over_seeds["mAP"].value == pytest.approx(value, abs=1e-6)


def test_one_folder_may_be_named_in_two_ways(
    stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = stored.seeds("a", 0.0, 0.1), stored.seeds("b", 0.3, 0.4)
    monkeypatch.chdir(tmp_path)
    delta = compare_over_seeds(first, second.relative_to(tmp_path))
    assert [len(side.paths) for side in delta.sides] == [2, 2]


def test_a_gain_beyond_seeds_and_people_is_one_either_way_round(stored: Stored) -> None:
    first, second = stored.seeds("a", 0.0, 0.0, 0.1), stored.seeds("b", 0.5, 0.5, 0.6)
    there, back = compare_over_seeds(first, second), compare_over_seeds(second, first)
    assert there.sentences[0].startswith("b is better than a by rank-1: +")
    assert "more than other seeds and other people give" in there.sentences[0]
    assert there.sentences == back.sentences


def test_a_gain_that_seeds_give_is_none(stored: Stored) -> None:
    """The same gain for everyone, which the people alone would call significant."""
    first, second = stored.seeds("a", 0.0, 0.4), stored.seeds("b", 0.2, 0.5)
    delta = compare_over_seeds(first, second)
    assert delta.comparison.differences["mAP"].told_apart
    assert "b and a cannot be told apart by mAP" in delta.sentences[1]
    assert "are no more than other seeds give (95 %" in delta.sentences[1]


def test_of_a_single_seed_it_says_what_is_not_known(stored: Stored) -> None:
    delta = compare_over_seeds(stored.put("a", 3), stored.seeds("b", 0.2, 0.3))
    assert delta.over_seeds is None
    assert delta.sentences[0].startswith("Of a there is a single seed, so that nothing is known")
    document = delta.as_document()
    assert document["difference"]["mAP"]["interval_over_seeds"] is None
    assert document["first"]["deviation_over_seeds"]["mAP"] is None


def test_the_choice_of_an_epoch_is_told_where_results_of_another_lie_beside(
    stored: Stored,
) -> None:
    first, second = stored.seeds("a", 0.0, 0.1), stored.seeds("b", 0.1, 0.2)
    chosen = {"selection": "validation", "training_identities": ["9" * 64]}
    stored.put("b", 0, 0.4, **{f"provenance__{name}": value for name, value in chosen.items()})
    delta = compare_over_seeds(first, second)
    other = delta.sides[1].other_selection
    assert other is not None
    assert (other.selection, len(other.paths)) == ("validation", 1)
    assert other.change["mAP"] > 0.1
    a, b = delta.selection_sentences
    assert "it is not known what the choice gives" in a
    assert "the best on validation people instead would change rank-1 by +" in b
    assert b.endswith("points (1 seed).")


def test_methods_that_were_chosen_differently_are_named(stored: Stored) -> None:
    first = stored.seeds("a", 0.0, 0.1)
    second = stored.seeds("b", 0.1, 0.2, provenance__selection="validation")
    delta = compare_over_seeds(first, second)
    assert "chosen differently" in delta.selection_sentences[-1]


def test_deviation_over_trials_is_that_of_the_difference(stored: Stored) -> None:
    delta: Delta = compare_over_seeds(stored.seeds("a", 0.0, 0.1), stored.seeds("b", 0.1, 0.2))
    assert delta.over_trials == dict.fromkeys(delta.over_trials, 0.0)  # all trials are alike here


def test_seeds_of_one_configuration_are_not_compared_with_themselves(stored: Stored) -> None:
    first, second = (stored.put("a", seed) for seed in range(2))
    with pytest.raises(UsageError, match=r"are of one configuration.*leave out --seeds"):
        compare_over_seeds(first, second)


def test_a_seed_that_is_there_twice_is_named(stored: Stored) -> None:
    first, second = stored.put("a", 0), stored.put("b", 0)
    other = stored.put("b", 0, provenance__training_identities=["9" * 64])
    with pytest.raises(DataError, match="keep one of them in the folder") as caught:
        compare_over_seeds(first, second)
    assert str(second) in str(caught.value)
    assert str(other) in str(caught.value)
