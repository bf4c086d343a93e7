"""Elementary functions that give the same bits on every processor and with every library.

NumPy chooses by processor how it computes exponentials, sines, powers and sums, and so does every
system's mathematical library: their results differ in the last digit. What is rounded correctly by
IEEE 754 does not: sums, differences, products, quotients and square roots, one at a time and in a
fixed order. Everything that the renderer computes is made of these, here or where it is used.
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Field: TypeAlias = NDArray[np.floating[Any]]
"""A map over pixels; float32 unless said otherwise."""

PI = 3.141592653589793
HALF_PI = PI / 2

# Half of pi in two parts: small multiples of the first, of 33 bits, are exact.
_HALF_PI_HIGH, _HALF_PI_LOW = 1.57079632673412561417, 6.07710050650619224932e-11
_SINE_TERMS, _COSINE_TERMS = 17, 16
_HALVINGS = 8
_STEEPEST = 64.0
_EXPONENT_STEPS = 1024


@lru_cache(maxsize=256)
def sine(angle: float) -> float:
    """Return the sine of an angle (radians), for angles up to some thousands."""
    turns, rest = _quarter_turns(angle)
    value = _taylor(rest, _COSINE_TERMS) if turns % 2 else rest * _taylor(rest, _SINE_TERMS)
    return -value if turns % 4 > 1 else value


@lru_cache(maxsize=256)
def cosine(angle: float) -> float:
    """Return the cosine of an angle (radians), for angles up to some thousands."""
    turns, rest = _quarter_turns(angle)
    value = rest * _taylor(rest, _SINE_TERMS) if turns % 2 else _taylor(rest, _COSINE_TERMS)
    return -value if (turns + 1) % 4 > 1 else value


def _quarter_turns(angle: float) -> tuple[int, float]:
    """Split an angle into quarter turns and a rest of at most an eighth of a turn."""
    turns = round(angle / HALF_PI)
    return turns, (angle - turns * _HALF_PI_HIGH) - turns * _HALF_PI_LOW


def _taylor(angle: float, terms: int) -> float:
    """Return 1 - a^2/(n(n-1)) (1 - a^2/((n-2)(n-3)) (...)), from the last term n inwards."""
    square, value = angle * angle, 1.0
    for term in range(terms, 1, -2):
        value = 1.0 - square / (term * (term - 1)) * value
    return value


def norm(x: float, y: float) -> float:
    """Return the length of the vector (x, y)."""
    return sqrt(x * x + y * y)


def norms(x: Field, y: Field) -> Field:
    """Return the lengths of vectors (x, y)."""
    return np.sqrt(x * x + y * y)


def decay(values: Field) -> Field:
    """Return exp(-values) for values >= 0.

    It is the 256th power of a quadratic: within 0.2 % up to 8, and a little less than it behind.
    """
    share = np.clip(values, 0, _STEEPEST) / (1 << _HALVINGS)
    result: Field = 1 - share * (1 - share / 2)
    for _ in range(_HALVINGS):
        result = result * result
    return result


def power(base: Field, exponent: float) -> Field:
    """Return `base ** exponent`, from products and square roots alone.

    Args:
        base: Values >= 0.
        exponent: At least 0; it counts in steps of 1/1024.
    """
    whole, fraction = divmod(round(exponent * _EXPONENT_STEPS), _EXPONENT_STEPS)
    result = np.ones_like(base)
    for _ in range(whole):
        result = result * base
    root = base
    while fraction:
        root = np.sqrt(root)
        fraction *= 2
        if fraction >= _EXPONENT_STEPS:
            result = result * root
            fraction -= _EXPONENT_STEPS
    return result


def arcsine(values: Field) -> Field:
    """Return the arc sine (radians) of values in [-1, 1], to 7e-5.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 4.4.45.
    """
    size = np.abs(values)
    cubic = 1.5707288 + size * (-0.2121144 + size * (0.0742610 + size * -0.0187293))
    angles: Field = np.copysign(HALF_PI - np.sqrt(1 - size) * cubic, values)
    return angles


def wrapped(angles: Field) -> Field:
    """Return angles (radians) turned into [-pi, pi]."""
    turns: Field = np.rint(angles / (2 * PI))
    return angles - turns * (2 * PI)


def unit_deviation(values: Field) -> Field:
    """Scale values to a standard deviation of 1; their mean must be about 0.

    They are added up one after another: `sum` adds in an order that the processor chooses.
    """
    squares = np.cumsum(values * values, axis=None, dtype=np.float64)
    return values / sqrt(float(squares[-1]) / squares.size)
