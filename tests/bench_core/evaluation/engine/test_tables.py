"""Values of given distances: those of some rows and columns, rounded to float32 and limited."""

import numpy as np
import pytest

from bench_core.evaluation.engine.arrays import LIMIT
from bench_core.evaluation.engine.tables import GivenTable


@pytest.mark.parametrize("columns", [[1, 2, 3], [3, 0, 2], [2]], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances_are_read_by_row_and_column(columns: list[int], dtype: type) -> None:
    distances = np.random.default_rng(0).standard_normal((5, 4)).astype(dtype)
    rows = np.array([4, 0, 3])
    values = np.empty((2, len(columns)), np.float32)
    GivenTable(distances, rows, np.array(columns)).fill(slice(1, 3), values)
    expected = distances[np.ix_(rows[1:], columns)].astype(np.float32)
    np.testing.assert_array_equal(values, expected)


def test_distances_beyond_the_limits_are_the_limits() -> None:
    values = np.empty((1, 3), np.float32)
    GivenTable(np.array([[-1e300, 0.0, 1e300]]), np.array([0]), np.arange(3)).fill(slice(1), values)
    np.testing.assert_array_equal(values[0], np.array([-LIMIT, 0, LIMIT], np.float32))
