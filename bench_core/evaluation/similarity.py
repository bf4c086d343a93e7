"""Intra-class cosine similarity: how alike a person looks to the features across a search.

Letters in shapes: N images, V views, D dimensions, T trials.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import sparse

from bench_core.contracts.errors import DataError
from bench_core.evaluation.scaling import scale_views

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from bench_core.evaluation.engine import TrialRows

IntArray: TypeAlias = "NDArray[np.int64]"
Exact: TypeAlias = "NDArray[np.float64]"
CameraPairs: TypeAlias = "Collection[tuple[int, int]]"

_ROWS_PER_BLOCK = 2048
_MOST_KNOWN = 4


def intra_class_similarity(
    features: NDArray[np.floating[Any]],
    identity: NDArray[Any],
    camera: NDArray[Any],
    trials: Sequence[TrialRows],
    excluded_camera_pairs: CameraPairs,
) -> Exact:
    """Average the cosine similarity of a query and a gallery image of one person (ICCS).

    Wang et al., "RGB-Infrared Cross-Modality Person Re-Identification via Joint Pixel and Feature
    Alignment", ICCV 2019, Table 1, report it for four settings and do not define it. Left open
    are which pairs count, how they are averaged, the search mode and the number of shots. Here,
    for each trial, it is the plain mean over all pairs of a query and a gallery image that show
    one identity, may meet, and are not one image: a person of many images weighs more. The
    similarity of two images is the mean over views of the cosine of their features, which are
    taken as they are, not centred. A feature that is all zeros is similar to nothing: 0.

    No pair is visited: the sum over pairs is the product of two sums of unit vectors.

    Args:
        features: float32 or float64 (N, V, D), finite; may be memory-mapped.
        identity: Integers (N,).
        camera: Integers (N,).
        trials: Rows of queries and gallery of each trial, each row once.
        excluded_camera_pairs: (query camera, gallery camera) pairs that may not meet.

    Returns:
        The mean similarity of each trial, float64 (T,) in [-1, 1].

    Raises:
        DataError: No query of a trial has an image of its identity in its gallery.

    Examples:
        Query 0 is at 0 degrees from image 1 and at 90 from image 2; image 3 is another person.

        >>> features = np.array([[[1.0, 0]], [[2.0, 0]], [[0, 3.0]], [[1.0, 0]]])
        >>> trial = (np.array([0]), np.array([1, 2, 3]))
        >>> identity, camera = np.array([7, 7, 7, 8]), np.array([3, 1, 2, 1])
        >>> intra_class_similarity(features, identity, camera, [trial], ()).tolist()
        [0.5]
        >>> intra_class_similarity(features, identity, camera, [trial], [(3, 2)]).tolist()
        [1.0]
    """
    excluded = frozenset(excluded_camera_pairs)
    order, places = _order_by_identity(identity, trials)
    sums, counts = np.zeros(len(trials)), np.zeros(len(trials), dtype=np.int64)
    for start, end in _blocks(identity[order]):
        rows = order[start:end]
        person = np.unique(identity[rows], return_inverse=True)[1]
        block = _Block(unit_features(features[rows]), person, camera[rows])
        for number, (query, gallery) in enumerate(places):
            own, other = (_between(part, start, end) for part in (query, gallery))
            similarity, pairs = _sum_over_pairs(block, own, other, excluded)
            sums[number] += similarity
            counts[number] += pairs
    _check_pairs(counts)
    means: Exact = sums / (counts * features.shape[1])
    return means.clip(-1, 1)  # unit vectors are so but for rounding


def _check_pairs(counts: IntArray) -> None:
    if not counts.all():
        raise DataError(
            f"in trial {int(np.argmin(counts)) + 1} no query has another image of its identity in "
            "the gallery that it may see; query and gallery identities do not belong together"
        )


@dataclass(frozen=True, eq=False)
class _Block:
    """All images of some identities.

    Attributes:
        units: float64 (n, V x D), each view of length 1, or 0.
        person: int64 (n,), from 0.
        camera: Integers (n,).
        known: What `_sums_by_person` found of some queries, which most trials share.
    """

    units: Exact
    person: IntArray
    camera: NDArray[Any]
    known: dict[bytes, tuple[Exact, IntArray]] = field(default_factory=dict)


def _order_by_identity(
    identity: NDArray[Any], trials: Sequence[TrialRows]
) -> tuple[IntArray, list[TrialRows]]:
    """Return the rows of all trials in order of identity, and each trial as places in it.

    Identities that no query shows have no pair, and are left out: they may be most of a gallery.
    Within an identity they lie in the order of the trials: that of the caller's table does not
    show in the last digits of sums.
    """
    sought = np.unique(np.concatenate([identity[query] for query, _ in trials]))
    kept = np.isin(identity, sought)
    trials = [(query, gallery[kept[gallery]]) for query, gallery in trials]
    rows = np.concatenate([rows for trial in trials for rows in trial])
    order = rows[np.sort(np.unique(rows, return_index=True)[1])]
    order = order[np.argsort(identity[order], kind="stable")]
    place = np.empty(len(identity), dtype=np.int64)
    place[order] = np.arange(len(order))
    return order, [(np.sort(place[query]), np.sort(place[gallery])) for query, gallery in trials]


def _blocks(identity: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Cut ascending identities where they change, into blocks of about `_ROWS_PER_BLOCK`."""
    changes = np.flatnonzero(np.diff(identity)) + 1
    start = 0
    for target in range(_ROWS_PER_BLOCK, len(identity), _ROWS_PER_BLOCK):
        after = np.searchsorted(changes, target)
        end = int(changes[after]) if after < len(changes) else len(identity)
        if end > start:
            yield start, end
            start = end
    if start < len(identity):
        yield start, len(identity)


