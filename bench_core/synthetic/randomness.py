"""Random numbers that are the same on every processor and with every version of NumPy.

NumPy promises that the bits of a generator stay the same, but not what its distributions make of
them (NEP 19), and some of those use the system's logarithm. So only raw bits come from NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench_core.synthetic.elementary import Field

_EVEN_BYTES = 0x00FF00FF00FF00FF
_EACH_PAIR = 0x0001000100010001
_BYTES_MEAN = 8 * 255 / 2
_BYTES_DEVIATION = 209.02153
"""Standard deviation of the sum of eight bytes: the root of 8 (256^2 - 1) / 12."""


class Randomness:
    """A source of random numbers that its key decides."""

    def __init__(self, *key: int) -> None:
        """Start at the first number.

        Args:
            key: Numbers >= 0; another key gives independent numbers.
        """
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def random(self) -> float:
        """Draw from [0, 1), in steps of 2^-53."""
        return (self._raw() >> 11) / (1 << 53)

    def uniform(self, low: float, high: float) -> float:
        """Draw from [low, high]."""
        return low + (high - low) * self.random()

    def below(self, count: int) -> int:
        """Draw a whole number from 0 to `count` - 1."""
        return (self._raw() * count) >> 64

    def chance(self, probability: float) -> bool:
        """Draw True with a probability."""
        return self.random() < probability

    def choose(self, probabilities: Sequence[float]) -> int:
        """Draw a place in a sequence of probabilities, which add up to 1."""
        rest = self.random()
        for place, probability in enumerate(probabilities):
            rest -= probability
            if rest < 0:
                return place
        return max(place for place, probability in enumerate(probabilities) if probability)

    def normal(self, mean: float, deviation: float) -> float:
        """Draw from a normal distribution; see `noise`."""
        total = sum(self._raw().to_bytes(8, "little"))
        return mean + deviation * ((total - _BYTES_MEAN) / _BYTES_DEVIATION)

    def noise(self, *shape: int) -> Field:
        """Draw white noise of mean 0 and deviation 1, float32 of a shape.

        A value is the sum of eight random bytes: close to a normal distribution, and never farther
        than 4.9 deviations from the mean.
        """
        raw = self._raws(*shape)
        pairs = (raw & np.uint64(_EVEN_BYTES)) + ((raw >> np.uint64(8)) & np.uint64(_EVEN_BYTES))
        totals = (pairs * np.uint64(_EACH_PAIR)) >> np.uint64(48)
        return (totals.astype(np.float32) - _BYTES_MEAN) / _BYTES_DEVIATION

    def uniforms(self, *shape: int) -> NDArray[np.float64]:
        """Draw from [0, 1), in steps of 2^-53, an array of a shape."""
        return (self._raws(*shape) >> np.uint64(11)) / np.float64(1 << 53)

    def permutation(self, count: int) -> list[int]:
        """Draw an order of the numbers from 0 to `count` - 1."""
        order: list[int] = np.argsort(self._raws(count), kind="stable").tolist()
        return order

    def permutations(self, rows: int, count: int) -> NDArray[np.int64]:
        """Draw an order of the numbers from 0 to `count` - 1 in each row, (rows, count)."""
        return np.argsort(self._raws(rows, count), axis=1, kind="stable")

    def deal(self, total: int, count: int) -> NDArray[np.int64]:
        """Give each of `total` things to one of `count` at random; return what each has."""
        high = self._raws(total) >> np.uint64(32)
        return np.bincount(
            ((high * np.uint64(count)) >> np.uint64(32)).astype(np.int64), minlength=count
        )

    def _raw(self) -> int:
        return int(self._bits.random_raw())

    def _raws(self, *shape: int) -> NDArray[np.uint64]:
        """Return 64 random bits a value, (*shape)."""
        return np.asarray(self._bits.random_raw(shape), dtype=np.uint64)
