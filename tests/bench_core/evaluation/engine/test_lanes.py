"""Operations on many numbers at once, against the same one by one."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.evaluation.engine.lanes import (
    BITS,
    LANES,
    count_bits,
    mask_below,
    mask_up_to,
    sum_squares,
)

STEP = st.integers(-(2**15), 2**15 - 1)


@numba.njit
def masks(values: np.ndarray, start: int, bound: np.int16) -> tuple[int, int]:
    return mask_below(values, start, bound), mask_up_to(values, start, bound)


@numba.njit
def ones(word: np.uint64) -> int:
    return count_bits(word)  # type: ignore[no-any-return]


@numba.njit
def squares(one: np.ndarray, other: np.ndarray, scale: float) -> float:
    return sum_squares(one, other, len(one) // LANES, scale)  # type: ignore[no-any-return]


@settings(max_examples=60)
@given(
    values=st.lists(STEP, min_size=2 * BITS, max_size=2 * BITS),
    bound=STEP,
    start=st.integers(0, BITS),
)
def test_masks_have_a_bit_for_each_number(values: list[int], bound: int, start: int) -> None:
    below, up_to = masks(np.array(values, np.int16), start, np.int16(bound))
    some = values[start : start + BITS]
    assert int(below) == sum(1 << place for place, value in enumerate(some) if value < bound)
    assert int(up_to) == sum(1 << place for place, value in enumerate(some) if value <= bound)


@given(word=st.integers(0, 2**64 - 1))
def test_bits_are_counted(word: int) -> None:
    assert ones(np.uint64(word)) == word.bit_count()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("is_aligned", [True, False])
def test_squares_are_summed_in_float64(dtype: type, is_aligned: bool) -> None:
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal(20 * LANES), rng.standard_normal(20 * LANES).astype(dtype)
    room = np.zeros(other.nbytes + 2, np.uint8)
    if not is_aligned:
        placed = room[2:].view(np.uint8)
        placed[:] = other.view(np.uint8)
        other = np.frombuffer(room, dtype, offset=2)
    assert other.flags.aligned == is_aligned
    expected = math.fsum((one - other.astype(np.float64) * 0.7) ** 2)
    assert squares(one, other, 0.7) == pytest.approx(expected, rel=1e-14)


def test_equal_features_have_equal_sums_wherever_they_lie() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.standard_normal((2, 64 * LANES)).astype(np.float32)
    shifted = np.concatenate([np.zeros(3, np.float32), other])[3:]
    wide = one.astype(np.float64)
    assert squares(wide, other, 1.0) == squares(wide, shifted, 1.0)
