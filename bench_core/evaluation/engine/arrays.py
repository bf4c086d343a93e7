"""The arrays that the compiled loops of `kernels` and `counting` work on, by name.

Letters in shapes: N images, V views, D dimensions, U columns of the pool, C columns of a block,
R queries of a batch, M their possible matches, T trials, A audiences, W words of 64 columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SQUARED, ROOTED = 0, 1
"""What an exact value of features is: a sum of squares, or a sum of lengths over views."""

LIMIT = 1e37
"""Values beyond this are computed exactly, and cut off here."""
COINCIDENT = 2.0**-4
"""Squared distances below this part of their squared reach are computed exactly before their root
is taken, which would make much of a small error."""


class Pairs(NamedTuple):
    """How the exact value of a query and a column is computed from their features.

    Attributes:
        kind: `SQUARED` or `ROOTED`.
        features: float (N, V, D).
        query_rows: int64, row of each query in `features`.
        column_rows: int64 (U,), row of each column.
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
        best: int64 (T, R), the first match, as a place in the order of its query; -1 without one.
        counts: int32 (M, T), images of other identities before a match.
        nearer: int32 (R, T), identities before the first match.
        carried: uint64 (R, T), 1 where an image of the last identity of a block, which goes on in
            the next one, is before the first match.
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
    carried: NDArray[np.uint64]


class Part(NamedTuple):
    """A block of columns; bit i of word w is its column 64 w + i.

    Attributes:
        first: First column.
        num_columns: C.
        by_identity: Whether nearer identities are counted, too.
        galleries: uint64 (A, T, W), columns of the gallery of each trial that an audience may see.
        ends: uint64 (W,), the last column of each identity that ends in the block.
    """

    first: int
    num_columns: int
    by_identity: bool
    galleries: NDArray[np.uint64]
    ends: NDArray[np.uint64]
