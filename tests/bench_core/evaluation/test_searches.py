"""The evaluation as a library: arrays or tensors in, numbers out."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import numpy as np
import pytest
import torch

import bench_core.evaluation
from bench_core import DataError
from bench_core.evaluation import evaluate_distances, evaluate_features
from bench_core.evaluation.distances import pairwise_distances
from bench_core.evaluation.ranking import score_queries

IDENTITY = (np.array([7, 8, 9]), np.array([7, 8, 7, 8, 7]))
CAMERA = (np.array([3, 1, 6]), np.array([1, 1, 2, 2, 3]))


def make_features(dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(1)
    return draw.random((3, 4)).astype(dtype), draw.random((5, 4)).astype(dtype)


@pytest.mark.parametrize("cmc", ["identity", "image"])
@pytest.mark.parametrize(
    ("rule", "pairs", "match_pairs"),
    [
        ({}, [], []),
        ({"excluded_camera_pairs": [(3, 2)]}, [(3, 2)], []),
        ({"same_camera": "removed"}, [(1, 1), (3, 3)], []),
        ({"same_camera": "matches-removed"}, [], [(1, 1), (3, 3)]),
    ],
)
def test_every_rule_is_that_of_the_protocols(
    rule: dict[str, Any], pairs: list[tuple[int, int]], match_pairs: list[Any], cmc: Any
) -> None:
    query, gallery = make_features()
    distances = pairwise_distances(query[:, np.newaxis], gallery[:, np.newaxis], "cosine")
    expected = score_queries(
        distances,
        query_identity=IDENTITY[0],
        query_camera=CAMERA[0],
        gallery_identity=IDENTITY[1],
        gallery_camera=CAMERA[1],
        excluded_camera_pairs=pairs,
        excluded_match_camera_pairs=match_pairs,
        cmc=cmc,
    )
    for found in (
        evaluate_distances(distances, *IDENTITY, *CAMERA, cmc=cmc, **rule),
        evaluate_features(query, gallery, *IDENTITY, *CAMERA, cmc=cmc, **rule),
    ):
        np.testing.assert_array_equal(found.queries.first_match_rank, expected.first_match_rank)
        np.testing.assert_array_equal(found.queries.average_precision, expected.average_precision)
        assert found.num_valid_queries == np.count_nonzero(expected.num_matches)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.bfloat16])
def test_tensors_score_as_the_same_arrays_do(dtype: torch.dtype, metric: Any) -> None:
    query, gallery = (torch.from_numpy(side).to(dtype) for side in make_features())
    arrays = (side.double().numpy() for side in (query, gallery))
    labels = [torch.from_numpy(side) for side in IDENTITY]
    found = evaluate_features(query, gallery, *labels, metric=metric)
    expected = evaluate_features(*arrays, *IDENTITY, metric=metric)
    assert found.mean_average_precision == pytest.approx(expected.mean_average_precision, abs=1e-12)


def test_views_add_up() -> None:
    query, gallery = (side.reshape(-1, 2, 2) for side in make_features())
    found = evaluate_features(query, gallery, *IDENTITY, metric="euclidean")
    distances = pairwise_distances(query, gallery, "euclidean")
    expected = evaluate_distances(distances, *IDENTITY)
    assert found.mean_average_precision == expected.mean_average_precision


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"query_identity": [7, 8]}, r"2 query and 5 gallery labels \(identity\) do not fit 3"),
        ({"query_camera": [1, 2, 3]}, "of both queries and gallery, or of neither"),
        ({"same_camera": "removed"}, "needs query_camera and gallery_camera"),
        ({"same_camera": "gone"}, "use kept or matches-removed or removed"),
        ({"cmc": "both"}, "use identity or image"),
        ({"query": np.zeros((3, 5))}, "same views and dimensions"),
        ({"query": np.zeros(3)}, "query features must be numbers"),
        ({"query": np.full((3, 4), np.inf)}, "query feature 0 holds NaN or infinite"),
        ({"query": np.zeros((3, 4))}, "all zeros"),
        ({"gallery_identity": [1, 2, 3, 4, 0.5]}, "whole numbers, but 0.5"),
    ],
)
def test_what_cannot_be_scored_is_refused(call: dict[str, Any], message: str) -> None:
    query, gallery = make_features()
    usual = {"query": query, "gallery": gallery}
    labels = {"query_identity": IDENTITY[0], "gallery_identity": IDENTITY[1]}
    with pytest.raises((ValueError, DataError), match=message):
        evaluate_features(**(usual | labels | call))


def test_the_package_alone_loads_nothing_heavy() -> None:
    code = (
        "import sys, bench_core.evaluation\n"
        "print({'torch', 'numba', 'scipy', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_public_name_is_there_and_documented() -> None:
    names = ("TrialScore", "evaluate_distances", "evaluate_features")
    assert all(getattr(bench_core.evaluation, name).__doc__ for name in names)
    assert "kept" in get_args(bench_core.evaluation.SameCamera)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'evaluate'"):
        bench_core.evaluation.evaluate  # noqa: B018
