"""`eval_sysu`, `eval_regdb` and `eval_llcm` as the AGW code and its many descendants call them.

Signatures and results: Ye et al., "Deep Learning for Person Re-identification: A Survey and
Outlook", TPAMI 2021, and for LLCM Zhang and Wang, CVPR 2023; their code loops over queries.

Letters in shapes: Q queries, G gallery images, K ranks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.dropin.record import NUM_RANKS, Rules, Search, content_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.dropin.record import Record
    from bench_core.evaluation.summary import TrialScore
    from bench_core.evaluation.tensors import Values

Scores: TypeAlias = "tuple[NDArray[np.float32], np.float64, np.float64]"
"""CMC float32 (K,), mAP and mINP: fractions in [0, 1]."""

_SAME_ROOM = ((3, 2),)
"""Cameras of SYSU-MM01: a query of the first does not meet the gallery of the second."""
_SYSU = Rules(dataset="sysu-mm01", cmc="identity", excluded_camera_pairs=_SAME_ROOM)
_LLCM = Rules(dataset="llcm", cmc="identity", same_camera="matches-removed")
_REGDB = Rules(dataset="regdb", cmc="image", people_are_named=False)


def eval_sysu(
    distmat: Values,
    q_pids: Values,
    g_pids: Values,
    q_camids: Values,
    g_camids: Values,
    max_rank: int = 20,
    *,
    record: Record | None = None,
) -> Scores:
    """Score distances by the rules of SYSU-MM01: CMC per identity, camera 3 never meets camera 2.

    Args:
        distmat: Numbers (Q, G), finite, smaller is nearer: of similarities, their negative.
        q_pids: Identities (Q,).
        g_pids: Identities (G,).
        q_camids: Cameras (Q,).
        g_camids: Cameras (G,).
        max_rank: Length of the CMC curve.
        record: Takes the scores as its next trial.

    Returns:
        CMC, mAP and mINP. The curve has `max_rank` ranks; as in the code whose name it bears, fewer
        where the gallery has fewer images, or where every query sees one smaller number of people.

    Raises:
        ValueError: Shapes do not fit, or labels are no whole numbers.
        DataError: A distance is not finite, there is nothing to rank, or no query has a match; or
            the images are none of a trial of the record's protocol.
        UsageError: The record has another protocol than one of SYSU-MM01, or all its trials.

    Examples:
        >>> cmc, mAP, mINP = eval_sysu(
        ...     np.array([[0.2, 0.1, 0.3]]), np.array([7]), np.array([7, 8, 7]),
        ...     np.array([6]), np.array([1, 1, 2]),
        ... )
        >>> cmc.tolist(), round(float(mAP), 4), round(float(mINP), 4)
        ([0.0, 1.0], 0.5833, 0.6667)

        From camera 3 the image of camera 2 is not seen.

        >>> eval_sysu([[0.2, 0.1, 0.3]], [7], [7, 8, 7], [3], [1, 1, 2])[1]
        np.float64(0.5)
    """
    labels = (q_pids, g_pids, q_camids, g_camids)
    score = _score(_SYSU, distmat, labels, max_rank, record)
    people = _people_met(g_pids, q_camids, g_camids)
    return _as_theirs(score, people, max_rank)


def eval_llcm(
    distmat: Values,
    q_pids: Values,
    g_pids: Values,
    q_camids: Values,
    g_camids: Values,
    max_rank: int = 20,
    *,
    record: Record | None = None,
) -> Scores:
    """Score distances by the rules of LLCM: CMC per identity, no match of the query's own camera.

    Args:
        distmat: As of `eval_sysu`.
        q_pids: Identities (Q,).
        g_pids: Identities (G,).
        q_camids: Cameras (Q,).
        g_camids: Cameras (G,).
        max_rank: Length of the CMC curve.
        record: As of `eval_sysu`.

    Returns:
        CMC, mAP and mINP, as of `eval_sysu`.

    Raises:
        ValueError: As of `eval_sysu`.
        DataError: As of `eval_sysu`.
        UsageError: As of `eval_sysu`.

    Examples:
        >>> eval_llcm([[0.2, 0.1, 0.3]], [7], [7, 8, 7], [1], [1, 1, 2])[1]
        np.float64(0.5)
    """
    from bench_core.evaluation.tensors import to_labels

    score = _score(_LLCM, distmat, (q_pids, g_pids, q_camids, g_camids), max_rank, record)
    gallery = np.unique(to_labels(g_pids, "gallery_identity"))
    gone = np.isin(to_labels(q_pids, "query_identity"), gallery) & ~score.queries.valid
    return _as_theirs(score, len(gallery) - gone, max_rank)


def eval_regdb(
    distmat: Values,
    q_pids: Values,
    g_pids: Values,
    max_rank: int = 20,
    *,
    record: Record | None = None,
) -> Scores:
    """Score distances by the rules of RegDB: CMC per image, everybody meets everybody.

    Args:
        distmat: As of `eval_sysu`.
        q_pids: Identities (Q,).
        g_pids: Identities (G,).
        max_rank: Length of the CMC curve; fewer where the gallery has fewer images.
        record: As of `eval_sysu`.

    Returns:
        CMC, mAP and mINP.

    Raises:
        ValueError: As of `eval_sysu`.
        DataError: As of `eval_sysu`.
        UsageError: As of `eval_sysu`.

    Examples:
        >>> eval_regdb([[0.3, 0.1, 0.2]], [7], [7, 8, 8])[0].tolist()
        [0.0, 0.0, 1.0]
    """
    score = _score(_REGDB, distmat, (q_pids, g_pids), max_rank, record)
    return _as_theirs(score, np.array([score.num_gallery]), max_rank)


def _score(
    rules: Rules,
    distances: Values,
    labels: tuple[Values, ...],
    max_rank: int,
    record: Record | None,
) -> TrialScore:
    """Score distances, and hand the scores to a record if there is one.

    Args:
        rules: By what rules.
        distances: Numbers (Q, G).
        labels: Identities of queries and gallery, then, if there are any, their cameras.
        max_rank: Length of the CMC curve.
        record: Takes the scores as its next trial.

    Returns:
        The scores, with `max_rank` ranks or more.
    """
    from bench_core.evaluation import evaluate_distances
    from bench_core.evaluation.tensors import to_array

    matrix = to_array(distances)
    score = evaluate_distances(
        matrix,
        *labels,
        same_camera=rules.same_camera,
        excluded_camera_pairs=rules.excluded_camera_pairs,
        cmc=rules.cmc,
        num_ranks=max(_checked(max_rank), 0 if record is None else NUM_RANKS),
    )
    if record is not None:
        record.add(Search(
            rules=rules,
            score=score,
            identities=(labels[0], labels[1]),
            cameras=(labels[2], labels[3]) if labels[2:] else None,
            content=content_of([matrix], labels),
        ))  # fmt: skip
    return score


def _checked(max_rank: int) -> int:
    if max_rank < 1:
        raise ValueError(f"max_rank is {max_rank}; a CMC curve has at least 1 rank")
    return int(max_rank)


def _people_met(g_pids: Values, q_camids: Values, g_camids: Values) -> NDArray[np.int64]:
    """Return how many people each kind of query may meet: of camera 3, and of the others."""
    from bench_core.evaluation.tensors import to_labels

    identity = to_labels(g_pids, "gallery_identity")
    outside = identity[to_labels(g_camids, "gallery_camera") != _SAME_ROOM[0][1]]
    apart = to_labels(q_camids, "query_camera") == _SAME_ROOM[0][0]
    numbers = (len(np.unique(identity)), len(np.unique(outside)))
    return np.array([numbers[int(kind)] for kind in np.unique(apart)])


def _as_theirs(score: TrialScore, lengths: NDArray[Any], max_rank: int) -> Scores:
    """Return the scores in the types of the AGW code.

    Args:
        score: With `max_rank` ranks or more.
        lengths: int (any number,), lengths of the lists that ranks are counted in. Where they
            differ below `max_rank`, that code fails, and the curve here is long and stays.
        max_rank: As the caller gave it.
    """
    most = min(max_rank, score.num_gallery)
    cut = np.unique(np.minimum(lengths, most))
    # Theirs are sums of ones in float32, divided in float32: these very numbers.
    found = np.rint(score.cmc * score.num_valid_queries).astype(np.float32)
    cmc = found[: cut[0] if len(cut) == 1 else most] / np.float32(score.num_valid_queries)
    return (
        cmc,
        np.float64(score.mean_average_precision),
        np.float64(score.mean_inverse_negative_penalty),
    )
