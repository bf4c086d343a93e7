"""A second program, written from docs/evaluation.md and docs/reranking.md alone: same scores.

It shares nothing with the product but the split files and a file of features. The plain re-ranking
is the one that the re-ranking's own tests hold against the paper.
"""

from __future__ import annotations

import json
import random
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import loadmat

from bench_core.cli.main import build_cli
from bench_core.plugins import Registry
from bench_core.synthetic import generate

PLAIN = runpy.run_path(
    str(Path(__file__).parent / "bench_core/evaluation/reranking/plain_reranking.py")
)
RANKS = (1, 5, 10, 20)


class Image(NamedTuple):
    """An image as a feature file names it."""

    identity: int
    camera: int
    modality: str
    index: int


Trial = tuple[list[Image], list[Image]]
Removed = Callable[[Image, Image], bool]


def folders_of(
    root: Path, place: str, cameras: tuple[int, ...], modality: str
) -> dict[tuple[int, int], list[Image]]:
    """List the images of each identity and camera; a place is such as "cam{}"."""
    found = {}
    for camera in cameras:
        for folder in sorted((root / place.format(camera)).iterdir()):
            names = sorted(path.name for path in folder.iterdir())
            identity = int(folder.name)
            if names:
                found[identity, camera] = [
                    Image(identity, camera, modality, index) for index in range(len(names))
                ]
    return found


def listed_identities(file: Path) -> set[int]:
    return {int(number) for number in re.findall("[0-9]+", file.read_text())}


def draw(folders: dict[tuple[int, int], list[Image]], trial: int) -> list[Image]:
    """Draw as AGW's and LLCM's authors do: identities ascending, cameras ascending within."""
    generator = random.Random(trial)
    return [generator.choice(folders[key]) for key in sorted(folders)]


def sysu_trials(root: Path, protocol: str, convention: str) -> tuple[list[Trial], list[Image]]:
    """Draw the trials, and list all images of the cameras that take part."""
    tested = listed_identities(root / "exp" / "test_id.txt")
    infrared, visible = (3, 6), (1, 2) if "indoor" in protocol else (1, 2, 4, 5)
    query, gallery = infrared, visible
    if match := re.fullmatch("sysu-(rgb|ir)-to-(rgb|ir)", protocol):
        query, gallery = (visible if side == "rgb" else infrared for side in match.groups())
    folders = {
        key: images
        for cameras, modality in ((infrared, "infrared"), (visible, "visible"))
        for key, images in folders_of(root, "cam{}", cameras, modality).items()
        if key[0] in tested
    }
    images = [image for found in folders.values() for image in found]
    queries = [image for key in sorted(folders) if key[1] in query for image in folders[key]]
    chosen = {key: images for key, images in folders.items() if key[1] in gallery}
    if convention == "agw":
        return [(queries, draw(chosen, trial)) for trial in range(10)], images
    permutations = loadmat(root / "exp" / "rand_perm_cam.mat")["rand_perm_cam"].ravel()
    shots = 10 if "multi" in protocol else 1
    trials = [
        (
            queries,
            [
                chosen[identity, camera][number - 1]
                for identity, camera in sorted(chosen, key=lambda key: key[::-1])
                for number in permutations[camera - 1].ravel()[identity - 1][trial, :shots]
            ],
        )
        for trial in range(10)
    ]
    return trials, images


def llcm_trials(root: Path, protocol: str, _: str) -> tuple[list[Trial], list[Image]]:
    """Draw the trials, and list all images."""
    tested = listed_identities(root / "idx" / "test_id.txt")
    sides = {}
    for name, modality in (("vis", "visible"), ("nir", "infrared")):
        cameras = tuple(range(1, 10)) if name == "vis" else (1, 2, 4, 5, 6, 7, 8, 9)
        found = folders_of(root, f"test_{name}/cam{{}}", cameras, modality)
        sides[modality] = {key: images for key, images in found.items() if key[0] in tested}
    query, gallery = protocol.removeprefix("llcm-").split("-to-")
    queries = [image for key in sorted(sides[query]) for image in sides[query][key]]
    images = [image for side in sides.values() for found in side.values() for image in found]
    return [(queries, draw(sides[gallery], trial)) for trial in range(10)], images


def share_a_room(query: Image, image: Image) -> bool:
    return {query.camera, image.camera} == {2, 3}


def are_of_one_camera(query: Image, image: Image) -> bool:
    return query.camera == image.camera


def are_of_one_person_and_camera(query: Image, image: Image) -> bool:
    return are_of_one_camera(query, image) and query.identity == image.identity


def score(distances: np.ndarray, trial: Trial, removed: Removed) -> list[float]:
    """Score a trial: CMC per identity at four ranks, mAP and mINP."""
    rows = []
    for query, lengths in zip(trial[0], distances, strict=True):
        order = [trial[1][place] for place in np.argsort(lengths, kind="stable")]
        ranked = [image.identity for image in order if not removed(query, image)]
        ranks = [rank for rank, one in enumerate(ranked, start=1) if one == query.identity]
        if ranks:
            first = list(dict.fromkeys(ranked)).index(query.identity) + 1
            precision = np.mean([number / rank for number, rank in enumerate(ranks, start=1)])
            rows.append([*(first <= rank for rank in RANKS), precision, len(ranks) / ranks[-1]])
    return [float(mean) for mean in np.mean(rows, axis=0)]