def unit_features(features: NDArray[np.floating[Any]]) -> Exact:
    """Return features with each view of length 1, or 0, side by side.

    Args:
        features: Float (N, V, D), finite.

    Returns:
        float64 (N, V x D); the product of two rows, divided by V, is their cosine similarity.
    """
    units = scale_views(features).astype(np.float64)
    lengths = np.sqrt(np.einsum("nvd,nvd->nv", units, units))
    units /= np.where(lengths > 0, lengths, 1)[:, :, np.newaxis]
    return units.reshape(len(units), -1)


def _between(places: IntArray, start: int, end: int) -> IntArray:
    """Return those of ascending places that lie in a block, counted from its start."""
    first, last = np.searchsorted(places, [start, end])
    inside: IntArray = places[first:last] - start
    return inside


def _sum_over_pairs(
    block: _Block, query: IntArray, gallery: IntArray, excluded: frozenset[tuple[int, int]]
) -> tuple[float, int]:
    """Sum the similarities of all pairs of one person that count, and count them."""
    total, pairs = _sum_over_all_pairs(block, query, gallery)
    for own, other in excluded:
        similarity, num = _sum_over_all_pairs(
            block, query[block.camera[query] == own], gallery[block.camera[gallery] == other]
        )
        total, pairs = total - similarity, pairs - num
    same = np.intersect1d(query, gallery, assume_unique=True)
    same = same[[(camera, camera) not in excluded for camera in block.camera[same].tolist()]]
    return total - float((block.units[same] ** 2).sum()), pairs - len(same)


def _sum_over_all_pairs(block: _Block, query: IntArray, gallery: IntArray) -> tuple[float, int]:
    if not len(query) or not len(gallery):
        return 0.0, 0
    own, num_own = _sums_of_queries(block, query)
    other, num_other = _sums_by_person(block, gallery)
    return float(np.einsum("pd,pd->", own, other)), int(num_own @ num_other)


def _sums_of_queries(block: _Block, query: IntArray) -> tuple[Exact, IntArray]:
    key = query.tobytes()
    if key not in block.known:
        if len(block.known) == _MOST_KNOWN:
            block.known.clear()
        block.known[key] = _sums_by_person(block, query)
    return block.known[key]


def _sums_by_person(block: _Block, images: IntArray) -> tuple[Exact, IntArray]:
    """Return the sum of unit features of each person (P, V x D), and the number of images."""
    num_people = int(block.person[-1]) + 1
    person = block.person[images]
    members = sparse.csr_array(
        (np.ones(len(images)), (person, images)), shape=(num_people, len(block.units))
    )
    sums: Exact = np.asarray(members @ block.units)
    return sums, np.bincount(person, minlength=num_people)
