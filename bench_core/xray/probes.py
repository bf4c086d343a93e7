"""The inputs that functions are tried on: seeded, and made so that each choice moves a score.

Letters in shapes: Q queries, G gallery images, D dimensions.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.xray.reference import JUNK, Search

if TYPE_CHECKING:
    from numpy.typing import NDArray

IntArray: TypeAlias = "NDArray[np.int64]"
FloatArray: TypeAlias = "NDArray[np.float64]"
Folders: TypeAlias = "Mapping[tuple[int, int], list[int]]"
"""(camera, identity) -> rows of its images, in order of their files."""

_SEED = 20_231
NUM_PEOPLE = 26
"""More than the 20 ranks of a curve, even for queries that may not meet some of them."""
_INDOOR, _ONLY_ROOM = 16, 2
"""People seen indoors; and those of them whom camera 2 alone has seen."""
VISIBLE, INFRARED = (1, 2, 4, 5), (3, 6)
INDOOR = (1, 2)
_FAR = 10.0
"""Added to distances, so that none is negative."""


def _labels(pairs: Sequence[tuple[int, int]], times: int) -> tuple[IntArray, IntArray]:
    """Return identity and camera of images, each pair of them some times."""
    table = np.repeat(np.array(pairs, dtype=np.int64), times, axis=0)
    return table[:, 0].copy(), table[:, 1].copy()


def _search(
    query: tuple[IntArray, IntArray], gallery: tuple[IntArray, IntArray], seed: int
) -> Search:
    """Draw distances: all different, and smaller on the whole between images of one person.

    Some matches are among the farthest images, so that no behaviour gives a curve of zeros.
    """
    draw = np.random.default_rng((_SEED, seed))
    order = draw.permutation(len(gallery[0]))
    identity, camera = gallery[0][order], gallery[1][order]
    distances = _FAR + draw.normal(size=(len(query[0]), len(identity)))
    distances += 1.2 * (query[0][:, np.newaxis] != identity)
    distances += 0.4 * (query[1][:, np.newaxis] != camera)
    return Search(distances, query[0], identity, query[1], camera)


def _gallery_pairs() -> list[tuple[int, int]]:
    """Return who was seen by which visible camera."""
    pairs = [(person, camera) for person in range(1, _INDOOR + 1) for camera in INDOOR]
    pairs += [(person, camera) for person in range(1, NUM_PEOPLE + 1) for camera in (4, 5)]
    hidden = range(1, _ONLY_ROOM + 1)
    return [(person, camera) for person, camera in pairs if person not in hidden or camera == 2]


def _sysu() -> Search:
    """Infrared queries, visible gallery, as in SYSU-MM01; two people on each side alone."""
    strangers = [(person, 6) for person in (NUM_PEOPLE + 1, NUM_PEOPLE + 2)]
    known = [(person, camera) for person in range(1, NUM_PEOPLE + 1) for camera in INFRARED]
    others = [(person, 4) for person in (NUM_PEOPLE + 3, NUM_PEOPLE + 4)]
    gallery = _labels([*_gallery_pairs(), *others], 2)
    return _search(_labels([*known, *strangers], 2), gallery, 1)


def _shared() -> Search:
    """All six cameras on both sides, as LLCM's are; two people were seen by camera 1 alone."""
    people = range(1, NUM_PEOPLE + 5)
    pairs = [(person, camera) for person in people for camera in range(1, 7)]
    alone = people[-2:]
    gallery = [pair for pair in pairs if pair[0] not in alone or pair[1] == 1]
    draw = np.random.default_rng((_SEED, 2))
    query = [pairs[place] for place in sorted(draw.permutation(len(pairs))[:80].tolist())]
    query += [(person, 1) for person in alone]
    return _search(_labels(query, 1), _labels(gallery, 1), 2)


