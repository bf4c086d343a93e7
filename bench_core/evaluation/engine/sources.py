"""Where distances come from: values to count by, and how exact ones are computed.

The unit of a source's values is its own: any increasing function of the distance, which may
differ from query to query.

Of features, values are one matrix product in the features' own precision. The product of centred
features gives half the squared distance, up to a number that is the same for all columns of a
query: |g|^2 / 2 - q.g. That ranks as the distance does. Lengths that add up over views are taken
from a product each. The error of the values is measured on every product: at all matches, and at
some other pairs of every query. Kernels compare exactly whatever is nearer than several times that.

Letters in shapes: Q queries, U columns, R queries of a batch, C columns of a block, V views,
D dimensions. Cosine distances add up over views as squared Euclidean ones do, so that its views
become one vector of V x D dimensions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.evaluation.distances import check_lengths
from bench_core.evaluation.engine.arrays import ROOTED, SQUARED, Pairs
from bench_core.evaluation.engine.errors import measure_errors
from bench_core.evaluation.engine.kernels import find_lengths, measure_pairs
from bench_core.evaluation.engine.tables import GivenTable, ProductTable
from bench_core.evaluation.scaling import find_largest, is_wide, scale_together, scale_views
from bench_core.evaluation.threads import in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch
    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric
    from bench_core.evaluation.engine.arrays import Matches
    from bench_core.evaluation.engine.pool import TrialPool
    from bench_core.evaluation.engine.tables import Table

IntArray: TypeAlias = "NDArray[np.int64]"
FloatArray: TypeAlias = "NDArray[np.floating[Any]]"
Exact: TypeAlias = "NDArray[np.float64]"

_ORIGIN_SAMPLE = 101
_CHECKED_TOGETHER = 16
"""Rows that are looked at at once: they, too."""
_MEASURED_TOGETHER = 4096
"""Pairs that are worth a thread."""
_CENTRED_TOGETHER = 32
"""Features that are centred at once: they stay in a processor's cache."""
_SAFETY = {SQUARED: 4.0, ROOTED: 8.0}
"""Values may err by this times the largest error seen; more where roots magnify errors."""
_LEAST = 8.0
"""Values may err by this many roundings, whatever is seen: the products of nearly equal features,
of which there may be none to see, err several times as much as others."""
_OUTLYING = 4.0
"""Columns this many times as far from the origin as the median one are compared exactly."""
_MANY = 16
"""Unless there is more than one of them in this many columns."""


class DistanceSource(Protocol):
    """Distances between the queries and the columns of a pool."""

    def measure(self, queries: IntArray, columns: IntArray) -> Exact:
        """Return the exact values of pairs of a query and a column, float64 (P,)."""
        ...

    def tables(
        self, matches: Matches, columns: slice, num_values: int
    ) -> Iterator[tuple[slice, Table]]:
        """Compute values to count by.

        Args:
            matches: A batch of queries, with the exact values of their matches.
            columns: Neighbouring columns.
            num_values: About how many to compute at once.

        Yields:
            Neighbouring queries of the batch, and a table that holds their values. It is good
            until the next one is asked for.
        """
        ...


class GivenDistances:
    """A matrix of distances that the caller has.

    Args:
        distances: Float (Q', U'), finite.
        rows: Its row of each query (Q,).
        columns: Its column of each column of the pool (U,).

    Raises:
        DataError: A distance is NaN or infinite.
    """

    def __init__(self, distances: FloatArray, rows: IntArray, columns: IntArray) -> None:
        _check_finite(distances)
        self._distances, self._rows, self._columns = distances, rows, columns

    def measure(self, queries: IntArray, columns: IntArray) -> Exact:
        """Look up distances, float64 (P,)."""
        given: FloatArray = self._distances[self._rows[queries], self._columns[columns]]
        return given.astype(np.float64)

    def tables(
        self,
        matches: Matches,
        columns: slice,
        num_values: int,  # noqa: ARG002  # nothing is computed
    ) -> Iterator[tuple[slice, Table]]:
        """Name the distances."""
        rows = self._rows[matches.queries]
        yield slice(0, len(rows)), GivenTable(self._distances, rows, self._columns[columns])


