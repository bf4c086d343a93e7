"""The choices that evaluation functions of the field differ in, and what each is called.

Sources: the code of some sixty public repositories, compared; see docs/xray.md for the list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

IntArray: TypeAlias = "NDArray[np.int64]"
Removes: TypeAlias = "Callable[[int, int, IntArray, IntArray], NDArray[np.bool_]]"
"""Identity and camera of a query, identities and cameras of the gallery (G,) -> bool (G,), which
images the query does not meet."""


def _in_its_room(camera: int) -> int:
    """Return the camera by which a location is named: cameras 2 and 3 share a room."""
    return 2 if camera == 3 else camera


def _rooms(cameras: IntArray) -> IntArray:
    return np.where(cameras == 3, 2, cameras)


CAMERA_RULES: Mapping[str, Removes] = MappingProxyType(
    {
        "room": lambda _, camera, __, cameras: (cameras == 2) & (camera == 3),
        "none": lambda _, __, ___, cameras: np.zeros(len(cameras), dtype=np.bool_),
        "own-matches": lambda identity, camera, identities, cameras: (
            (cameras == camera) & (identities == identity)
        ),
        "own": lambda _, camera, __, cameras: cameras == camera,
        "room-matches": lambda identity, camera, identities, cameras: (
            (cameras == 2) & (camera == 3) & (identities == identity)
        ),
        "room-and-own-matches": lambda identity, camera, identities, cameras: (
            (cameras == 2) & (camera == 3) | (cameras == camera) & (identities == identity)
        ),
        "room-both-ways": lambda _, camera, __, cameras: (
            (cameras == 2) & (camera == 3) | (cameras == 3) & (camera == 2)
        ),
        "query-location": lambda _, camera, __, cameras: cameras == _in_its_room(camera),
        "location": lambda _, camera, __, cameras: _rooms(cameras) == _in_its_room(camera),
        "location-matches": lambda identity, camera, identities, cameras: (
            (_rooms(cameras) == _in_its_room(camera)) & (identities == identity)
        ),
    }
)
"""What a query does not meet; the first of two that remove the same names both."""


@dataclass(frozen=True)
class Choice:
    """Something that evaluation functions decide.

    Attributes:
        title: What it is, for people.
        values: Name of each way to decide it, to what it does, in one line.
    """

    title: str
    values: Mapping[str, str]


UNKNOWN = "unknown"
"""The value of a choice where nothing that is known explains what was returned."""
NOT_SEEN = "not seen"
"""The value of a choice that the form, or what the function returns, does not show."""

CHOICES: Mapping[str, Choice] = MappingProxyType(
    {
        "roles": Choice(
            "query and gallery",
            {"given": "as given", "swapped": "swapped: gallery images query"},
        ),
        "order": Choice(
            "order",
            {
                "nearest": "smallest distance first",
                "farthest": "largest first: takes distances for similarities",
            },
        ),
        "cameras": Choice(
            "removed from a query's list",
            {
                "room": "camera 2 for queries of camera 3",
                "none": "nothing",
                "own-matches": "matches of the query's own camera",
                "own": "all images of the query's own camera",
                "room-matches": "matches of camera 2 for queries of camera 3",
                "room-and-own-matches": "camera 2 for queries of camera 3, and own camera's "
                "matches",
                "room-both-ways": "camera 2 for queries of camera 3, and the reverse",
                "query-location": "the camera of the query, whose camera 3 counts as 2",
                "location": "all images of the query's location, where cameras 2 and 3 are one",
                "location-matches": "matches of the query's location, where 2 and 3 are one",
            },
        ),
        "cmc": Choice(
            "CMC counts",
            {
                "identity": "the first image of each identity",
                "image": "every image",
            },
        ),
        "precision": Choice(
            "average precision",
            {
                "mean": "mean of the precisions at the matches",
                "trapezoid": "trapezoids between precisions (Oxford, Market-1501)",
                "identity": "1 / rank among identities: one image of each",
                "first": "1 / rank of the first match",
            },
        ),
        "penalty": Choice(
            "mINP",
            {
                "matches": "matches / rank of the last one",
                "missing": "missing",
                "zero": "always 0",
            },
        ),
        "unmatched": Choice(
            "queries without a match",
            {
                "dropped": "count in no average",
                "counted": "count as 0",
            },
        ),
        "unit": Choice("unit", {"fraction": "fractions", "percent": "percent"}),
        "ties": Choice(
            "images at one distance",
            {
                "gallery": "rank in gallery order",
                "default": "rank as NumPy's unstable sort leaves them",
                "reversed": "rank in reverse gallery order",
                "reversed-default": "rank as NumPy's unstable sort leaves them, in reverse",
                "matches-first": "rank matches first",
                "matches-last": "rank matches last",
                "grouped": "are one group (scikit-learn)",
            },
        ),
        "junk": Choice(
            "identity -1 in the gallery",
            {"ranked": "ranked as any other", "removed": "removed before ranking"},
        ),
        "comparison": Choice(
            "features are compared by",
            {
                "cosine": "the cosine, or Euclidean at length 1",
                "euclidean": "the Euclidean distance as they are",
            },
        ),
        "rerank": Choice(
            "hidden re-ranking",
            {
                "none": "none",
                "k-reciprocal": "k-reciprocal (k1 20, k2 6, lambda 0.3)",
                "aim-30-6": "AIM of SAAI (k1 30, k2 6)",
                "aim-20-6": "AIM of SAAI (k1 20, k2 6)",
                "aim-8-2": "AIM of SAAI (k1 8, k2 2)",
                "aim-4-1": "AIM of SAAI (k1 4, k2 1)",
                "aim-2-2": "AIM of SAAI (k1 2, k2 2)",
            },
        ),
        "draw": Choice(
            "galleries",
            {
                "official": "the authors' permutations",
                "agw": "Python's random, seeded with the trial",
                "official-descending": "the permutations, on files in descending order",
                "first-permutation": "the permutation of trial 1 in every trial",
                "first-images": "the first images of each folder in every trial",
                "last-images": "the last images of each folder in every trial",
                "all": "all images",
                "numpy": "NumPy's random.choice, seeded with the trial",
                "agw-cameras-first": "Python's random, seeded with the trial, cameras outermost",
                "unseeded": "another one at each call",
            },
        ),
        "trials": Choice(
            "trials",
            {
                "mean": "averaged",
                "sum": "added up",
                "best": "the best one (highest rank-1)",
                "first": "the first one alone",
                "last": "the last one alone",
            },
        ),
    }
)
"""All of them, in the order in which they are shown."""