def _plain() -> Search:
    """One camera on each side, as in RegDB; two people without any gallery image."""
    people = range(1, NUM_PEOPLE + 1)
    query = [(person, 1) for person in [*people, NUM_PEOPLE + 1, NUM_PEOPLE + 2]]
    return _search(_labels(query, 3), _labels([(person, 2) for person in people], 3), 3)


def _junk() -> Search:
    """As `_sysu`, with images of nobody in the gallery."""
    query = [(person, 6) for person in range(1, NUM_PEOPLE + 1)]
    gallery = [*_gallery_pairs(), *[(JUNK, 4)] * 25]
    return _search(_labels(query, 2), _labels(gallery, 1), 4)


def _ties() -> Search:
    """Few different distances, and no image that any rule removes."""
    people = range(1, NUM_PEOPLE + 1)
    query = _labels([(person, 6) for person in people], 2)
    search = _search(query, _labels([(person, 1) for person in people], 3), 5)
    levels = np.floor(search.distances)
    return Search(levels, *(query[0], search.gallery_identity, query[1], search.gallery_camera))


def _few() -> Search:
    """Fewer people than a curve has ranks, and not as many for one query as for another."""
    pairs = [(1, 1), (1, 4), (2, 2), (3, 5), (4, 1), (5, 4)]
    query = _labels([(1, 3), (2, 6), (3, 3), (4, 6), (5, 6)], 2)
    return _search(query, _labels(pairs, 2), 6)


_MAKERS: Mapping[str, Callable[[], Search]] = MappingProxyType(
    {
        "sysu": _sysu,
        "shared": _shared,
        "plain": _plain,
        "junk": _junk,
        "ties": _ties,
        "few": _few,
    }
)


@cache
def make_search(name: str) -> Search:
    """Make a probe of distances, by its name; the same one in every process. Do not change it."""
    return _MAKERS[name]()


@dataclass(frozen=True, eq=False)
class FeatureProbe:
    """Features of queries, and of all images that galleries are drawn from.

    Attributes:
        query: float64 (Q, D).
        query_identity: int64 (Q,).
        query_camera: int64 (Q,).
        gallery: float64 (G, D), in order of the paths.
        gallery_identity: int64 (G,).
        gallery_camera: int64 (G,).
        paths: As of SYSU-MM01, of each gallery image.
        permutations: (camera, identity) -> int64 (10, images of the folder), from 1.
    """

    query: FloatArray
    query_identity: IntArray
    query_camera: IntArray
    gallery: FloatArray
    gallery_identity: IntArray
    gallery_camera: IntArray
    paths: tuple[str, ...]
    permutations: Mapping[tuple[int, int], IntArray]

    @property
    def folders(self) -> Folders:
        """The rows of each camera and identity."""
        folders: dict[tuple[int, int], list[int]] = {}
        keys = zip(self.gallery_camera.tolist(), self.gallery_identity.tolist(), strict=True)
        for row, key in enumerate(keys):
            folders.setdefault(key, []).append(row)
        return folders

    def matlab_permutations(self) -> NDArray[Any]:
        """Return the permutations as SciPy reads `rand_perm_cam`: objects in objects."""
        cells = np.empty((6, 1), dtype=object)
        for camera in range(1, 7):
            column = np.empty((NUM_PEOPLE + 1, 1), dtype=object)
            for person in range(NUM_PEOPLE + 1):
                none = np.zeros((0, 0), dtype=np.uint8)
                column[person, 0] = self.permutations.get((camera, person + 1), none)
            cells[camera - 1, 0] = column
        return cells


NUM_TRIALS = 10
_DIMENSIONS = 12
_FEATURE_SEED = 21
"""One with which the best of the trials is neither the first nor the last, whatever is drawn."""


