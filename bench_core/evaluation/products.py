"""Distances between features: one matrix product, in float32 where that is safe.

The product of centred features gives half the squared distance, up to a number that is the same
for all columns of a query: |g|^2 / 2 - q.g. That ranks as the distance does. Distances that add
up over views need the square roots and are computed in float64.

Letters in shapes: Q queries, U columns, R and C some of them, V views, D dimensions, P pairs.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from bench_core.evaluation.distances import pairwise_distances
from bench_core.evaluation.preparation import PreparedFeatures
from bench_core.evaluation.sources import to_float32
from bench_core.evaluation.threads import num_threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric
    from bench_core.evaluation.pool import TrialPool

IntArray: TypeAlias = "NDArray[np.int64]"
Values: TypeAlias = "NDArray[np.float32]"
Exact: TypeAlias = "NDArray[np.float64]"

_PAIRS_PER_STEP = 64
_SAMPLE = (256, 512)
_SAFETY = 4.0
"""The float32 window is this times the largest error of the sample of the product."""
_USEFUL = 2.0**-12
_OUTLYING = 4.0
"""Columns this many times as far from the origin as the median one are compared in float64."""
_MANY = 16
_COINCIDENT = 1e-4
"""Images this near, as a part of their distance to the origin, are compared pair by pair: there
the square root makes much of a small error."""
_COLUMNS_PER_STEP = 8192
_PADDED_ROWS = 2048


class FeatureDistances:
    """Distances between the features of the queries and columns of a pool.

    Args:
        features: float32 or float64 (N, V, D), finite, a row for each of the caller's images; may
            be memory-mapped.
        pool: The trials.
        metric: "euclidean" or "cosine"; views add up.
        device: Where products are computed, such as "cpu" or "cuda".
        min_float32_pairs: Number of pairs from which the product is worth float32.

    Raises:
        DataError: A feature is all zeros, so that its cosine is undefined.
    """

    def __init__(
        self,
        features: NDArray[np.floating[Any]],
        pool: TrialPool,
        metric: Metric,
        device: torch.device | str = "cpu",
        *,
        min_float32_pairs: int = 2**20,
    ) -> None:
        self.query_rows = pool.query_rows
        self.column_rows = pool.column_rows
        self.device = torch.device(device)
        self.num_close_allowed = max(64, len(self.column_rows) // 32)
        self.prepared = PreparedFeatures(features, metric, pool.column_rows)
        self.query_norms = self.prepared.norms(pool.query_rows, "query")
        self.column_norms = self.prepared.norms(pool.column_rows, "gallery")
        self.outlying = self._find_outlying()
        self._reach = float(self.column_norms[~self.outlying].max(initial=0.0))
        large = len(pool.query_rows) * len(pool.column_rows) >= min_float32_pairs
        few = np.count_nonzero(self.outlying) * _MANY <= len(pool.column_rows)
        single = self.column_norms.shape[1] == 1
        self._error = 0.0
        self.float32 = bool(large and few and single and features.dtype == np.float32)
        if self.float32:
            self._error = self._measure_error()
            # Not so where features leave the range of float32, or the device rounds to less.
            self.float32 = self._error < _USEFUL

    def block(self, columns: slice) -> _DoubleBlock | _SingleBlock:
        """Convert and centre the features of the columns."""
        return _SingleBlock(self, columns) if self.float32 else _DoubleBlock(self, columns)

    def window(
        self, rows: IntArray, columns: IntArray, exact: Exact, share: float = 1.0
    ) -> tuple[Values, Values]:
        """Widen exact values by the error of the product."""
        width = self.tolerance(rows, columns)
        if not self.float32:
            # Rounding reorders nothing.
            return to_float32(exact - width), to_float32(exact + width)
        norms = self.query_norms[rows, 0]
        width += share * self._error * (norms + self._reach) * self._reach
        lower = np.nextafter(to_float32(exact - width), np.float32(-np.inf))
        return lower, np.nextafter(to_float32(exact + width), np.float32(np.inf))

    def tolerance(self, rows: IntArray, columns: IntArray) -> Exact:
        """Bound the errors of float64 near the value of a pair.

        An image at about the distance of the pair is no farther from the origin than three times
        the query and once the column, which bounds the error of a product of D terms.
        """
        error = 4 * (self.prepared.shape[1] + 8) * np.finfo(np.float64).eps
        reach = 3 * self.query_norms[rows] + self.column_norms[columns]
        if reach.shape[1] == 1:
            bound: Exact = error * np.square(reach[:, 0])
        else:
            bound = error / _COINCIDENT * reach.shape[1] * reach.sum(axis=1)
        return bound

    def exact(self, rows: IntArray, columns: IntArray) -> Exact:
        """Compute values from the differences of features, a few pairs at a time."""
        values = np.empty(len(rows))
        for start in range(0, len(rows), _PAIRS_PER_STEP):
            step = slice(start, start + _PAIRS_PER_STEP)
            difference = self.prepared.differences(
                self.query_rows[rows[step]], self.column_rows[columns[step]]
            )
            squares = np.einsum("pvd,pvd->pv", difference, difference)
            values[step] = self._from_squares(squares, rows[step])
        return values

    def grids(self, rows: Sequence[IntArray], columns: Sequence[slice]) -> Iterator[Exact]:
        """Compute values of all pairs of each group by float64 products, several at once."""
        for groups in _gather_groups([len(one) for one in rows], columns):
            query = self._padded([self.query_rows[rows[group]] for group in groups])
            column = self._padded([self.column_rows[columns[group]] for group in groups])
            products = torch.einsum("kqvd,kcvd->kvqc", query, column).numpy()
            for product, group in zip(products, groups, strict=True):
                own = columns[group]
                size = own.stop - own.start
                views = [view[: len(rows[group]), :size] for view in product]
                yield self.from_products(views, rows[group], own)

    def _padded(self, groups: list[IntArray]) -> torch.Tensor:
        """Return centred features of groups of rows, padded with zeros to the same length."""
        longest = max(len(rows) for rows in groups)
        shape = (len(groups), longest, *self.prepared.shape)
        padded = np.zeros(shape)
        parts = [padded[number, : len(rows)] for number, rows in enumerate(groups)]
        with ThreadPoolExecutor(num_threads()) as threads:
            list(threads.map(self.prepared.centred, groups, parts))
        return torch.from_numpy(padded)

    def whole(self, rows: IntArray) -> Exact:
        """Compute distances to all columns; equal features are compared once."""
        first, number = self._distinct
        query = self.prepared.features[self.query_rows[rows]]
        parts = [
            pairwise_distances(
                query,
                self.prepared.features[self.column_rows[first[start : start + _COLUMNS_PER_STEP]]],
                self.prepared.metric,
            )
            for start in range(0, len(first), _COLUMNS_PER_STEP)
        ]
        return np.concatenate(parts, axis=1)[:, number]

    def from_products(self, products: list[Exact], rows: IntArray, columns: slice) -> Exact:
        """Turn float64 products of each view (R, C) into values (R, C)."""
        if len(products) == 1:
            return np.square(self.column_norms[columns, 0]) / 2 - products[0]
        total = np.zeros_like(products[0])
        coincident = np.zeros(total.shape, dtype=np.bool_)
        for view, product in enumerate(products):
            squares = np.square(self.query_norms[rows, view])[:, np.newaxis] - 2 * product
            squares += np.square(self.column_norms[columns, view])
            reach = np.add.outer(self.query_norms[rows, view], self.column_norms[columns, view])
            coincident |= squares < np.square(_COINCIDENT * reach)
            total += np.sqrt(np.maximum(squares, 0, out=squares), out=squares)
        row, column = np.nonzero(coincident)
        total[row, column] = self.exact(rows[row], columns.start + column)
        return total

    def _from_squares(self, squares: Exact, rows: IntArray) -> Exact:
        if squares.shape[1] == 1:
            found: Exact = (squares[:, 0] - np.square(self.query_norms[rows, 0])) / 2
        else:
            found = np.sqrt(squares).sum(axis=1)
        return found

    def _find_outlying(self) -> NDArray[np.bool_]:
        limit = _OUTLYING * np.median(self.column_norms, axis=0)
        outlying: NDArray[np.bool_] = np.any((self.column_norms > limit) & (limit > 0), axis=1)
        return outlying

    def _measure_error(self) -> float:
        """Return the error to allow for in the float32 product.

        It is a part of (|q| + |g|) |g|, for which a sample of queries and columns is computed in
        float64, too.
        """
        ordinary = np.flatnonzero(~self.outlying)
        rows = _spread(np.arange(len(self.query_rows)), _SAMPLE[0])
        columns = _spread(ordinary, _SAMPLE[1])
        exact = np.square(self.column_norms[columns, 0]) / 2 - (
            _multiply(
                self.prepared.centred(self.query_rows[rows])[:, 0],
                self.prepared.centred(self.column_rows[columns])[:, 0],
            )
        )
        query = self.prepared.centred_float32(self.query_rows[rows])
        column = self.prepared.centred_float32(self.column_rows[columns])
        error = np.abs(self.multiply(query, column, self.column_norms[columns, 0]) - exact)
        norms = self.column_norms[columns, 0]
        scale = (self.query_norms[rows] + norms) * norms
        with np.errstate(over="ignore", invalid="ignore"):
            shown = np.nan_to_num(error[scale > 0] / scale[scale > 0], nan=np.inf).max(initial=0.0)
        floor = np.sqrt(query.shape[1]) * 2.0**-24 / 128
        return _SAFETY * max(float(shown), float(floor))

    def multiply(self, query: Values, column: Values, norms: Exact) -> Values:
        """Compute |g|^2 / 2 - q.g in float32 on the device, (R, C)."""
        half = torch.from_numpy(to_float32(np.square(norms) / 2)).to(self.device)
        left, right = (torch.from_numpy(part).to(self.device) for part in (query, column))
        product: Values = torch.addmm(half, left, right.T, alpha=-1).cpu().numpy()
        return product

    @cached_property
    def _distinct(self) -> tuple[IntArray, IntArray]:
        """Columns whose features occur for the first time, and which of them each column equals."""
        steps = range(0, len(self.column_rows), _COLUMNS_PER_STEP)
        hashes = np.concatenate(
            [
                _hash_rows(self.prepared.features[self.column_rows[start : start + steps.step]])
                for start in steps
            ]
        )
        _, first, number = np.unique(hashes, return_index=True, return_inverse=True)
        return first, number


class _SingleBlock:
    """Columns as float32; those that are outlying as float64, too."""

    one_thread = False

    def __init__(self, source: FeatureDistances, columns: slice) -> None:
        self._source = source
        rows = source.column_rows[columns]
        centred = torch.from_numpy(source.prepared.centred_float32(rows))
        half = np.square(source.column_norms[columns, 0]) / 2
        self._features = centred.to(source.device)
        self._half = torch.from_numpy(to_float32(half)).to(source.device)
        self._outlying = np.flatnonzero(source.outlying[columns])
        self._outlying_half = half[self._outlying]
        self._outlying_features = source.prepared.centred(rows[self._outlying])[:, 0]

    def values(self, rows: IntArray) -> Values:
        prepared, query_rows = self._source.prepared, self._source.query_rows[rows]
        query = torch.from_numpy(prepared.centred_float32(query_rows)).to(self._source.device)
        product = torch.addmm(self._half, query, self._features.T, alpha=-1)
        values: Values = product.cpu().numpy()
        if len(self._outlying):
            exact = _multiply(prepared.centred(query_rows)[:, 0], self._outlying_features)
            values[:, self._outlying] = self._outlying_half - exact
        return values


class _DoubleBlock:
    """Columns as float64."""

    one_thread = False

    def __init__(self, source: FeatureDistances, columns: slice) -> None:
        self._source = source
        self._columns = columns
        centred = source.prepared.centred(source.column_rows[columns])
        self._features = torch.from_numpy(centred).to(source.device)

    def values(self, rows: IntArray) -> Values:
        centred = self._source.prepared.centred(self._source.query_rows[rows])
        query = torch.from_numpy(centred).to(self._source.device)
        products = [
            (query[:, view] @ self._features[:, view].T).cpu().numpy()
            for view in range(query.shape[1])
        ]
        return to_float32(self._source.from_products(products, rows, self._columns))


def _multiply(query: Exact, column: Exact) -> Exact:
    # One library for all products: the threads of two would wait for each other.
    product: Exact = (torch.from_numpy(query) @ torch.from_numpy(column).T).numpy()
    return product


def _gather_groups(num_rows: Sequence[int], columns: Sequence[slice]) -> Iterator[list[int]]:
    """Gather neighbouring groups whose padded features are small enough to be made at once."""
    gathered: list[int] = []
    longest = 0
    for group, (rows, own) in enumerate(zip(num_rows, columns, strict=True)):
        longest = max(longest, rows + own.stop - own.start)
        if gathered and longest * (len(gathered) + 1) > _PADDED_ROWS:
            yield gathered
            gathered, longest = [], rows + own.stop - own.start
        gathered.append(group)
    if gathered:
        yield gathered


def _spread(items: IntArray, count: int) -> IntArray:
    return items[np.linspace(0, len(items) - 1, min(count, len(items))).astype(np.int64)]


def _hash_rows(features: NDArray[np.floating[Any]]) -> NDArray[np.uint64]:
    """Hash features (N, V, D) so that equal ones, and hardly others, have the same hash."""
    # Adding zero turns -0.0 into 0.0, which it equals.
    flat = np.ascontiguousarray(features.reshape(len(features), -1) + features.dtype.type(0))
    words = flat.view(np.uint32).astype(np.uint64)
    words ^= words << np.uint64(29)
    words *= np.random.default_rng(0).integers(1, 2**63, words.shape[1], dtype=np.uint64) * 2 + 1
    hashes: NDArray[np.uint64] = words.sum(axis=1, dtype=np.uint64)
    return hashes
