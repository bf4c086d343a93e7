"""`eval_sysu` as MPANet, IDKL and others of the LuckyDC line call it: features in, percent out.

It draws the galleries of all trials itself, by the authors' permutations (`rand_perm_cam.mat`).

Letters in shapes: Q queries, G images that galleries are drawn from, D dimensions.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bench_core.contracts.errors import DataError, UsageError
from bench_core.dropin.record import Rules, Search, content_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.dropin.record import Record
    from bench_core.evaluation.summary import TrialScore
    from bench_core.evaluation.tensors import Values

_CAMERAS = {"all": (1, 2, 4, 5), "indoor": (1, 2)}
_SAME_PLACE = {(3, 2), *((camera, camera) for camera in range(1, 7))}
_REPORTED = (1, 5, 10, 20)
_RULES = Rules(dataset="sysu-mm01", cmc="identity", excluded_camera_pairs=tuple(_SAME_PLACE))


def eval_sysu(  # noqa: PLR0913, PLR0917  # it is the signature of the field's scripts
    query_feats: Values,
    query_ids: Values,
    query_cam_ids: Values,
    gallery_feats: Values,
    gallery_ids: Values,
    gallery_cam_ids: Values,
    gallery_img_paths: Sequence[str] | NDArray[np.str_],
    perm: Any,
    mode: Literal["all", "indoor"] = "all",
    num_shots: int = 1,
    num_trials: int = 10,
    rerank: bool = False,  # noqa: FBT001, FBT002  # it is the signature of the field's scripts
    *,
    record: Record | None = None,
) -> tuple[float, float, float, float, float]:
    """Score features under the official protocols of SYSU-MM01; CMC is per identity.

    Features are compared by the cosine, which ranks as the Euclidean distance of features of
    length 1 does; they need not have that length. Images at one distance rank in the order of the
    arrays. The cameras that are given stay as they are.

    Args:
        query_feats: Numbers (Q, D).
        query_ids: Identities (Q,).
        query_cam_ids: Cameras (Q,).
        gallery_feats: Numbers (G, D), of all visible test images.
        gallery_ids: Identities (G,).
        gallery_cam_ids: Cameras (G,).
        gallery_img_paths: Path of each (G,), ending in such as "cam1/0006/0005.jpg".
        perm: Variable `rand_perm_cam` of `rand_perm_cam.mat`, as SciPy reads it.
        mode: "all" or "indoor".
        num_shots: Images of each identity and camera, 1 or 10.
        num_trials: How many of the permutation's trials are averaged.
        rerank: Not offered here; `bench eval --rerank` does it, and marks the result.
        record: Takes the scores as its next trials.

    Returns:
        (mAP, rank-1, rank-5, rank-10, rank-20) in percent, means over the trials.

    Raises:
        UsageError: A mode is unknown, re-ranking is asked for, there is no such trial, or the
            record is of another protocol.
        DataError: The permutation names images that are not given, or features cannot be compared;
            or they are none of a trial of the record's protocol.
        ValueError: Shapes do not fit.
    """
    _check_call(mode, num_trials, rerank=rerank)
    _check_record(record, f"sysu-{mode}-{'single' if num_shots == 1 else 'multi'}")
    from bench_core.evaluation.tensors import to_array, to_labels

    features, cameras = to_array(gallery_feats), to_labels(gallery_cam_ids, "gallery_camera")
    identities = to_labels(gallery_ids, "gallery_identity")
    people = np.unique(identities[np.isin(cameras, _CAMERAS[mode])]).tolist()
    names, scores = np.array([_name(path) for path in gallery_img_paths]), []
    for trial in range(num_trials):
        rows = _drawn(names, _names(perm, _CAMERAS[mode], people, trial, num_shots))
        labels = (query_ids, identities[rows], query_cam_ids, cameras[rows])
        scores.append(_score_trial(query_feats, features[rows], labels, record))
    return _in_percent(scores)


def _score_trial(
    query: Values,
    gallery: NDArray[np.floating[Any]],
    labels: tuple[Values, Values, Values, Values],
    record: Record | None,
) -> TrialScore:
    """Score a trial, and add it to the record.

    Args:
        query: Features (Q, D).
        gallery: Features (G, D).
        labels: Identities of queries and gallery, cameras of queries and gallery.
        record: Takes the scores.
    """
    from bench_core.evaluation import evaluate_features

    score = evaluate_features(
        query, gallery, *labels,
        metric="cosine", excluded_camera_pairs=_SAME_PLACE, cmc="identity",
    )  # fmt: skip
    if record is not None:
        content = content_of([query, gallery], labels)
        record.add(Search(
            rules=_RULES, score=score,
            identities=labels[:2], cameras=labels[2:], content=content,
        ))  # fmt: skip
    return score


def _check_record(record: Record | None, protocol: str) -> None:
    """Refuse a record of another protocol than that of the call.

    Raises:
        UsageError: It is of another.
    """
    if record is not None and record.protocol != protocol:
        raise UsageError(f"the record is of {record.protocol}, but this call is of {protocol}")


def _check_call(mode: str, num_trials: int, *, rerank: bool) -> None:
    """Refuse what is not offered.

    Raises:
        UsageError: It is not.
    """
    if mode not in _CAMERAS:
        raise UsageError(f"mode is '{mode}'; use all or indoor")
    if rerank:
        raise UsageError("rerank=True is not offered here; use bench eval --rerank, which marks it")
    if num_trials < 1:
        raise UsageError(f"num_trials is {num_trials}; at least 1 trial is scored")


def _name(path: str) -> str:
    """Return camera, identity and number of an image: "cam1/0006/0005"."""
    return "/".join(os.path.splitext(str(path).strip().replace("\\", "/"))[0].split("/")[-3:])  # noqa: PTH122


def _names(
    perm: Any, cameras: Sequence[int], people: Sequence[int], trial: int, shots: int
) -> list[str]:
    """Return the names of the images that the permutation draws.

    Raises:
        UsageError: The permutation has no such trial.
        DataError: It has no such identity, or is no permutation as SciPy reads it.
    """
    names: list[str] = []
    for camera in cameras:
        try:
            by_identity = np.ravel(perm[camera - 1][0])
            orders = [np.atleast_2d(by_identity[identity - 1]) for identity in people]
        except (IndexError, TypeError, KeyError) as error:
            raise DataError(
                f"perm has no cell of camera {camera} for every identity: give the variable "
                "rand_perm_cam of rand_perm_cam.mat, as scipy.io.loadmat reads it"
            ) from error
        for identity, order in zip(people, orders, strict=True):
            if order.size and trial >= len(order):
                raise UsageError(f"perm has trials 1 to {len(order)}, not {trial + 1}")
            drawn = order[trial, :shots] if order.size else ()
            names.extend(f"cam{camera}/{identity:04d}/{int(number):04d}" for number in drawn)
    return names


def _drawn(names: NDArray[np.str_], wanted: Sequence[str]) -> NDArray[np.int64]:
    """Return the rows of images of some names, in the order of the arrays.

    Raises:
        DataError: An image is not given.
    """
    missing = np.setdiff1d(np.array(wanted, dtype=str), names)
    if missing.size:
        raise DataError(
            f"{missing.size} of {len(wanted)} images that perm draws are not among "
            f"gallery_img_paths, such as {missing[0]}"
        )
    return np.flatnonzero(np.isin(names, wanted))


def _in_percent(scores: Sequence[TrialScore]) -> tuple[float, float, float, float, float]:
    ranks = [100 * float(np.mean([score.cmc[rank - 1] for score in scores])) for rank in _REPORTED]
    precision = 100 * float(np.mean([score.mean_average_precision for score in scores]))
    return precision, ranks[0], ranks[1], ranks[2], ranks[3]
