"""The calling forms of the field: what a function is given, and how its answer is read.

Used on both sides: where a function is called, and where its answers are explained.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np

from bench_core.xray import probes

FormName: TypeAlias = Literal["agw", "regdb", "mpanet", "mpanet-regdb", "draw"]
Arrays: TypeAlias = Literal["numpy", "torch"]


SEVERAL_SHOTS = "indoor-2-shots"
"""The probe "folders", searched indoors with two shots."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """A way to call an evaluation function.

    Attributes:
        name: Of the form.
        call: What the call looks like.
        required: Number of arguments that have no default in the field's functions.
        arrays: In what features are given by default.
        probes: Names of the calls; the first is the one that must succeed.
    """

    name: FormName
    call: str
    required: int
    arrays: Arrays
    probes: tuple[str, ...]


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        form.name: form
        for form in (
            Form(
                name="agw",
                call="(distmat, q_pids, g_pids, q_camids, g_camids, max_rank=20)",
                required=5,
                arrays="numpy",
                probes=("sysu", "sysu-again", "shared", "junk", "ties", "few"),
            ),
            Form(
                name="regdb",
                call="(distmat, q_pids, g_pids, max_rank=20)",
                required=3,
                arrays="numpy",
                probes=("plain", "plain-again", "junk", "ties", "few"),
            ),
            Form(
                name="mpanet",
                call="(query_feats, query_ids, query_cam_ids, gallery_feats, gallery_ids, "
                "gallery_cam_ids, gallery_img_paths, perm, mode, num_shots, num_trials, rerank)",
                required=8,
                arrays="torch",
                probes=("one-image", "folders", "folders-again", SEVERAL_SHOTS),
            ),
            Form(
                name="mpanet-regdb",
                call="(query_feats, query_ids, query_cam_ids, gallery_feats, gallery_ids, "
                "gallery_cam_ids, gallery_img_paths, rerank)",
                required=7,
                arrays="torch",
                probes=("one-image", "one-image-again"),
            ),
            Form(
                name="draw",
                call="(data_path, mode='all', trial=0)",
                required=1,
                arrays="numpy",
                probes=(
                    *("all-0", "all-0-again", "all-1", "all-2", "all-3"),
                    *("indoor-0", "indoor-1"),
                ),
            ),
        )
    }
)


def parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """Return the parameters of a function; None where Python cannot tell."""
    try:
        return inspect.signature(function).parameters
    except (ValueError, TypeError):  # some that are written in C
        return None


def count_required(function: Callable[..., Any]) -> int | None:
    """Return how many arguments a function must be given; None where it takes any number."""
    parameters = (parameters_of(function) or {}).values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(one.kind == inspect.Parameter.VAR_POSITIONAL for one in parameters):
        return None
    return sum(one.kind in positional and one.default is one.empty for one in parameters)


def arguments(
    form: Form, probe: str, arrays: Arrays, names: Collection[str], images: Path
) -> tuple[list[Any], dict[str, Any]]:
    """Return fresh arguments of a call, which may be changed.

    Args:
        form: How the function is called.
        probe: One of the form's.
        arrays: In what features are given.
        names: Parameters of the function; options are given to those that have them.
        images: Root of the files that a form draws from, which takes a folder.

    Returns:
        Arguments by place, and by name.
    """
    probe = probe.removesuffix("-again")
    if form.name == "draw":
        mode, trial = probe.split("-")
        options = {"mode": mode, "trial": int(trial)}
        return [str(images)], {name: value for name, value in options.items() if name in names}
    if form.name.startswith("mpanet"):
        return _feature_arguments(form, probe, arrays, names)
    search = probes.make_search(probe)
    given = [search.distances, search.query_identity, search.gallery_identity]
    if form.name == "agw":
        given += [search.query_camera, search.gallery_camera]
    return [array.copy() for array in given], ({"max_rank": 20} if "max_rank" in names else {})


def _feature_arguments(
    form: Form, name: str, arrays: Arrays, names: Collection[str]
) -> tuple[list[Any], dict[str, Any]]:
    probe = probes.make_features("folders" if name == SEVERAL_SHOTS else name)
    query, gallery = (_as(arrays, side) for side in (probe.query, probe.gallery))
    query_labels = [array.copy() for array in (probe.query_identity, probe.query_camera)]
    labels = [array.copy() for array in (probe.gallery_identity, probe.gallery_camera)]
    given = [query, *query_labels, gallery, *labels, np.array(probe.paths)]
    options: dict[str, Any] = {"rerank": False}
    if form.name == "mpanet":
        given.append(probe.matlab_permutations())
        mode, shots = ("indoor", 2) if name == SEVERAL_SHOTS else ("all", 1)
        options |= {"mode": mode, "num_shots": shots, "num_trials": probes.NUM_TRIALS}
    return given, {name: value for name, value in options.items() if name in names}


def _as(arrays: Arrays, features: Any) -> Any:
    if arrays == "numpy":
        return features.copy()
    import torch

    return torch.from_numpy(features.copy())


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The scores that a function returned, as they are: fractions or percent.

    Attributes:
        curve: Rank, from 1, to CMC.
        precision: mAP.
        penalty: mINP; None where there is none.
    """

    curve: Mapping[int, float]
    precision: float
    penalty: float | None


