"""Test support: how the AGW code scores, told from its description, one query after the other.

Its sort is NumPy's default, which leaves ties in no defined order; `kind` makes another of it.
Its curves are stacked as they come: lists of different lengths make it fail, and so does this.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Removes = Callable[[int, int, np.ndarray, np.ndarray], np.ndarray]
"""Identity and camera of a query, identities and cameras of its list -> which images go."""


def same_room(_: int, camera: int, identities: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    return (cameras == 2) & (camera == 3)


def own_camera_match(
    identity: int, camera: int, identities: np.ndarray, cameras: np.ndarray
) -> np.ndarray:
    return (cameras == camera) & (identities == identity)


def nothing(_: int, __: int, identities: np.ndarray, ___: np.ndarray) -> np.ndarray:
    return np.zeros(len(identities), dtype=bool)


def agw_loop(
    distances: np.ndarray,
    query: tuple[np.ndarray, np.ndarray],
    gallery: tuple[np.ndarray, np.ndarray],
    removes: Removes,
    *,
    by_identity: bool,
    max_rank: int = 20,
    kind: str | None = None,
) -> tuple[np.ndarray, float, float]:
    max_rank = min(max_rank, distances.shape[1])
    order = np.argsort(distances, axis=1, kind=kind)
    people, images, precisions, penalties = [], [], [], []
    for row, (identity, camera) in enumerate(zip(*query, strict=True)):
        identities, cameras = gallery[0][order[row]], gallery[1][order[row]]
        identities = identities[~removes(identity, camera, identities, cameras)]
        first = np.unique(identities, return_index=True)[1]
        met = np.asarray([identities[place] for place in sorted(first)])
        people.append((met == identity).cumsum()[:max_rank])
        matches = identities == identity
        if not matches.any():
            continue
        images.append(np.minimum(matches.cumsum(), 1)[:max_rank])
        found = matches.cumsum()
        precision = [number / (place + 1.0) for place, number in enumerate(found)]
        precisions.append((np.asarray(precision) * matches).sum() / matches.sum())
        penalties.append(found[-1] / (np.flatnonzero(matches).max() + 1.0))
    stacked = [np.asarray(curves).astype(np.float32) for curves in (people, images)]
    cmc = stacked[0 if by_identity else 1].sum(0) / np.float32(len(precisions))
    return cmc, float(np.mean(precisions)), float(np.mean(penalties))