def distances_between(one: np.ndarray, other: np.ndarray, metric: str) -> np.ndarray:
    if metric == "cosine":
        one, other = (part / np.linalg.norm(part, axis=2, keepdims=True) for part in (one, other))
        cosine: np.ndarray = (1 - np.einsum("qvd,gvd->qgv", one, other)).sum(axis=2)
        return cosine
    lengths: np.ndarray = np.linalg.norm(one[:, None] - other[None], axis=3).sum(axis=2)
    return lengths


def rerank(query: np.ndarray, gallery: np.ndarray, metric: str) -> np.ndarray:
    reranked: np.ndarray = PLAIN["plain"](query, gallery, metric, PLAIN["KReciprocalOptions"]())
    return reranked


def rerank_groups(
    features: dict[Image, np.ndarray], trial: Trial, removed: Removed, metric: str
) -> np.ndarray:
    """Re-rank each group of queries that may see the same images; identities do not count."""
    query, gallery = (np.stack([features[image] for image in side]) for side in trial)
    if removed is are_of_one_person_and_camera:
        return rerank(query, gallery, metric)
    seen = [tuple(not removed(one, image) for image in trial[1]) for one in trial[0]]
    result = np.ones((len(query), len(gallery)))
    for group in set(seen):
        rows = np.array([one == group for one in seen])
        columns = np.array(group)
        result[np.ix_(rows, columns)] = rerank(query[rows], gallery[columns], metric)
    return result


@pytest.fixture(scope="module")
def llcm_root(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic LLCM."""
    root = tmp_path_factory.mktemp("llcm") / "root"
    generate(root, registry.dataset("llcm"), scale="tiny", seed=0, workers=1)
    return root


def write_features(path: Path, images: list[Image], metric: str) -> dict[Image, np.ndarray]:
    """Invent features in which a person is a direction, and write them in any order."""
    rng = np.random.default_rng(0)
    people, cameras = rng.standard_normal((2000, 2, 6)), rng.standard_normal((10, 2, 6))
    features = {
        one: people[one.identity] + cameras[one.camera] + 1.5 * rng.standard_normal((2, 6))
        for one in sorted(set(images))
    }
    order = [list(features)[place] for place in rng.permutation(len(features))]
    np.savez(
        path,
        features=np.stack([features[image] for image in order]),
        metric=np.array(metric),
        **{name: np.array([getattr(image, name) for image in order]) for name in Image._fields},
    )
    return features


CASES = [
    ("sysu-all-single", "official", share_a_room),
    ("sysu-all-single", "agw", share_a_room),
    ("sysu-all-multi", "official", share_a_room),
    ("sysu-indoor-single", "agw", share_a_room),
    ("sysu-rgb-to-ir", "official", share_a_room),
    ("sysu-rgb-to-rgb", "agw", are_of_one_camera),
    ("sysu-ir-to-ir", "official", are_of_one_camera),
    ("llcm-visible-to-infrared", "official", are_of_one_person_and_camera),
    ("llcm-infrared-to-visible", "official", are_of_one_person_and_camera),
]


@pytest.mark.slow
@pytest.mark.parametrize("reranked", [False, True], ids=["plain", "reranked"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case[:2]))
def test_the_scores_are_those_that_the_page_defines(
    registry: Registry,
    sysu_root: Path,
    llcm_root: Path,
    tmp_path: Path,
    case: tuple[str, str, Removed],
    reranked: bool,
) -> None:
    protocol, convention, removed = case
    is_llcm = protocol.startswith("llcm")
    root, make = (llcm_root, llcm_trials) if is_llcm else (sysu_root, sysu_trials)
    trials, images = make(root, protocol, convention)
    metric = "cosine" if convention == "agw" else "euclidean"
    features = write_features(tmp_path / "features.npz", images, metric)
    arguments = ["eval", "--protocol", protocol, "--convention", convention, "--json"]
    arguments += ["--features", str(tmp_path / "features.npz"), "--data", str(root)]
    result = CliRunner().invoke(build_cli(registry), arguments + ["--rerank"] * reranked)
    assert result.exit_code == 0, result.stderr
    found = [
        [*(trial["cmc"][rank - 1] for rank in RANKS), trial["mAP"], trial["mINP"]]
        for trial in json.loads(result.stdout)["trials"]
    ]
    expected = []
    for trial in trials:
        if reranked:
            distances = rerank_groups(features, trial, removed, metric)
        else:
            sides = (np.stack([features[image] for image in side]) for side in trial)
            distances = distances_between(*sides, metric)
        expected.append(score(distances, trial, removed))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
