"""Test support: evaluation functions of the field, made after what is known of each.

None is a copy: each does what its docstring says, in the shortest way. Those that the field calls
with distances are first, then those that take features and draw galleries, then the draws alone.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Kept = Callable[[Any, Any, np.ndarray, np.ndarray], np.ndarray]


def room(_: Any, camera: Any, __: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    return ~((camera == 3) & (cameras == 2))


def everything(_: Any, __: Any, identities: np.ndarray, ___: np.ndarray) -> np.ndarray:
    return np.ones(len(identities), dtype=bool)


def other_camera(identity: Any, camera: Any, identities: np.ndarray, cameras: np.ndarray) -> Any:
    return ~((identity == identities) & (camera == cameras))


def location(_: Any, camera: Any, __: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    return np.where(cameras == 3, 2, cameras) != (2 if camera == 3 else camera)


def score(
    distmat: np.ndarray,
    query: tuple[np.ndarray, np.ndarray],
    gallery: tuple[np.ndarray, np.ndarray],
    kept: Kept = room,
    *,
    people: bool = True,
    order: np.ndarray | None = None,
    max_rank: int = 20,
) -> tuple[np.ndarray, list[float], list[float]]:
    """Return the curve, and average precisions and penalties of the queries with a match."""
    order = np.argsort(distmat, axis=1) if order is None else order
    curves, precisions, penalties = [], [], []
    for row, (identity, camera) in enumerate(zip(*query, strict=True)):
        found, cameras = gallery[0][order[row]], gallery[1][order[row]]
        found = found[kept(identity, camera, found, cameras)]
        matches = found == identity
        if not matches.any():
            continue
        ranks = np.flatnonzero(matches) + 1.0
        shown = np.array(list(dict.fromkeys(found.tolist()))) if people else found
        curve = np.cumsum(shown == identity).clip(max=1)
        curves.append(np.pad(curve, (0, max_rank), mode="edge")[:max_rank])
        precisions.append(float(np.mean(np.arange(1, len(ranks) + 1) / ranks)))
        penalties.append(float(len(ranks) / ranks[-1]))
    return np.mean(curves, axis=0).astype(np.float32), precisions, penalties


def agw(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
    max_rank: int = 20,
) -> Any:
    """AGW's eval_sysu: CMC per identity, camera 3 skips camera 2, the default sort."""
    cmc, precision, penalty = score(distmat, (q_pids, q_camids), (g_pids, g_camids))
    return cmc, np.mean(precision), np.mean(penalty)


def agw_regdb(
    distmat: np.ndarray, q_pids: np.ndarray, g_pids: np.ndarray, max_rank: int = 20
) -> Any:
    """AGW's eval_regdb: CMC per image; its cameras are constants that exclude nothing."""
    cameras = np.ones_like(q_pids), 2 * np.ones_like(g_pids)
    query, gallery = (q_pids, cameras[0]), (g_pids, cameras[1])
    cmc, precision, penalty = score(distmat, query, gallery, other_camera, people=False)
    return cmc, np.mean(precision), np.mean(penalty)


def llcm(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
    max_rank: int = 20,
) -> Any:
    """LLCM's eval_llcm: matches of the query's own camera go."""
    query, gallery = (q_pids, q_camids), (g_pids, g_camids)
    cmc, precision, penalty = score(distmat, query, gallery, other_camera)
    return cmc, np.mean(precision), np.mean(penalty)


def lupi(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
    max_rank: int = 20,
) -> Any:
    """LUPI's eval_sysu removes no camera."""
    query, gallery = (q_pids, q_camids), (g_pids, g_camids)
    cmc, precision, penalty = score(distmat, query, gallery, everything)
    return cmc, np.mean(precision), np.mean(penalty)


def hc(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
    max_rank: int = 20,
) -> Any:
    """HC, CM-NAS, TSLFN and MVD return no mINP."""
    return agw(distmat, q_pids, g_pids, q_camids, g_camids)[:2]