@cache
def make_features(name: str) -> FeatureProbe:
    """Make a probe of features by its name: "one-image" or "folders". Do not change it.

    In the first, each folder holds one image, so that every draw gives the same gallery.
    """
    draw = np.random.default_rng((_SEED, _FEATURE_SEED, name == "folders"))
    pairs = sorted((camera, person) for person, camera in _gallery_pairs())
    sizes = draw.integers(3, 8, len(pairs)) if name == "folders" else np.ones(len(pairs), int)
    identity = np.repeat([person for _, person in pairs], sizes)
    camera = np.repeat([camera for camera, _ in pairs], sizes)
    known = [(person, camera) for person in range(1, NUM_PEOPLE + 1) for camera in INFRARED]
    query_identity, query_camera = _labels([*known, (NUM_PEOPLE + 1, 6)], 2)
    features = _draw_features(
        draw, np.append(query_identity, identity), np.append(query_camera, camera)
    )
    return FeatureProbe(
        features[: len(query_identity)],
        query_identity,
        query_camera,
        features[len(query_identity) :],
        identity,
        camera,
        _paths(camera, identity, np.concatenate([np.arange(1, size + 1) for size in sizes])),
        {
            pair: np.stack([draw.permutation(size) + 1 for _ in range(NUM_TRIALS)]).astype(np.uint8)
            for pair, size in zip(pairs, sizes.tolist(), strict=True)
        },
    )


def _draw_features(draw: np.random.Generator, identity: IntArray, camera: IntArray) -> FloatArray:
    """Draw features that are alike by person and by camera, of different lengths."""
    centres = draw.normal(size=(NUM_PEOPLE + 2, _DIMENSIONS))
    rooms = draw.normal(size=(7, _DIMENSIONS))
    noise = draw.normal(size=(len(identity), _DIMENSIONS))
    mixed = 0.7 * centres[identity] + 0.4 * rooms[camera] + noise
    return np.asarray(mixed * draw.uniform(0.4, 2.5, (len(identity), 1)))


def _paths(camera: IntArray, identity: IntArray, number: IntArray) -> tuple[str, ...]:
    labels = zip(camera.tolist(), identity.tolist(), number.tolist(), strict=True)
    return tuple(
        f"SYSU-MM01/cam{cam}/{person:04d}/{image:04d}.jpg" for cam, person, image in labels
    )


DRAWS = (
    "official",
    "agw",
    "official-descending",
    "first-permutation",
    "first-images",
    "last-images",
    "all",
    "numpy",
    "agw-cameras-first",
)
"""The draws that can be predicted."""


def draw_gallery(
    folders: Folders,
    permutations: Mapping[tuple[int, int], IntArray],
    cameras: Sequence[int],
    how: str,
    trial: int,
    shots: int = 1,
) -> list[int] | None:
    """Draw a gallery.

    Args:
        folders: Rows of each camera and identity.
        permutations: Of each folder, from 1.
        cameras: Those of the gallery.
        how: One of `DRAWS`.
        trial: From 0.
        shots: Images of each folder.

    Returns:
        Rows in order of the draw; None where the draw is not defined for so many shots.
    """
    keys = sorted((key for key in folders if key[0] in cameras), key=_by(how))
    if how in ("agw", "agw-cameras-first", "numpy"):
        if shots != 1:
            return None
        choose = random.Random(trial).choice if how != "numpy" else _numpy_choice(trial)
        return [choose(folders[key]) for key in keys]
    rows: list[int] = []
    for key in keys:
        files = folders[key][:: -1 if how in ("official-descending", "last-images") else 1]
        order = permutations[key][0 if how == "first-permutation" else trial].tolist()
        fixed = how in ("first-images", "last-images")
        chosen = files if how == "all" or fixed else [files[number - 1] for number in order]
        rows += chosen if how == "all" else chosen[:shots]
    return rows


def _by(how: str) -> Callable[[tuple[int, int]], tuple[int, int]]:
    identities_first = how in ("agw", "numpy")
    return lambda key: (key[1], key[0]) if identities_first else key


def _numpy_choice(trial: int) -> Callable[[Sequence[int]], int]:
    generator = np.random.RandomState(trial)  # what `np.random.seed` seeds
    return lambda files: int(generator.choice(files))