class UnreadableAnswerError(Exception):
    """What a function returned is no scores."""


def read_scores(returned: Any) -> Answer:
    """Read what an evaluation function returned, as `describe` put it.

    A vector first is a CMC curve, followed by mAP and perhaps mINP; a list in their place is of
    queries, and averaged. Five numbers are (mAP, rank-1, rank-5, rank-10, rank-20), two
    (mAP, rank-1).

    Raises:
        UnreadableAnswerError: It is something else; the message says what.
    """
    items = returned.get("items") if returned["kind"] == "tuple" else None
    if not items or any("values" not in item for item in items):
        raise UnreadableAnswerError(_what(returned))
    scalars = [item["values"][0] for item in items if not item["shape"]]
    if len(scalars) == len(items) and len(items) in (2, 5):
        ranks = (1, 5, 10, 20)[: len(items) - 1]
        curve = dict(zip(ranks, scalars[1:], strict=True))
        return _answer(curve, scalars[0], None)
    if len(items) in (2, 3) and len(items[0]["shape"]) == 1 and items[0]["values"]:
        curve = dict(enumerate(items[0]["values"], start=1))
        rest = [item for item in items[1:] if item["values"] and len(item["shape"]) < 2]
        means = [float(np.mean(item["values"])) for item in rest]
        if len(means) == len(items) - 1:
            return _answer(curve, means[0], means[1] if len(means) > 1 else None)
    raise UnreadableAnswerError(_what(returned))


def _answer(curve: Mapping[int, float], precision: float, penalty: float | None) -> Answer:
    return Answer(curve=curve, precision=precision, penalty=penalty)


def _what(returned: Mapping[str, Any]) -> str:
    if returned["kind"] != "tuple":
        return f"returned {returned['kind']}"
    parts = [
        f"{item['kind']} {tuple(item['shape'])}" if "shape" in item else item["kind"]
        for item in returned["items"]
    ]
    return f"returned a tuple of {', '.join(parts) or 'nothing'}"


MOST_VALUES = 10_000
"""Values of one item of an answer that are handed over."""


def describe(returned: Any) -> dict[str, Any]:
    """Put what a function returned into JSON values: numbers as they are, all else by its kind."""
    if isinstance(returned, (tuple, list)) and not _is_vector(returned):
        return {"kind": "tuple", "items": [_describe_item(item) for item in returned]}
    return _describe_item(returned)


def _is_vector(values: Sequence[Any]) -> bool:
    return isinstance(values, list) and len(values) > 5 and all(map(np.isscalar, values))


def _describe_item(item: Any) -> dict[str, Any]:
    from bench_core.evaluation.tensors import to_array

    kind = type(item).__name__
    if isinstance(item, (str, bytes, dict)) or item is None:
        return {"kind": kind}
    array = to_array(item)
    if array.dtype.kind == "U":
        return {"kind": kind, "texts": array.reshape(-1)[:MOST_VALUES].tolist()}
    if array.dtype.kind not in "iufb" or array.size > MOST_VALUES:
        return {"kind": kind}
    values = array.astype(np.float64).reshape(-1).tolist()
    return {"kind": kind, "shape": list(array.shape), "values": values}
