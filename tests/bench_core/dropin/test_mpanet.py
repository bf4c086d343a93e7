"""The call of MPANet's line: features and the permutation in, percent out, official galleries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch

from bench_core import DataError, UsageError
from bench_core.contracts.protocol import EvaluationProtocol
from bench_core.dropin import mpanet
from bench_core.features.table import FeatureTable
from bench_core.loading import load_object
from bench_core.plugins import Registry
from bench_core.scoring.score import score
from bench_sysu.dataset import SysuMM01Reader


@pytest.fixture(scope="module")
def call(sysu_root: Path) -> dict[str, Any]:
    """Arguments as a script of that line has them: of all test images, in order of their paths."""
    images = SysuMM01Reader().read(sysu_root).images
    numbers = (sysu_root / "exp" / "test_id.txt").read_text()
    test = images[images["identity"].isin([int(text) for text in numbers.split(",")])]
    features = np.random.default_rng(0).standard_normal((len(test), 6))
    arguments: dict[str, Any] = {}
    for side, modality in (("query", "infrared"), ("gallery", "visible")):
        rows = np.flatnonzero(test["modality"] == modality)
        arguments[f"{side}_feats"] = features[rows]
        arguments[f"{side}_ids"] = test["identity"].to_numpy()[rows]
        arguments[f"{side}_cam_ids"] = test["camera"].to_numpy()[rows]
    arguments["gallery_img_paths"] = [
        str(sysu_root / path) for path in test["path"][test["modality"] == "visible"]
    ]
    arguments["perm"] = scipy.io.loadmat(sysu_root / "exp" / "rand_perm_cam.mat")["rand_perm_cam"]
    arguments["table"] = FeatureTable(
        table=test.reset_index(drop=True), features=features[:, np.newaxis], metric="cosine"
    )
    return arguments


@pytest.mark.parametrize(
    ("protocol", "mode", "shots"),
    [("sysu-all-single", "all", 1), ("sysu-indoor-multi", "indoor", 10)],
)
def test_it_is_the_score_of_the_official_protocol(
    call: dict[str, Any], registry: Registry, sysu_root: Path, protocol: str, mode: Any, shots: int
) -> None:
    spec = registry.protocol(protocol)
    splits = SysuMM01Reader().read_splits(sysu_root / "exp")
    bound: EvaluationProtocol = load_object(spec.definition)(spec, splits)
    table = call["table"]
    mean = score({"train+val": table}, bound, "official").evaluation.mean
    given = {name: value for name, value in call.items() if name != "table"}
    theirs = mpanet.eval_sysu(**given, mode=mode, num_shots=shots)
    expected = [100 * mean[name] for name in ("mAP", "rank-1", "rank-5", "rank-10", "rank-20")]
    np.testing.assert_allclose(theirs, expected, rtol=0, atol=1e-10)


def test_tensors_are_taken_and_no_argument_changes(call: dict[str, Any]) -> None:
    given = {name: value for name, value in call.items() if name != "table"}
    before = given["query_cam_ids"].copy()
    arrays = mpanet.eval_sysu(**given, num_trials=1)
    for side in ("query", "gallery"):
        given[f"{side}_feats"] = torch.from_numpy(given[f"{side}_feats"])
    assert mpanet.eval_sysu(**given, num_trials=1) == arrays
    assert np.array_equal(before, given["query_cam_ids"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"mode": "outdoor"}, "use all or indoor"),
        ({"rerank": True}, "bench eval --rerank"),
        ({"num_trials": 11}, "trials 1 to 10, not 11"),
        ({"num_trials": 0}, "at least 1 trial"),
        ({"perm": np.zeros((2, 2))}, "rand_perm_cam.mat"),
        ({"gallery_img_paths": None}, "are not among gallery_img_paths, such as cam1/"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    call: dict[str, Any], changed: dict[str, Any], message: str
) -> None:
    given = {name: value for name, value in call.items() if name != "table"} | changed
    if given["gallery_img_paths"] is None:
        given["gallery_img_paths"] = ["x.jpg"] * len(call["gallery_ids"])
    with pytest.raises((UsageError, DataError), match=message):
        mpanet.eval_sysu(**given)