class FeatureDistances:
    """Distances between the features of the queries and columns of a pool.

    Args:
        features: float32 or float64 (N, V, D), finite, a row for each of the caller's images; may
            be memory-mapped.
        pool: The trials.
        metric: "euclidean" or "cosine"; views add up.
        device: Where products are computed, such as "cpu" or "cuda".

    Raises:
        DataError: A feature is all zeros, so that its cosine is undefined.
    """

    def __init__(
        self,
        features: FloatArray,
        pool: TrialPool,
        metric: Metric,
        device: torch.device | str = "cpu",
    ) -> None:
        rows = pool.query_rows, pool.column_rows
        features, is_rooted = _scaled(_as_read_only(features), np.concatenate(rows), metric)
        query_inverse = column_inverse = np.empty((0, 0))
        if metric == "cosine":
            query_inverse = _invert_lengths(features, rows[0], "query")
            column_inverse = _invert_lengths(features, rows[1], "gallery")
        self._pairs = Pairs(
            kind=ROOTED if is_rooted else SQUARED,
            features=features,
            query_rows=rows[0],
            column_rows=rows[1],
            query_inverse=query_inverse,
            column_inverse=column_inverse,
        )
        self._device = str(device)
        self._joined = metric == "cosine"
        self._origin, self._unit = self._find_origin()

    def measure(self, queries: IntArray, columns: IntArray) -> Exact:
        """Add up squares of differences, or their roots, float64 (P,)."""
        values = np.empty(len(queries))

        def measure(start: int, stop: int) -> None:
            measure_pairs(self._pairs, queries, columns, values, start, stop)

        in_threads(measure, len(queries), least=_MEASURED_TOGETHER)
        return values

    def tables(
        self, matches: Matches, columns: slice, num_values: int
    ) -> Iterator[tuple[slice, Table]]:
        """Multiply a batch of queries with columns, some queries at once."""
        pairs, queries = self._pairs, matches.queries
        inverse = pairs.query_inverse[queries] if self._joined else pairs.query_inverse
        query, query_squares = self._centred(pairs.query_rows[queries], inverse)
        column, column_squares = self._centred(
            pairs.column_rows[columns], pairs.column_inverse[columns]
        )
        column_squares, scale = self._judge(query_squares, column_squares)
        size = min(len(queries), max(1, num_values // column.shape[1]))
        products = np.empty((len(column), size, column.shape[1]), dtype=column.dtype)
        multiply = multiplier(column, self._device)
        for start in range(0, len(queries), size):
            rows = slice(start, min(start + size, len(queries)))
            multiply(query[:, rows], products[:, : rows.stop - rows.start])
            table = ProductTable(
                kind=pairs.kind,
                products=products,
                first_query=start,
                unit=self._unit,
                squares=query_squares,
                column_squares=column_squares,
                scale=scale,
                error=0.0,
                exact_rounding=(self._origin.size + 8) * float(np.finfo(np.float64).eps),
                measure=lambda some, others: self.measure(queries[some], columns.start + others),
            )
            shown = measure_errors(matches, table, columns.start, rows)
            error = max(_SAFETY[pairs.kind] * shown, _LEAST * float(np.finfo(column.dtype).eps))
            yield rows, replace(table, error=error)

    def _find_origin(self) -> tuple[Exact, float]:
        """Pick a point amid the features and a power of two that makes most lengths near 1.

        Distances do not depend on the origin, but their digits do: the product of vectors that
        are far from it loses those that distances are made of.
        """
        rows = self._pairs.column_rows
        sample = np.linspace(0, len(rows) - 1, _ORIGIN_SAMPLE).astype(np.int64)
        inverse = self._pairs.column_inverse[sample] if self._joined else self._pairs.column_inverse
        self._origin, self._unit = np.zeros(self._pairs.features.shape[1:]), 1.0
        found, _ = self._centred(rows[sample], inverse, np.float64)
        median: Exact = np.median(found, axis=1)
        lengths = np.linalg.norm(found - median[:, np.newaxis], axis=2)
        typical = float(np.median(lengths, axis=1).max())
        unit = 2.0 ** -round(np.log2(typical)) if typical > 0 else 1.0
        return median.reshape(self._origin.shape), unit

    def _centred(
        self, rows: IntArray, inverse: Exact, dtype: type[np.float64] | None = None
    ) -> tuple[FloatArray, Exact]:
        """Return centred features (V or 1, rows, D or V x D), and their squared lengths."""
        features = self._pairs.features
        num_views, num_dimensions = self._origin.shape
        shape = (num_views, len(rows), num_dimensions)
        if self._joined:
            shape = (1, len(rows), self._origin.size)
        centred = np.empty(shape, dtype=dtype or features.dtype)
        squares = np.empty(shape[:2])

        def center(start: int, stop: int) -> None:
            for first in range(start, stop, _CENTRED_TOGETHER):
                some = slice(first, min(first + _CENTRED_TOGETHER, stop))
                block = features[rows[some]].astype(np.float64)
                # Values beyond the range of a type are looked at one by one.
                with np.errstate(over="ignore", invalid="ignore"):
                    if len(inverse):
                        block *= inverse[some, :, np.newaxis]
                    block -= self._origin
                    block *= self._unit
                    block = block.reshape(len(block), *centred.shape[::2]).swapaxes(0, 1)
                    np.einsum("vrd,vrd->vr", block, block, out=squares[:, some])
                    centred[:, some] = block

        in_threads(center, len(rows))
        return centred, squares

    def _judge(self, query_squares: Exact, column_squares: Exact) -> tuple[Exact, Exact]:
        """Return squared lengths of columns, NaN where they are outlying, and scales of errors."""
        lengths, own = np.sqrt(column_squares), np.sqrt(query_squares)
        limit = _OUTLYING * np.median(lengths, axis=1, keepdims=True)
        outlying = np.any((lengths > limit) & (limit > 0), axis=0)
        outlying &= np.count_nonzero(outlying) * _MANY <= len(outlying)
        reach = lengths[:, ~outlying].max(axis=1, keepdims=True)
        if self._pairs.kind == ROOTED:
            scale = (own + reach).sum(axis=0)
        else:
            scale = ((own + reach) * reach + np.finfo(np.float64).resolution * own**2)[0]
        # Of extreme sizes a scale is too small for a float; it must divide, all the same.
        scale = np.maximum(scale, np.finfo(np.float64).tiny)
        return np.where(outlying, np.nan, column_squares), scale


def multiplier(column: FloatArray, device: str) -> Callable[[FloatArray, FloatArray], None]:
    """Bring columns (V or 1, C, D) to a device, to be multiplied with queries there.

    Args:
        column: Centred features.
        device: "cpu", which takes NumPy alone, or one of torch's.

    Returns:
        Writes the products of queries (V or 1, R, D) with all columns to an array (V or 1, R, C).
    """
    if device == "cpu":

        def multiply(query: FloatArray, products: FloatArray) -> None:
            # What leaves the range of the type is no value, and computed otherwise.
            with np.errstate(over="ignore", invalid="ignore"):
                np.matmul(query, column.transpose(0, 2, 1), out=products)

        return multiply

    import torch

    right = torch.from_numpy(column).to(device)

    def multiply_there(query: FloatArray, products: FloatArray) -> None:
        out = torch.from_numpy(products)
        for view, left in enumerate(torch.from_numpy(query)):
            out[view] = torch.mm(left.to(device), right[view].T)

    return multiply_there


def _as_read_only(values: FloatArray) -> FloatArray:
    """Return a plain, contiguous, read-only view, so that kernels are compiled for one type.

    Only an array of other strides, or of another type than float32 and float64, is copied.
    """
    dtype = np.float32 if values.dtype == np.float32 else np.float64
    view: FloatArray = np.ascontiguousarray(values, dtype=dtype).view(np.ndarray)[...]
    view.setflags(write=False)
    return view


def _check_finite(distances: FloatArray) -> None:
    def find(start: int, stop: int) -> int:
        for first in range(start, stop, _CHECKED_TOGETHER):
            some = slice(first, min(first + _CHECKED_TOGETHER, stop))
            if not np.isfinite(distances[some]).all():
                return int(np.argmin(np.isfinite(distances[some]).all(axis=1))) + first
        return -1

    row = next((row for row in in_threads(find, len(distances)) if row >= 0), -1)
    if row >= 0:
        column = int(np.flatnonzero(~np.isfinite(distances[row]))[0])
        raise DataError(
            f"the distance of query {row} to gallery image {column} is "
            f"{distances[row, column]}; only finite distances can be ranked"
        )


def _scaled(features: FloatArray, rows: IntArray, metric: Metric) -> tuple[FloatArray, bool]:
    """Bring features to a size whose squares can be added, and tell whether roots are taken.

    They are where lengths add up over views, and where features differ so much in size that no
    one scale keeps the squares of all in range.
    """
    if metric == "cosine":
        return _as_read_only(scale_views(features)), False
    has_views = features.shape[1] > 1
    if features.dtype == np.float32:
        return features, has_views
    largest = find_largest(features)[rows]
    (scaled,), _ = scale_together(features, largest=largest)
    return _as_read_only(scaled), has_views or is_wide(largest)


def _invert_lengths(features: FloatArray, rows: IntArray, role: str) -> Exact:
    lengths = np.empty((len(rows), features.shape[1]))
    in_threads(lambda start, stop: find_lengths(features, rows, lengths, start, stop), len(rows))
    check_lengths(lengths > 0, rows, role)
    return 1 / lengths
