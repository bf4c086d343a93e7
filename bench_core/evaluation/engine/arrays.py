"""The arrays that the compiled loops of `kernels` and `counting` work on, by name.

Letters in shapes: N images, V views, D dimensions, U columns of the pool, C columns of a block,
R queries of a batch, M their possible matches, T trials, A audiences, W words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GIVEN, SQUARED, ROOTED = 0, 1, 2
"""What an exact value is: a given distance, a sum of squares, a sum of lengths over views."""

LIMIT = 1e37
"""Values beyond this are computed exactly, and cut off here."""
COINCIDENT = 2.0**-4
"""Squared distances below this part of their squared reach are computed exactly before their root
is taken, which would make much of a small error."""

WORD = 63
"""Trials that are bits of one int64."""
FIELD_BITS = 16
FIELD_MASK = (1 << FIELD_BITS) - 1
FIELDS = 4
"""Trials whose counts are fields of one int64, each of `FIELD_BITS` bits."""


class Pairs(NamedTuple):
    """How the exact value of a query and a column is computed.

    Attributes:
        kind: `GIVEN`, `SQUARED` or `ROOTED`.
        features: float (N, V, D), or given distances (1, rows, columns).
        query_rows: int64, row of each query in `features`.
        column_rows: int64 (U,), row (given distances: column) of each column.
        query_inverse: float64 (queries, V), 1 / length of each feature; (0, 0): taken as they are.
        column_inverse: float64 (U, V).
    """

    kind: int
    features: NDArray[Any]
    query_rows: NDArray[np.int64]
    column_rows: NDArray[np.int64]
    query_inverse: NDArray[np.float64]
    column_inverse: NDArray[np.float64]


class Matches(NamedTuple):
    """The possible matches of a batch of queries, and what is counted about them.

    Attributes:
        queries: int64 (R,), numbers of the queries.
        audience: int64 (R,).
        own: int64 (R,), first column of the identity; the others follow.
        starts: int64 (R + 1,), where the matches of each query start.
        exact: float64 (M,), exact values; NaN where the query may not see the column.
        order: int64 (M,), the matches of each query, nearest first, those that it sees in front.
        num_seen: int64 (R,), matches that the query sees.
        positions: int32 (T, U), place of a column in a gallery; -1 where it is not in it.
        best: int64 (T, R), the first match; -1 without one.
        counts: int32 (M, T), images before a match.
        nearer: int32 (R, T), identities before the first match.
        last: int64 (R, W), trials, as bits, in which the last identity of a block was counted.
    """

    queries: NDArray[np.int64]
    audience: NDArray[np.int64]
    own: NDArray[np.int64]
    starts: NDArray[np.int64]
    exact: NDArray[np.float64]
    order: NDArray[np.int64]
    num_seen: NDArray[np.int64]
    positions: NDArray[np.int32]
    best: NDArray[np.int64]
    counts: NDArray[np.int32]
    nearer: NDArray[np.int32]
    last: NDArray[np.int64]


class Part(NamedTuple):
    """A block of columns.

    Attributes:
        first: First column.
        by_identity: Whether nearer identities are counted, too.
        trials: int64 (A, W, C), trials in whose gallery an audience sees a column: bit t % `WORD`
            of word t // `WORD` for trial t.
        packed: int64 (A, P, C), the same as numbers 0 or 1 in fields: field t % `FIELDS` of word
            t // `FIELDS` for trial t; P is a multiple of 3.
        numbers: int32 (C,), number of the identity, from 0 for the first in the block.
        starts: int64, first column of each identity, and the number of columns.
        continues: Whether the first identity has images in the block before.
    """

    first: int
    by_identity: bool
    trials: NDArray[np.int64]
    packed: NDArray[np.int64]
    numbers: NDArray[np.int32]
    starts: NDArray[np.int64]
    continues: bool


class Table(NamedTuple):
    """Values to count by, in float32 or float64, and how far they may be from exact ones.

    Attributes:
        values: float (V or 1, rows, columns), products of the features, or given distances.
        rows: int64 (R,), row of each query of the batch.
        columns: int64 (C,), column of each column of the block.
        lanes: float (0,), of the type to count in: values may be rounded to it.
        unit: What exact lengths are multiplied by.
        squares: float64 (V or 1, R), squared length of each query; exact squares are taken less
            this.
        column_squares: float64 (V or 1, C), squared length of each column; NaN: compute exactly.
        errors: float64 (R,), bound of the error of a value.
        rounding: Bound of the relative error that rounding adds, to values and to exact values.
    """

    values: NDArray[Any]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    lanes: NDArray[Any]
    unit: float
    squares: NDArray[np.float64]
    column_squares: NDArray[np.float64]
    errors: NDArray[np.float64]
    rounding: tuple[float, float]
