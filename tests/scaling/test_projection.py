"""The page on scale says what its script computes, and the simulated queue what can be checked."""

from __future__ import annotations

import json

import projection
import pytest
from cluster import Cluster, simulate


def test_the_page_has_the_tables_that_the_rates_give() -> None:
    page = projection.PAGE.read_text()
    tables = projection.parts(json.loads(projection.RATES.read_text()))
    assert projection.put_into(page, tables) == page, "run tests/scaling/projection.py --write"


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no '<!-- gallery starts -->'"):
        projection.put_into("# Scale\n", {"gallery": "a table"})


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.02, "0.020 seconds"), (59, "59 seconds"), (11_160, "3.1 hours"), (1e9, "32 years")],
)
def test_durations_have_two_digits(seconds: float, shown: str) -> None:
    assert projection.show_seconds(seconds) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(512, "510 bytes"), (9.96e5, "1.0 MB"), (9.8304e11, "980 GB")]
)
def test_sizes_have_two_digits(number: float, shown: str) -> None:
    assert projection.show_bytes(number) == shown


def test_trainings_on_cards_that_are_kept_take_turns() -> None:
    cluster = Cluster(cards=4, start_seconds=10.0)
    outcome = simulate([90.0] * 10, cluster, seed=0)
    assert outcome.seconds == 300.0  # three turns of 10 + 90
    assert outcome.card_seconds == 1000.0
    assert outcome.longest == 100.0
    assert outcome.lost_share == pytest.approx(0.1)


def test_the_longest_training_begins_first() -> None:
    cluster = Cluster(cards=2, start_seconds=0.0)
    assert simulate([1.0, 1.0, 2.0], cluster, seed=0).seconds == 2.0


def test_what_a_preempted_card_loses_is_what_theory_says() -> None:
    """A long training of one card: starts, and on average half a checkpoint a preemption."""
    hours = 2.0
    cluster = Cluster(cards=1, hours_between_preemptions=hours)
    outcome = simulate([3600.0 * 20_000], cluster, seed=0)
    lost_each = cluster.start_seconds + cluster.checkpoint_seconds / 2
    assert outcome.lost_share == pytest.approx(lost_each / (hours * 3600), rel=0.05)
    assert outcome.card_seconds == pytest.approx(outcome.seconds)


def test_a_preempted_training_waits_for_nobody_who_has_not_begun() -> None:
    cluster = Cluster(cards=1, hours_between_preemptions=1.0)
    outcome = simulate([36_000.0] * 50, cluster, seed=0)
    assert outcome.longest < 1.5 * 36_000.0