def dmm_cdcn(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
    max_rank: int = 20,
) -> Any:
    """DMM-CDCN's mINP is always 0, as that of some VCM variants."""
    return *agw(distmat, q_pids, g_pids, q_camids, g_camids)[:2], 0


def mfenet(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
    max_rank: int = 20,
) -> Any:
    """MFENet returns lists of average precisions and penalties; its wrapper makes percent."""
    cmc, precision, penalty = score(distmat, (q_pids, q_camids), (g_pids, g_camids))
    return 100 * cmc, [100 * one for one in precision], [100 * one for one in penalty]


def mfenet_of_images(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
) -> Any:
    """One that counts images, in percent, and prints."""
    print("junk ")  # noqa: T201
    cmc, precision, _ = score(distmat, (q_pids, q_camids), (g_pids, g_camids), people=False)
    return 100 * cmc, 100 * np.mean(precision)


def expat(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
    max_rank: int = 20,
) -> Any:
    """ExpAT counts CMC per image, as in Market-1501."""
    query, gallery = (q_pids, q_camids), (g_pids, g_camids)
    cmc, precision, penalty = score(distmat, query, gallery, people=False)
    return cmc, np.mean(precision), np.mean(penalty)


def layumi(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
) -> Any:
    """Person_reID_baseline_pytorch: junk goes, trapezoids, sums divided by all queries."""
    curve, total = np.zeros(20), 0.0
    for row, identity, camera in zip(distmat, q_pids, q_camids, strict=True):
        order = np.argsort(row)
        found, cameras = g_pids[order], g_camids[order]
        found = found[other_camera(identity, camera, found, cameras) & (found != -1)]
        places = np.flatnonzero(found == identity)
        for number, place in enumerate(places):
            before = number / place if place else 1.0
            total += (before + (number + 1) / (place + 1)) / 2 / len(places)
        if len(places):
            curve[places[0] :] += 1
    return curve / len(q_pids), total / len(q_pids)


def bdtr(distmat: np.ndarray, q_pids: np.ndarray, g_pids: np.ndarray) -> Any:
    """TONE and BDTR take average precision from scikit-learn, which groups ties."""
    cmc, _, __ = score(distmat, (q_pids, q_pids), (g_pids, g_pids), everything, people=False)
    precisions = []
    for row, identity in zip(distmat, q_pids, strict=True):
        matches = g_pids == identity
        if matches.any():
            within = row[:, np.newaxis] >= row  # image, and those at least as near
            precisions.append(np.mean(((within & matches).sum(1) / within.sum(1))[matches]))
    return cmc, np.mean(precisions)


def cmgan(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
) -> Any:
    """CmGAN lets the gallery query, and counts per image."""
    query, gallery = (g_pids, g_camids), (q_pids, q_camids)
    cmc, precision, _ = score(distmat.T, query, gallery, everything, people=False)
    return cmc, np.mean(precision)


def official_port(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
) -> Any:
    """The authors' MATLAB scoring: cameras 2 and 3 are one place, stable sort, no mINP."""
    order = np.argsort(distmat, axis=1, kind="stable")
    query, gallery = (q_pids, q_camids), (g_pids, g_camids)
    cmc, precision, _ = score(distmat, query, gallery, location, order=order)
    return cmc, np.mean(precision)


def fastreid(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
    max_rank: int = 20,
) -> Any:
    """Fastreid's results mix percent and fractions."""
    cmc, precision, penalty = agw(distmat, q_pids, g_pids, q_camids, g_camids)
    return 100 * cmc.astype(np.float64), precision, penalty


def of_similarities(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
    max_rank: int = 20,
) -> Any:
    """Sorts in descending order: it wants similarities."""
    order = np.argsort(distmat, axis=1)[:, ::-1]
    cmc, precision, penalty = score(distmat, (q_pids, q_camids), (g_pids, g_camids), order=order)
    return cmc, np.mean(precision), np.mean(penalty)


