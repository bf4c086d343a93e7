"""Elementary functions, against those of the standard library."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.synthetic.elementary import (
    arcsine,
    cosine,
    decay,
    norm,
    norms,
    power,
    sine,
    unit_deviation,
    wrapped,
)


@given(st.floats(-5000, 5000))
def test_sine_and_cosine_are_right_to_the_last_digits(angle: float) -> None:
    assert sine(angle) == pytest.approx(math.sin(angle), abs=3e-16)
    assert cosine(angle) == pytest.approx(math.cos(angle), abs=3e-16)


@pytest.mark.parametrize("quarter", range(-8, 9))
def test_quarter_turns_fall_into_the_right_quadrant(quarter: int) -> None:
    angle = quarter * math.pi / 2
    assert sine(angle + 0.1) == pytest.approx(math.sin(angle + 0.1))
    assert cosine(angle - 0.1) == pytest.approx(math.cos(angle - 0.1))


@given(st.floats(0, 8))
def test_decay_is_an_exponential(value: float) -> None:
    assert decay(np.array([value])).item() == pytest.approx(math.exp(-value), rel=2e-3)


def test_decay_ends_in_a_small_positive_number() -> None:
    far = decay(np.array([20.0, 64.0, 1e6], dtype=np.float32))
    assert far.dtype == np.float32
    assert 0 < far[2] == far[1] < far[0] < 3e-9


@given(st.floats(0, 1.5), st.integers(0, 8 * 1024))
def test_power_is_exact_in_steps_of_its_exponent(base: float, steps: int) -> None:
    exponent = steps / 1024
    assert power(np.array([base]), exponent).item() == pytest.approx(base**exponent, rel=1e-12)


@pytest.mark.parametrize("exponent", [0.75, 0.85, 1.0, 2.4])
def test_power_keeps_the_number_format(exponent: float) -> None:
    base = np.linspace(0, 1, 100, dtype=np.float32)
    assert power(base, exponent).dtype == np.float32
    assert power(base, exponent) == pytest.approx(base**exponent, abs=2e-4)


@given(st.floats(-1, 1))
def test_the_arc_sine_is_close(value: float) -> None:
    assert arcsine(np.array([value])).item() == pytest.approx(math.asin(value), abs=7e-5)


@given(st.floats(-50, 50))
def test_angles_are_wrapped_to_half_a_turn_on_either_side(angle: float) -> None:
    turned = wrapped(np.array([angle])).item()
    assert abs(turned) <= math.pi + 1e-12
    assert math.cos(turned) == pytest.approx(math.cos(angle), abs=1e-9)
    assert math.sin(turned) == pytest.approx(math.sin(angle), abs=1e-9)


def test_norms_are_lengths() -> None:
    assert norm(3.0, -4.0) == 5.0
    assert norms(np.array([3.0, 0.0]), np.array([4.0, -2.0])).tolist() == [5.0, 2.0]


def test_a_map_is_scaled_to_unit_deviation() -> None:
    values = np.random.default_rng(0).normal(0, 3, (50, 80)).astype(np.float32)
    scaled = unit_deviation(values)
    assert scaled.dtype == np.float32
    assert scaled.std() == pytest.approx(1, abs=1e-3)
