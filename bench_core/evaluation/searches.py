"""One search, scored: distances or features with their labels in, CMC, mAP and mINP out.

For who has arrays and no protocol of ours. The definitions are those of docs/evaluation.md.

Letters in shapes: Q queries, G gallery images, V views, D dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.evaluation.engine import FeatureDistances, GivenDistances, pool_trials, rank_pool
from bench_core.evaluation.summary import TrialScore, average_queries
from bench_core.evaluation.tensors import to_array, to_labels

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric
    from bench_core.contracts.protocol import CmcKind
    from bench_core.evaluation.engine import TrialPool
    from bench_core.evaluation.tensors import Values

CameraPairs: TypeAlias = "Collection[tuple[int, int]]"
SameCamera: TypeAlias = Literal["kept", "matches-removed", "removed"]
"""What becomes of gallery images of a query's own camera: they stay in its list; those of its own
identity are removed (LLCM, Market-1501); or all are removed."""


def evaluate_distances(  # noqa: PLR0913  # labels of both sides, and the rules of a protocol
    distances: Values,
    query_identity: Values,
    gallery_identity: Values,
    query_camera: Values | None = None,
    gallery_camera: Values | None = None,
    *,
    same_camera: SameCamera = "kept",
    excluded_camera_pairs: CameraPairs = (),
    cmc: CmcKind = "image",
    num_ranks: int = 20,
) -> TrialScore:
    """Score the ranking that distances give: CMC, mAP and mINP over the queries with a match.

    Images at the same distance rank in gallery order. No argument is changed.

    Args:
        distances: Numbers (Q, G), finite, smaller is nearer; negate similarities.
        query_identity: Whole numbers (Q,).
        gallery_identity: Whole numbers (G,).
        query_camera: Whole numbers (Q,); both cameras or none.
        gallery_camera: Whole numbers (G,).
        same_camera: What becomes of gallery images of the query's own camera.
        excluded_camera_pairs: (query camera, gallery camera) pairs that may not meet, whatever
            the identity; SYSU-MM01 has [(3, 2)].
        cmc: "identity" counts the first image of each identity (SYSU-MM01, LLCM), "image" all.
        num_ranks: Length of the CMC curve.

    Returns:
        The scores, fractions in [0, 1], and those of each query.

    Raises:
        ValueError: Shapes do not fit, labels are no whole numbers, a rule is unknown, or cameras
            are missing where a rule needs them.
        DataError: A distance is NaN or infinite, there is nothing to rank, or no query has a
            match.

    Examples:
        The nearest image is of somebody else, and so is the next; the third is the match.

        >>> score = evaluate_distances([[0.1, 0.2, 0.3]], [7], [8, 8, 7], num_ranks=3)
        >>> score.cmc.tolist(), round(score.mean_average_precision, 4)
        ([0.0, 0.0, 1.0], 0.3333)

        Per identity, the two images of the other person count once.

        >>> evaluate_distances([[0.1, 0.2, 0.3]], [7], [8, 8, 7], cmc="identity").cmc[:3].tolist()
        [0.0, 1.0, 1.0]
    """
    matrix = to_array(distances)
    if matrix.ndim != 2 or matrix.dtype.kind not in "iuf":
        raise ValueError(
            f"distances must be numbers (queries, gallery), not {matrix.dtype} of {matrix.shape}"
        )
    identity = _labels(query_identity, gallery_identity, "identity", matrix.shape)
    camera = _cameras(query_camera, gallery_camera, matrix.shape)
    pool = _pool(identity, camera, same_camera, excluded_camera_pairs)
    source = GivenDistances(matrix, pool.query_rows, pool.column_rows - len(matrix))
    queries = rank_pool(source, pool, _known_cmc(cmc))[0]
    return average_queries(queries, num_gallery=matrix.shape[1], num_ranks=num_ranks)


def evaluate_features(  # noqa: PLR0913  # features and labels of both sides, and the rules
    query: Values,
    gallery: Values,
    query_identity: Values,
    gallery_identity: Values,
    query_camera: Values | None = None,
    gallery_camera: Values | None = None,
    *,
    metric: Metric = "cosine",
    same_camera: SameCamera = "kept",
    excluded_camera_pairs: CameraPairs = (),
    cmc: CmcKind = "image",
    num_ranks: int = 20,
) -> TrialScore:
    """Score the ranking that features give; distances are exact and are never held as a matrix.

    Args:
        query: Numbers (Q, D) or (Q, V, D), finite; distances add up over views.
        gallery: Numbers (G, D) or (G, V, D).
        query_identity: Whole numbers (Q,).
        gallery_identity: Whole numbers (G,).
        query_camera: Whole numbers (Q,); both cameras or none.
        gallery_camera: Whole numbers (G,).
        metric: "cosine" or "euclidean"; features are taken as they are.
        same_camera: As in `evaluate_distances`.
        excluded_camera_pairs: As in `evaluate_distances`.
        cmc: As in `evaluate_distances`.
        num_ranks: Length of the CMC curve.

    Returns:
        The scores, as of `evaluate_distances`.

    Raises:
        ValueError: As of `evaluate_distances`, or the two sides differ in views or dimensions.
        DataError: As of `evaluate_distances`, or a feature is not finite, or all zeros where the
            metric is the cosine.

    Examples:
        >>> features = np.array([[1.0, 0.1], [0.1, 1.0]])
        >>> evaluate_features(features, features[::-1], [7, 8], [8, 7]).mean_average_precision
        1.0
    """
    first, second = _features(query, "query"), _features(gallery, "gallery")
    if first.shape[1:] != second.shape[1:]:
        raise ValueError(
            f"query and gallery features must have the same views and dimensions, not "
            f"{first.shape[1:]} and {second.shape[1:]}"
        )
    shape = (len(first), len(second))
    identity = _labels(query_identity, gallery_identity, "identity", shape)
    camera = _cameras(query_camera, gallery_camera, shape)
    pool = _pool(identity, camera, same_camera, excluded_camera_pairs)
    source = FeatureDistances(np.concatenate([first, second]), pool, metric)
    queries = rank_pool(source, pool, _known_cmc(cmc))[0]
    return average_queries(queries, num_gallery=len(second), num_ranks=num_ranks)


Sides: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64]]"
"""Labels of the queries (Q,), and of the gallery (G,)."""


def _labels(query: Values, gallery: Values, name: str, shape: tuple[int, ...]) -> Sides:
    sides = to_labels(query, f"query_{name}"), to_labels(gallery, f"gallery_{name}")
    if (len(sides[0]), len(sides[1])) != shape:
        raise ValueError(
            f"{len(sides[0])} query and {len(sides[1])} gallery labels ({name}) do not fit "
            f"{shape[0]} queries and {shape[1]} gallery images"
        )
    return sides


def _cameras(query: Values | None, gallery: Values | None, shape: tuple[int, ...]) -> Sides | None:
    if (query is None) != (gallery is None):
        raise ValueError("give the cameras of both queries and gallery, or of neither")
    return None if query is None or gallery is None else _labels(query, gallery, "camera", shape)


def _pool(
    identity: Sides, camera: Sides | None, same_camera: SameCamera, excluded: CameraPairs
) -> TrialPool:
    """Join both sides to a pool: the queries' rows come first."""
    if same_camera not in get_args(SameCamera):
        raise ValueError(f"same_camera is '{same_camera}'; use {' or '.join(get_args(SameCamera))}")
    if camera is None:
        if same_camera != "kept" or len(excluded):
            raise ValueError("a rule about cameras needs query_camera and gallery_camera")
        camera = np.zeros_like(identity[0]), np.zeros_like(identity[1])
    own = {(number, number) for side in camera for number in np.unique(side).tolist()}
    num_queries, num_gallery = (len(side) for side in identity)
    return pool_trials(
        np.concatenate(identity),
        np.concatenate(camera),
        [(np.arange(num_queries), num_queries + np.arange(num_gallery))],
        {*excluded, *(own if same_camera == "removed" else ())},
        own if same_camera == "matches-removed" else (),
    )


def _features(values: Values, name: str) -> NDArray[np.floating[Any]]:
    """Return features (N, V, D) in float32 where they are, or fit, else in float64."""
    found = to_array(values)
    if found.ndim not in (2, 3) or found.dtype.kind not in "iuf":
        raise ValueError(
            f"{name} features must be numbers (images, dimensions) or (images, views, "
            f"dimensions), not {found.dtype} of shape {found.shape}"
        )
    features: NDArray[np.floating[Any]] = found.astype(
        np.float32 if found.dtype in (np.float16, np.float32) else np.float64, copy=False
    )
    _check_finite(features, name)
    return features[:, np.newaxis] if features.ndim == 2 else features


def _check_finite(features: NDArray[np.floating[Any]], name: str) -> None:
    finite = np.isfinite(features.reshape(len(features), -1)).all(axis=1)
    if not finite.all():
        raise DataError(f"{name} feature {int(np.argmin(finite))} holds NaN or infinite values")


def _known_cmc(cmc: CmcKind) -> CmcKind:
    if cmc not in ("identity", "image"):
        raise ValueError(f"cmc is '{cmc}'; use identity or image")
    return cmc
