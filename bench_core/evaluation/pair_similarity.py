"""Cosine similarity of all pairs of images, of one person and of two, within and across modalities.

What a matching across modalities fights with is here in numbers: how alike images look because they
show one person, and how alike because they are of one modality.

Letters in shapes: N images, V views, D dimensions, C kinds of camera, S steps of the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from bench_core.evaluation.similarity import unit_features
from bench_core.system.progress import progress

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

IntArray: TypeAlias = "NDArray[np.int64]"
Exact: TypeAlias = "NDArray[np.float64]"
CameraPairs: TypeAlias = "Collection[tuple[int, int]]"
Who: TypeAlias = Literal["same", "different"]
Where: TypeAlias = Literal["within", "across"]

NUM_STEPS = 2**14
"""Steps that similarities from -1 to 1 are counted in: a step is 0.00012."""
KINDS: tuple[tuple[Who, Where], ...] = (
    ("same", "within"), ("same", "across"), ("different", "within"), ("different", "across"),
)  # fmt: skip
_LEFT_OUT = len(KINDS)
_ROWS_PER_BLOCK = 512


@dataclass(frozen=True, eq=False)
class Spread:
    """How the similarities of the pairs of one kind spread.

    Attributes:
        counts: int64 (S,), pairs in each of `NUM_STEPS` equal steps from -1 to 1.
    """

    counts: IntArray

    @property
    def num_pairs(self) -> int:
        """Number of pairs."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """Mean similarity, to half a step; not a number without any pair."""
        centres = (np.arange(NUM_STEPS) + 0.5) * 2 / NUM_STEPS - 1
        return float(self.counts @ centres / self.num_pairs) if self.num_pairs else np.nan

    def share_above(self, other: Spread) -> float:
        """Return how often a random pair of this kind is more alike than one of another.

        Args:
            other: Of another kind; both have a pair.

        Returns:
            In [0, 1]; pairs in one step count half. 0.5 is chance.

        Examples:
            >>> def spread(*steps: int) -> Spread:
            ...     return Spread(np.bincount(steps, minlength=NUM_STEPS))
            >>> spread(5, 9).share_above(spread(5, 7))
            0.625
        """
        below = np.cumsum(other.counts) - other.counts / 2
        return float(self.counts @ below / self.num_pairs / other.num_pairs)


def pair_similarities(  # an image's labels, and the rules of the protocol
    features: NDArray[np.floating[Any]],
    *,
    identity: NDArray[Any],
    camera: NDArray[Any],
    modality: NDArray[Any],
    excluded_camera_pairs: CameraPairs = (),
    excluded_match_camera_pairs: CameraPairs = (),
) -> dict[tuple[Who, Where], Spread]:
    """Count the similarities of all pairs of two images by kind (JSIA-ReID, Fig. 4, and more).

    Wang et al., "Cross-Modality Paired-Images Generation for RGB-Infrared Person
    Re-Identification", Neural Networks 128 (2020), Fig. 4, shows the pairs across modalities; the
    pairs within one are ours. The similarity of two images is the mean over views of the cosine of
    their features, as they are, not centred; a feature of zeros is similar to nothing: 0.

    Left out are pairs of cameras that the protocol keeps apart, in either order, and within a
    modality the pairs of one camera, where the modality has several: neighbours in a video are
    alike whatever the features are. A modality of one camera counts all its pairs.

    Args:
        features: Float (N, V, D), finite.
        identity: (N,).
        camera: (N,).
        modality: (N,).
        excluded_camera_pairs: Pairs of cameras that may not meet.
        excluded_match_camera_pairs: Pairs of cameras in which images of one identity may not meet.

    Returns:
        By kind (see `KINDS`), how the similarities spread; a kind may be without any pair.

    Examples:
        >>> found = pair_similarities(
        ...     np.array([[[1.0, 0.0]], [[0.0, 2.0]], [[3.0, 0.0]]]),
        ...     identity=np.array([7, 7, 8]), camera=np.array([1, 2, 3]),
        ...     modality=np.array(["visible", "infrared", "infrared"]),
        ... )
        >>> {kind: round(spread.mean) for kind, spread in found.items() if spread.num_pairs}
        {('same', 'across'): 0, ('different', 'within'): 0, ('different', 'across'): 1}
    """
    units = unit_features(features).astype(np.float32)
    scale = NUM_STEPS / 2 / features.shape[1]
    person = np.unique(identity, return_inverse=True)[1]
    places, place = np.unique(
        np.rec.fromarrays([np.asarray(camera), np.asarray(modality)]), return_inverse=True
    )
    kinds = _kinds(places["f0"], places["f1"], excluded_camera_pairs, excluded_match_camera_pairs)
    counts = np.zeros((_LEFT_OUT + 1) * NUM_STEPS, dtype=np.int64)
    blocks = range(0, len(units), _ROWS_PER_BLOCK)
    for start in progress(blocks, description="similarities", unit="block"):
        rows = slice(start, start + _ROWS_PER_BLOCK)
        step = ((units[rows] @ units[start:].T) * scale + NUM_STEPS / 2).astype(np.int64)
        np.clip(step, 0, NUM_STEPS - 1, out=step)
        same = (person[rows, np.newaxis] == person[start:]).astype(np.int8)
        kind = kinds[same, place[rows, np.newaxis], place[start:]]
        kind[np.tril_indices(len(kind), m=kind.shape[1])] = _LEFT_OUT  # each pair once
        step += kind * NUM_STEPS
        counts += np.bincount(step.reshape(-1), minlength=len(counts))
    by_kind = counts.reshape(-1, NUM_STEPS)
    return {kind: Spread(by_kind[number]) for number, kind in enumerate(KINDS)}


def _kinds(
    camera: NDArray[Any], modality: NDArray[Any], apart: CameraPairs, matches_apart: CameraPairs
) -> IntArray:
    """Return the number of the kind of pairs, int64 (2, C, C): of two people, and of one."""
    across = modality[:, np.newaxis] != modality
    several = np.array([np.count_nonzero(modality == own) > 1 for own in modality])
    left_out = ~across & (camera[:, np.newaxis] == camera) & several
    left_out |= _of_cameras(camera, apart)
    one_person = left_out | _of_cameras(camera, matches_apart)
    different, same = KINDS.index(("different", "within")), KINDS.index(("same", "within"))
    return np.stack(
        [
            np.where(left_out, _LEFT_OUT, different + across),
            np.where(one_person, _LEFT_OUT, same + across),
        ]
    )


def _of_cameras(camera: NDArray[Any], pairs: CameraPairs) -> NDArray[np.bool_]:
    result = np.zeros((len(camera), len(camera)), dtype=np.bool_)
    for one, other in pairs:
        result |= np.outer(camera == one, camera == other)
    return result | result.T
