"""Features as the distance product takes them: converted, of length 1 for cosine, and centred.

Letters in shapes: N images, V views, D dimensions. Cosine distances add up over views as squared
Euclidean ones do, so that its views become one vector of V x D dimensions.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.evaluation.threads import num_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric

IntArray: TypeAlias = "NDArray[np.int64]"
Exact: TypeAlias = "NDArray[np.float64]"

_ORIGIN_SAMPLE = 101
_ROWS_PER_STEP = 32


class PreparedFeatures:
    """Features on their way into a distance product.

    Distances do not depend on the origin, but their digits do: the product of vectors that are
    far from it loses those that distances are made of.

    Args:
        features: float32 or float64 (N, V, D), finite; may be memory-mapped.
        metric: "euclidean" or "cosine".
        center: Rows whose median becomes the origin: where most are equal, exactly that feature.

    Attributes:
        shape: Views and dimensions of prepared features: (V, D), or (1, V x D) for cosine.
    """

    def __init__(
        self, features: NDArray[np.floating[Any]], metric: Metric, center: IntArray
    ) -> None:
        self.features = features
        self.metric = metric
        sample = center[np.linspace(0, len(center) - 1, _ORIGIN_SAMPLE).astype(np.int64)]
        # A float32 origin makes the float64 difference to a float32 feature exact.
        views, dimensions = features.shape[1:]
        self.shape = (1, views * dimensions) if metric == "cosine" else (views, dimensions)
        self._origin = np.median(self.directed(sample), axis=0).astype(np.float32)

    def directed(self, rows: IntArray) -> Exact:
        """Return features (N, V, D), or for cosine (N, 1, V x D) with each view of length 1."""
        found = np.take(self.features, rows, axis=0).astype(np.float64)
        if self.metric == "cosine":
            found /= np.sqrt(np.einsum("nvd,nvd->nv", found, found))[:, :, np.newaxis]
            found = found.reshape(len(found), *self.shape)
        return found

    def differences(self, rows: IntArray, others: IntArray) -> Exact:
        """Return `directed` features of rows less those of others, float64."""
        if self.metric == "cosine":
            return self.directed(rows) - self.directed(others)
        one, other = (np.take(self.features, part, axis=0) for part in (rows, others))
        difference: Exact = np.subtract(one, other, dtype=np.float64)
        return difference

    def centred(self, rows: IntArray, out: Exact | None = None) -> Exact:
        """Return `directed` features less the origin, float64."""
        if self.metric == "cosine":
            return np.subtract(self.directed(rows), self._origin, out=out)
        found = np.take(self.features, rows, axis=0)
        centred: Exact = np.subtract(found, self._origin, out=out, dtype=np.float64)
        return centred

    def centred_float32(self, rows: IntArray) -> NDArray[np.float32]:
        """Return the only view of `centred` with the error of a few float32 roundings, (N, D)."""
        found = np.empty((len(rows), self.shape[1]), dtype=np.float32)
        starts = range(0, len(rows), _ROWS_PER_STEP)
        steps = [slice(start, start + _ROWS_PER_STEP) for start in starts]
        with ThreadPoolExecutor(num_threads()) as threads:
            list(threads.map(lambda step: self._center_float32(rows[step], found[step]), steps))
        return found

    def _center_float32(self, rows: IntArray, out: NDArray[np.float32]) -> None:
        found = np.take(self.features, rows, axis=0)
        if self.metric == "cosine":
            wide = found.astype(np.float64)
            lengths = np.sqrt(np.einsum("nvd,nvd->nv", wide, wide))[:, :, np.newaxis]
            found = (found * (1 / lengths).astype(np.float32)).reshape(len(found), *self.shape)
        np.subtract(found[:, 0], self._origin[0], out=out, casting="same_kind")

    def norms(self, rows: IntArray, role: str) -> Exact:
        """Return the length of `centred` features, (N, V) or for cosine (N, 1).

        Raises:
            DataError: A feature is all zeros, so that its cosine is undefined.
        """
        steps = [
            rows[start : start + _ROWS_PER_STEP] for start in range(0, len(rows), _ROWS_PER_STEP)
        ]
        with ThreadPoolExecutor(num_threads()) as threads:
            return np.concatenate(list(threads.map(lambda step: self._norms(step, role), steps)))

    def _norms(self, rows: IntArray, role: str) -> Exact:
        if self.metric == "cosine":
            check_lengths(self.features[rows], rows, role)
        found = self.centred(rows)
        norms: Exact = np.sqrt(np.einsum("nvd,nvd->nv", found, found))
        return norms


def check_lengths(features: NDArray[np.floating[Any]], rows: IntArray, role: str) -> None:
    """Check that no view of a feature is all zeros.

    Args:
        features: Float (N, V, D).
        rows: Row of each feature in the caller's table (N,).
        role: "query" or "gallery", for the message.

    Raises:
        DataError: One is.
    """
    zero = np.flatnonzero((~np.any(features, axis=2)).any(axis=1))
    if zero.size:
        raise DataError(
            f"{zero.size} of {len(features)} {role} features are all zeros, the first in row "
            f"{rows[zero[0]]}, so they have no cosine distance; use the euclidean metric or leave "
            "the images out"
        )
