"""Random numbers: fixed by their key, and of the distributions that they claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.synthetic.randomness import Randomness

NUM_DRAWS = 20_000
FOUR_ERRORS = 4 / NUM_DRAWS**0.5
"""Four standard errors of the mean of draws of unit deviation."""


def test_a_key_decides_the_numbers() -> None:
    """Pinned: another number here means other people for every seed."""
    rng = Randomness(0, 2, 7)
    drawn = [rng.random(), rng.below(1000), rng.normal(0, 1), *rng.permutation(5)]
    assert drawn == [0.7314810047386062, 800, 0.36359890772974435, 3, 1, 2, 4, 0]
    assert Randomness(0, 2, 8).random() != Randomness(0, 2, 7).random()


def test_uniform_draws_fill_their_range() -> None:
    rng = Randomness(1)
    drawn = np.array([rng.uniform(2.0, 6.0) for _ in range(NUM_DRAWS)])
    assert 2 <= drawn.min() < 2.01
    assert 5.99 < drawn.max() <= 6
    assert drawn.mean() == pytest.approx(4, abs=FOUR_ERRORS * 1.16)


@given(st.integers(1, 2**40), st.integers(0, 2**31))
def test_whole_numbers_stay_below_their_count(count: int, seed: int) -> None:
    assert 0 <= Randomness(seed).below(count) < count


def test_whole_numbers_are_equally_frequent() -> None:
    rng = Randomness(2)
    counts = np.bincount([rng.below(7) for _ in range(NUM_DRAWS)], minlength=7)
    assert np.abs(counts / NUM_DRAWS - 1 / 7).max() < FOUR_ERRORS * 0.35


def test_choices_follow_their_probabilities() -> None:
    rng, probabilities = Randomness(3), (0.5, 0.0, 0.3, 0.2, 0.0)
    counts = np.bincount([rng.choose(probabilities) for _ in range(NUM_DRAWS)], minlength=5)
    assert counts[1] == counts[4] == 0
    assert np.abs(counts / NUM_DRAWS - probabilities).max() < FOUR_ERRORS / 2


def test_a_rounding_gap_at_the_end_falls_to_the_last_that_is_possible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = Randomness(4)
    monkeypatch.setattr(rng, "random", lambda: 1 - 2**-53)
    assert rng.choose((0.3, 0.7 - 1e-9, 0.0)) == 1


@pytest.mark.parametrize("many", [False, True])
def test_normal_draws_have_the_moments_of_a_normal_distribution(many: bool) -> None:
    rng = Randomness(5)
    drawn = (
        rng.noise(200, NUM_DRAWS // 200).ravel().astype(np.float64)
        if many
        else np.array([rng.normal(0, 1) for _ in range(NUM_DRAWS)])
    )
    assert drawn.mean() == pytest.approx(0, abs=FOUR_ERRORS)
    assert drawn.std() == pytest.approx(1, abs=FOUR_ERRORS)
    assert (drawn**3).mean() == pytest.approx(0, abs=4 * FOUR_ERRORS)
    assert (drawn**4).mean() == pytest.approx(3 - 0.15, abs=10 * FOUR_ERRORS)
    assert np.abs(drawn).max() < 4.9


def test_single_and_many_normal_draws_are_the_same_numbers() -> None:
    single, many = Randomness(6), Randomness(6)
    drawn = [single.normal(0, 1) for _ in range(50)]
    assert many.noise(5, 10).ravel().tolist() == pytest.approx(drawn, abs=1e-6)


def test_permutations_hold_every_number_once_and_differ() -> None:
    rng = Randomness(7)
    rows = rng.permutations(40, 9)
    assert (np.sort(rows, axis=1) == np.arange(9)).all()
    assert len({tuple(row) for row in rows}) == 40
    assert sorted(rng.permutation(100)) == list(range(100))
    assert rng.permutations(3, 0).shape == (3, 0)


@given(st.integers(0, 500), st.integers(1, 30), st.integers(0, 2**31))
def test_everything_is_dealt(total: int, count: int, seed: int) -> None:
    dealt = Randomness(seed).deal(total, count)
    assert dealt.shape == (count,)
    assert dealt.sum() == total


def test_dealing_favours_nobody() -> None:
    dealt = Randomness(8).deal(NUM_DRAWS, 5)
    assert np.abs(dealt / NUM_DRAWS - 0.2).max() < FOUR_ERRORS * 0.4
