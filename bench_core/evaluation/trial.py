"""The scores of one trial: CMC, mAP and mINP over its valid queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.evaluation.ranking import QueryScores, score_queries

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from bench_core.contracts.protocol import CmcKind

IntArray: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialScore:
    """The scores of one trial; averages are over the valid queries.

    Attributes:
        cmc: float64 (num_ranks,); element k - 1 is the fraction of valid queries with a match at
            rank k or before. Beyond the length of the ranked list it stays at its last value.
        mean_average_precision: mAP, in [0, 1].
        mean_inverse_negative_penalty: mINP, in [0, 1].
        num_queries: Query images.
        num_valid_queries: Queries with a match in the gallery that they may see.
        num_gallery: Gallery images.
        queries: The scores of each query, in the order of the queries.
    """

    cmc: NDArray[np.float64]
    mean_average_precision: float
    mean_inverse_negative_penalty: float
    num_queries: int
    num_valid_queries: int
    num_gallery: int
    queries: QueryScores


def score_trial(  # noqa: PLR0913  # keyword-only; four label arrays and two rules
    distances: NDArray[np.floating[Any]],
    *,
    query_identity: IntArray,
    query_camera: IntArray,
    gallery_identity: IntArray,
    gallery_camera: IntArray,
    excluded_camera_pairs: Collection[tuple[int, int]],
    cmc: CmcKind,
    num_ranks: int = 20,
) -> TrialScore:
    """Score one trial.

    Gallery images that a query may not meet are removed before ranking, ties rank in gallery
    order, and queries without a match count in no average: the definition of the authors' MATLAB
    evaluation of SYSU-MM01 (Wu et al., ICCV 2017). mINP, which it lacks, is that of Ye et al.,
    "Deep Learning for Person Re-identification: A Survey and Outlook", TPAMI 2021.

    Args:
        distances: Float (Q, G), finite, smaller is nearer.
        query_identity: Integers (Q,).
        query_camera: Integers (Q,).
        gallery_identity: Integers (G,).
        gallery_camera: Integers (G,).
        excluded_camera_pairs: (query camera, gallery camera) pairs that may not meet, whatever
            the identity.
        cmc: "identity" counts the first gallery image of each identity, "image" every image.
        num_ranks: Length of the CMC curve.

    Returns:
        The scores.

    Raises:
        ValueError: The labels do not fit the distances.
        DataError: A distance is NaN or infinite, or no query has a match.

    Examples:
        Query 0 finds its identity behind one other; identity 9 is not in the gallery.

        >>> score = score_trial(
        ...     np.array([[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]]),
        ...     query_identity=np.array([1, 9]), query_camera=np.array([3, 3]),
        ...     gallery_identity=np.array([2, 2, 1]), gallery_camera=np.array([1, 1, 1]),
        ...     excluded_camera_pairs=[(3, 2)], cmc="identity", num_ranks=3,
        ... )
        >>> score.cmc, round(score.mean_average_precision, 3), score.num_valid_queries
        (array([0., 1., 1.]), 0.333, 1)
    """
    scores = score_queries(
        distances,
        query_identity=query_identity,
        query_camera=query_camera,
        gallery_identity=gallery_identity,
        gallery_camera=gallery_camera,
        excluded_camera_pairs=excluded_camera_pairs,
        cmc=cmc,
    )
    return average_queries(scores, num_gallery=distances.shape[1], num_ranks=num_ranks)


def average_queries(scores: QueryScores, *, num_gallery: int, num_ranks: int = 20) -> TrialScore:
    """Average the scores of the queries of a trial that have a match.

    Args:
        scores: Of each query.
        num_gallery: Gallery images of the trial.
        num_ranks: Length of the CMC curve.

    Returns:
        The scores of the trial.

    Raises:
        DataError: No query has a match.
    """
    valid = scores.valid
    num_valid = int(np.count_nonzero(valid))
    if not num_valid:
        raise DataError(
            f"none of {len(valid)} queries has a match among the {num_gallery} gallery images "
            "that it may see; query and gallery identities do not belong together"
        )
    found = np.bincount(scores.first_match_rank[valid], minlength=num_ranks + 1)
    return TrialScore(
        cmc=np.cumsum(found[1 : num_ranks + 1]) / num_valid,
        mean_average_precision=float(scores.average_precision[valid].mean()),
        mean_inverse_negative_penalty=float(scores.inverse_negative_penalty[valid].mean()),
        num_queries=len(valid),
        num_valid_queries=num_valid,
        num_gallery=num_gallery,
        queries=scores,
    )
