"""What features are: how many images of whom, how long their vectors, which rows are repeated."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.features.given import GivenFeatures

if TYPE_CHECKING:
    from pathlib import Path

    from bench_core.contracts.method import Metric
    from bench_core.features.formats import Features, FoundFeatures
    from bench_core.features.table import FloatArray

_ROWS_PER_BLOCK = 2048
_UNIT_TOLERANCE = 1e-3
"""How far from 1 norms of features may be that were normalised in half or single precision."""


@dataclass(frozen=True, kw_only=True)
class CameraImages:
    """Images of one camera and modality, or, of features as given, of one camera and role.

    Attributes:
        camera: The camera.
        kind: Modality or role.
        images: Number of images.
        identities: Number of people.
    """

    camera: int
    kind: str
    images: int
    identities: int


@dataclass(frozen=True, kw_only=True)
class FeatureDescription:
    """What features are.

    Attributes:
        path: The file or folder.
        format: What it is.
        recognised_by: By what it was recognised.
        as_given: Whether query and gallery are scored as given, because nothing says which images
            they are of.
        shape: (N, V, D): images, views, dimensions.
        dtype: Number format.
        metric: Metric.
        training_split: Split that the model was trained on, where it is known.
        notes: What was taken for granted when they were read.
        cameras: Images by camera.
        norms: Smallest, median and largest Euclidean norm of a view.
        unit_length: Whether all norms are 1, to a thousandth.
        duplicate_rows: Rows that are equal to an earlier one to the bit.
        zero_rows: Rows of nothing but zeros.
    """

    path: Path
    format: str
    recognised_by: str
    as_given: bool
    shape: tuple[int, ...]
    dtype: str
    metric: Metric
    training_split: str | None
    notes: tuple[str, ...]
    cameras: tuple[CameraImages, ...]
    norms: tuple[float, float, float]
    unit_length: bool
    duplicate_rows: int
    zero_rows: int


def describe(path: Path, found: FoundFeatures) -> FeatureDescription:
    """Describe features that were read; of large ones, some rows are in memory at a time.

    Args:
        path: Where they were read from.
        found: The features.
    """
    features = found.features
    norms, zero_rows = _measure(features.features)
    is_given = isinstance(features, GivenFeatures)
    return FeatureDescription(
        path=path,
        format=found.format.title,
        recognised_by=found.evidence,
        as_given=is_given,
        shape=features.features.shape,
        dtype=str(features.features.dtype),
        metric=features.metric,
        training_split=None if isinstance(features, GivenFeatures) else features.training_split,
        notes=features.notes,
        cameras=_cameras(features),
        norms=(float(norms.min()), float(np.median(norms)), float(norms.max())),
        unit_length=bool((np.abs(norms - 1) <= _UNIT_TOLERANCE).all()),
        duplicate_rows=_count_duplicates(features.features),
        zero_rows=zero_rows,
    )


def _cameras(features: Features) -> tuple[CameraImages, ...]:
    kind = "role" if isinstance(features, GivenFeatures) else "modality"
    grouped = features.table.groupby([kind, "camera"])["identity"]
    counts = grouped.agg(["size", "nunique"]).reset_index()
    return tuple(
        CameraImages(camera=int(camera), kind=str(name), images=int(size), identities=int(people))
        for name, camera, size, people in counts.itertuples(index=False)
    )


def _measure(features: FloatArray) -> tuple[np.ndarray[Any, np.dtype[np.float64]], int]:
    """Return the norm of each view of each row, and the number of rows of zeros."""
    norms, zero_rows = [], 0
    for start in range(0, len(features), _ROWS_PER_BLOCK):
        block = features[start : start + _ROWS_PER_BLOCK].astype(np.float64)
        norms.append(np.linalg.norm(block, axis=2).ravel())
        zero_rows += int((~block.any(axis=(1, 2))).sum())
    return np.concatenate(norms), zero_rows


def _count_duplicates(features: FloatArray) -> int:
    seen: set[bytes] = set()
    for start in range(0, len(features), _ROWS_PER_BLOCK):
        block = np.ascontiguousarray(features[start : start + _ROWS_PER_BLOCK])
        seen.update(hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in block)
    return len(features) - len(seen)