def optimistic(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
    max_rank: int = 20,
) -> Any:
    """Ranks matches first where distances tie: a collapsed model scores 100 %."""
    order = np.stack(
        [np.lexsort((g_pids != pid, row)) for row, pid in zip(distmat, q_pids, strict=True)]
    )
    cmc, precision, penalty = score(distmat, (q_pids, q_camids), (g_pids, g_camids), order=order)
    return cmc, np.mean(precision), np.mean(penalty)


def odd_precision(
    distmat: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    q_camids: np.ndarray,
    g_camids: np.ndarray,
    max_rank: int = 20,
) -> Any:
    """A mAP of nobody's: the median of average precisions."""
    cmc, precision, penalty = score(distmat, (q_pids, q_camids), (g_pids, g_camids))
    return cmc, np.median(precision), np.mean(penalty)


def names_of(paths: Any) -> list[str]:
    return ["/".join(os.path.splitext(path)[0].split("/")[-3:]) for path in paths]  # noqa: PTH122


def normalized(features: np.ndarray) -> np.ndarray:
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def euclidean(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    return ((query[:, np.newaxis] - gallery) ** 2).sum(axis=2)


def official_trials(
    query: tuple[np.ndarray, np.ndarray, np.ndarray],
    gallery: tuple[np.ndarray, np.ndarray, np.ndarray],
    paths: np.ndarray,
    perm: np.ndarray,
    distances: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    mode: str,
    num_shots: int,
    num_trials: int,
    descending: bool = False,
) -> np.ndarray:
    """Return (mAP, rank-1, rank-5, rank-10, rank-20) of each trial."""
    cameras = (1, 2, 4, 5) if mode == "all" else (1, 2)
    names, rows = np.array(names_of(paths)), []
    for trial in range(num_trials):
        wanted = []
        for camera in cameras:
            cells = perm[camera - 1][0].squeeze()
            for identity in np.unique(gallery[1]).tolist():
                numbers = cells[identity - 1]
                if numbers.size:
                    drawn = numbers[trial, :num_shots].astype(int)
                    drawn = numbers.shape[1] + 1 - drawn if descending else drawn
                    wanted += [f"cam{camera}/{identity:04d}/{number:04d}" for number in drawn]
        flag = np.isin(names, wanted)
        distmat = distances(query[0], gallery[0][flag])
        cmc, precision, _ = score(
            distmat, (query[1], query[2]), (gallery[1][flag], gallery[2][flag])
        )
        curve = cmc.astype(np.float64)
        rows.append([np.mean(precision), *curve[[0, 4, 9, 19]]])
    return np.array(rows)


def mpanet(  # noqa: PLR0917
    query_feats: Any, query_ids: Any, query_cam_ids: Any, gallery_feats: Any, gallery_ids: Any,
    gallery_cam_ids: Any, gallery_img_paths: Any, perm: Any, mode: str = "all",
    num_shots: int = 1, num_trials: int = 10, rerank: bool = False,
) -> Any:  # fmt: skip
    """MPANet's eval_sysu: official galleries, percent; it rewrites the query cameras."""
    query = normalized(query_feats), query_ids, query_cam_ids.copy()
    gallery = normalized(gallery_feats), gallery_ids, gallery_cam_ids
    trials = official_trials(
        query, gallery, gallery_img_paths, perm, euclidean,
        mode=mode, num_shots=num_shots, num_trials=num_trials,
    )  # fmt: skip
    query_cam_ids[query_cam_ids == 3] = 2
    return tuple(100 * trials.mean(axis=0))


def mpanet_regdb(  # noqa: PLR0917
    query_feats: Any, query_ids: Any, query_cam_ids: Any, gallery_feats: Any, gallery_ids: Any,
    gallery_cam_ids: Any, gallery_img_paths: Any, rerank: bool = False,
) -> Any:  # fmt: skip
    """MPANet's eval_regdb: CMC per identity, features as they are, percent."""
    distmat = euclidean(query_feats, gallery_feats)
    query, gallery = (query_ids, query_cam_ids), (gallery_ids, gallery_cam_ids)
    cmc, precision, _ = score(distmat, query, gallery, everything)
    curve = cmc.astype(np.float64)
    return tuple(100 * np.array([np.mean(precision), *curve[[0, 4, 9, 19]]]))


def luckydc(  # noqa: PLR0917
    query_feats: Any, query_ids: Any, query_cam_ids: Any, gallery_feats: Any, gallery_ids: Any,
    gallery_cam_ids: Any, gallery_img_paths: Any, perm: Any, mode: str = "all",
    num_shots: int = 1, num_trials: int = 10,
) -> Any:  # fmt: skip
    """LuckyDC: as MPANet, without re-ranking, in fractions."""
    found = mpanet(
        query_feats, query_ids, query_cam_ids, gallery_feats, gallery_ids, gallery_cam_ids,
        gallery_img_paths, perm, mode, num_shots, num_trials,
    )  # fmt: skip
    return tuple(np.array(found) / 100)


def sim(rerank_plainly: Callable[..., np.ndarray]) -> Callable[..., Any]:
    """SIM re-ranks always, and adds trials up; its graph reasoning is left out."""

    def again(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        pairs = [(query, query), (query, gallery), (gallery, gallery)]
        return rerank_plainly(
            *(euclidean(*pair) for pair in pairs), k1=20, k2=6, lambda_value=0.3, power=1
        )

    def eval_sysu(  # noqa: PLR0917
        query_feats: Any, query_ids: Any, query_cam_ids: Any, gallery_feats: Any,
        gallery_ids: Any, gallery_cam_ids: Any, gallery_img_paths: Any, perm: Any,
        mode: str = "all", num_shots: int = 10, num_trials: int = 10,
    ) -> Any:  # fmt: skip
        query = normalized(query_feats), query_ids, query_cam_ids
        gallery = normalized(gallery_feats), gallery_ids, gallery_cam_ids
        trials = official_trials(
            query, gallery, gallery_img_paths, perm, again,
            mode=mode, num_shots=num_shots, num_trials=num_trials,
        )  # fmt: skip
        return tuple(trials.sum(axis=0))

    return eval_sysu


def affinity(k1: int, k2: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """AIM: distances corrected by affinities to the gallery."""

    def kept(similarity: np.ndarray) -> np.ndarray:
        least = -np.sort(-similarity, axis=1)[:, k1 - 1 : k1]
        return similarity * (similarity >= least)

    def distances(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        similarity, own = query @ gallery.T, gallery @ gallery.T
        nearest = np.argsort(-own, axis=1)[:, :k2]
        smoothed = np.array([kept(own)[rows].mean(axis=0) for rows in nearest])
        return -normalized(kept(similarity)) @ normalized(smoothed).T - similarity

    return distances


def saai(  # noqa: PLR0917
    query_feats: Any, query_ids: Any, query_cam_ids: Any, gallery_feats: Any, gallery_ids: Any,
    gallery_cam_ids: Any, gallery_img_paths: Any, perm: Any, mode: str = "all",
    num_shots: int = 1, num_trials: int = 10, aim: bool = True, k1: int = 30, k2: int = 6,
) -> Any:  # fmt: skip
    """SAAI corrects distances by affinities unless it is told not to."""
    query = normalized(query_feats), query_ids, query_cam_ids
    gallery = normalized(gallery_feats), gallery_ids, gallery_cam_ids
    trials = official_trials(
        query, gallery, gallery_img_paths, perm, affinity(k1, k2) if aim else euclidean,
        mode=mode, num_shots=num_shots, num_trials=num_trials,
    )  # fmt: skip
    return tuple(100 * trials.mean(axis=0))


def aligngan(  # noqa: PLR0917
    query_feats: Any, query_ids: Any, query_cam_ids: Any, gallery_feats: Any, gallery_ids: Any,
    gallery_cam_ids: Any, gallery_img_paths: Any, perm: Any, mode: str = "all",
    num_shots: int = 1, num_trials: int = 10,
) -> Any:  # fmt: skip
    """AlignGAN and JSIA: the permutations, on files in descending order; cosine."""
    query = normalized(query_feats), query_ids, query_cam_ids
    gallery = normalized(gallery_feats), gallery_ids, gallery_cam_ids
    trials = official_trials(
        query, gallery, gallery_img_paths, perm, lambda q, g: -q @ g.T,
        mode=mode, num_shots=num_shots, num_trials=num_trials, descending=True,
    )  # fmt: skip
    return tuple(trials.mean(axis=0))


def best_trial(  # noqa: PLR0917
    query_feats: Any, query_ids: Any, query_cam_ids: Any, gallery_feats: Any, gallery_ids: Any,
    gallery_cam_ids: Any, gallery_img_paths: Any, perm: Any, mode: str = "all",
    num_shots: int = 1, num_trials: int = 10,
) -> Any:  # fmt: skip
    """Reports the trial with the best rank-1."""
    query = normalized(query_feats), query_ids, query_cam_ids
    gallery = normalized(gallery_feats), gallery_ids, gallery_cam_ids
    trials = official_trials(
        query, gallery, gallery_img_paths, perm, euclidean,
        mode=mode, num_shots=num_shots, num_trials=num_trials,
    )  # fmt: skip
    return tuple(100 * trials[np.argmax(trials[:, 1])])


def folders_of(data_path: str, mode: str) -> list[list[str]]:
    """Return the files of each folder, identities ascending and cameras ascending within."""
    text = (Path(data_path) / "exp" / "test_id.txt").read_text()
    cameras = (1, 2, 4, 5) if mode == "all" else (1, 2)
    folders = [
        Path(data_path) / f"cam{camera}" / f"{identity:04d}"
        for identity in sorted(map(int, text.split(",")))
        for camera in cameras
    ]
    return [sorted(str(file) for file in folder.iterdir()) for folder in folders if folder.is_dir()]


def labelled(paths: list[str]) -> Any:
    parts = [path.split("/")[-3:] for path in paths]
    identities, cameras = ([part[1] for part in parts], [part[0][3:] for part in parts])
    return paths, np.array(identities, dtype=int), np.array(cameras, dtype=int)


def agw_draw(data_path: str, mode: str = "all", trial: int = 0, relabel: bool = False) -> Any:
    """AGW's process_gallery_sysu: Python's random, seeded with the trial."""
    random.seed(trial)
    return labelled([random.choice(files) for files in folders_of(data_path, mode)])


def clock_draw(data_path: str, mode: str = "all", trial: int = 0) -> Any:
    """ExpAT seeds with the clock."""
    random.seed(time.time_ns())
    return labelled([random.choice(files) for files in folders_of(data_path, mode)])


def numpy_draw(data_path: str, mode: str = "all", trial: int = 0) -> Any:
    """NumPy's generator, seeded with the trial."""
    np.random.seed(trial)
    return labelled([str(np.random.choice(files)) for files in folders_of(data_path, mode)])


def iv_reid_draw(data_path: str, mode: str = "all", trial: int = 0) -> Any:
    """IV-REID seeds with 2019 + 33 times the trial."""
    random.seed(2019 + 33 * trial)
    return labelled([random.choice(files) for files in folders_of(data_path, mode)])


def all_images(data_path: str, mode: str = "all", trial: int = 0) -> Any:
    """Student code takes all visible images for the gallery."""
    return labelled([file for files in folders_of(data_path, mode) for file in files])


def first_image(data_path: str, mode: str = "all", trial: int = 0) -> Any:
    """The first file of each folder, in every trial."""
    return labelled([files[0] for files in folders_of(data_path, mode)])
