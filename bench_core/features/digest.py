"""Hashes of features and of the images that they are of: the same from whatever file they came."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.features.table import FEATURE_COLUMNS
from bench_core.system.files import hash_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from bench_core.features.table import FeatureTable

_ROWS_PER_BLOCK = 2048


def array_digest(array: NDArray[Any]) -> str:
    """Return a SHA-256 (hex) of the bytes of an array, some rows at a time.

    Args:
        array: Of at least one dimension; it may be mapped from a file.
    """
    digest = hashlib.sha256()
    for start in range(0, len(array), _ROWS_PER_BLOCK):
        digest.update(np.ascontiguousarray(array[start : start + _ROWS_PER_BLOCK]).data)
    return digest.hexdigest()


def features_digest(features: FeatureTable) -> str:
    """Return a SHA-256 (hex) of features, their images and their metric, in whatever file."""
    images = {name: features.table[name].tolist() for name in FEATURE_COLUMNS}
    values = features.features
    content = array_digest(values)
    return hash_json([content, str(values.dtype), list(values.shape), images, features.metric])


def images_digest(trials: Sequence[pd.DataFrame]) -> str:
    """Return a SHA-256 (hex) of which images were scored, in whatever order they stand.

    Args:
        trials: For each group of trials, a table with the columns identity, camera, modality and
            index of the images that are a query or a gallery image in it.
    """
    return hash_json([sorted(map(list, _rows(table))) for table in trials])


def _rows(table: pd.DataFrame) -> zip[tuple[Any, ...]]:
    return zip(*(table[name].tolist() for name in FEATURE_COLUMNS), strict=True)
