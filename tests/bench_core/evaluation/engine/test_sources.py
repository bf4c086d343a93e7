"""Ranks from features: what float64 distances say, however the product is computed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.contracts.errors import DataError
from bench_core.evaluation.engine import (
    BlockSizes,
    FeatureDistances,
    GivenDistances,
    TrialPool,
    pool_trials,
    rank_pool,
)
from bench_core.evaluation.query_table import TrialQueries

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench_core.contracts.method import Metric

NUM_QUERIES, NUM_GALLERY, DIMENSIONS = 60, 200, 96
SMALL = BlockSizes(columns=37, values=500, queries=40, counts=300)


def direct_distances(features: np.ndarray, pool: TrialPool, metric: str) -> np.ndarray:
    """Compute distances in float64 from the difference of two features, pair by pair."""
    wide = features.astype(np.float64)
    if metric == "cosine":
        wide = wide / np.linalg.norm(wide, axis=2, keepdims=True)
    distances = np.zeros((len(pool.query_rows), len(pool.column_rows)))
    for row, query in enumerate(wide[pool.query_rows]):
        squares = ((wide[pool.column_rows] - query) ** 2).sum(axis=2)
        distances[row] = (squares / 2 if metric == "cosine" else np.sqrt(squares)).sum(axis=1)
    return distances


def make_pool(seed: int, num_trials: int = 3) -> TrialPool:
    rng = np.random.default_rng(seed)
    total = NUM_QUERIES + NUM_GALLERY
    identity = rng.integers(0, 15, total)
    camera = np.where(
        np.arange(total) < NUM_QUERIES, [3, 6] * (total // 2), rng.integers(1, 3, total)
    )
    trials = [
        (np.arange(NUM_QUERIES), NUM_QUERIES + rng.permutation(NUM_GALLERY)[:150])
        for _ in range(num_trials)
    ]
    return pool_trials(identity, camera, trials, [(3, 2)])


def assert_same(actual: list[TrialQueries], expected: list[TrialQueries]) -> None:
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one.num_matches, other.num_matches)
        np.testing.assert_array_equal(one.first_match_rank, other.first_match_rank)
        np.testing.assert_array_equal(one.average_precision, other.average_precision)
        np.testing.assert_array_equal(one.inverse_negative_penalty, other.inverse_negative_penalty)


def ranked_directly(features: np.ndarray, pool: TrialPool, metric: str) -> list[TrialQueries]:
    distances = direct_distances(features, pool, metric)
    rows, columns = (np.arange(size) for size in distances.shape)
    return rank_pool(GivenDistances(distances, rows, columns), pool, "identity")


def gaussian(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_normal(shape)


def far_from_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return 1e4 + rng.standard_normal(shape)


def long(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return 1e3 * rng.standard_normal(shape)


def tiny(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return 1e-22 * rng.standard_normal(shape)


def huge(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return 1e25 * rng.standard_normal(shape)


def rectified(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.maximum(rng.standard_normal(shape), 0) + 1e-3


def with_outliers(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    features = rng.standard_normal(shape)
    features[[3, 70, 71, 150]] *= 1e6
    return features


def near_collapse(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.ones(shape) + 1e-5 * rng.standard_normal(shape)


FAMILIES = [
    gaussian, far_from_zero, long, tiny, huge, rectified, with_outliers, near_collapse,
]  # fmt: skip


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("family", FAMILIES)
def test_float32_features_rank_as_float64_distances(
    family: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray],
    metric: Metric,
    views: int,
) -> None:
    pool = make_pool(0)
    shape = (NUM_QUERIES + NUM_GALLERY, views, DIMENSIONS)
    features = family(np.random.default_rng(1), shape).astype(np.float32)
    expected = ranked_directly(features, pool, metric)
    for sizes in (SMALL, None):
        source = FeatureDistances(features, pool, metric)
        assert_same(rank_pool(source, pool, "identity", sizes), expected)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), offset=st.floats(0, 100), metric=st.sampled_from(["euclidean"]))
def test_any_float32_features_rank_as_float64_distances(
    seed: int, offset: float, metric: Metric
) -> None:
    pool = make_pool(seed)
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((NUM_QUERIES + NUM_GALLERY, 1, 16)) + offset * rng.random(16)
    single = features.astype(np.float32)
    source = FeatureDistances(single, pool, metric)
    assert_same(rank_pool(source, pool, "identity"), ranked_directly(single, pool, metric))


def test_float64_features_are_compared_in_float64() -> None:
    pool = make_pool(2)
    rng = np.random.default_rng(2)
    features = 1 + 1e-9 * rng.standard_normal((NUM_QUERIES + NUM_GALLERY, 1, DIMENSIONS))
    source = FeatureDistances(features, pool, "euclidean")
    assert_same(rank_pool(source, pool, "identity"), ranked_directly(features, pool, "euclidean"))


def near_ties(rng: np.random.Generator) -> np.ndarray:
    """All gallery distances of a query lie within a few float32 roundings of each other."""
    features = rng.standard_normal((NUM_QUERIES + NUM_GALLERY, 1, DIMENSIONS))
    features /= np.linalg.norm(features, axis=2, keepdims=True)
    features[:NUM_QUERIES] *= 1e-3
    features[NUM_QUERIES:] *= 1 + 2e-6 * rng.permutation(NUM_GALLERY)[:, np.newaxis, np.newaxis]
    return features.astype(np.float32)


@pytest.mark.parametrize("scale", [1.0, 1e-10, 1e3])
def test_distances_2e6_apart_are_told_apart(scale: float) -> None:
    pool = make_pool(3)
    features = near_ties(np.random.default_rng(3)) * np.float32(scale)
    features[:NUM_QUERIES] = 0
    distances = direct_distances(features, pool, "euclidean")[0]
    gaps = np.diff(np.sort(distances)) / distances.min()
    assert 1e-6 < np.median(gaps) < 4e-6
    source = FeatureDistances(features, pool, "euclidean")
    assert_same(rank_pool(source, pool, "identity"), ranked_directly(features, pool, "euclidean"))


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("distinct", [1, 2, 7, 60])
def test_equal_features_rank_in_gallery_order(distinct: int, metric: Metric, views: int) -> None:
    pool = make_pool(4)
    rng = np.random.default_rng(4)
    few = rng.standard_normal((distinct, views, DIMENSIONS)).astype(np.float32)
    features = few[rng.integers(0, distinct, NUM_QUERIES + NUM_GALLERY)]
    features[:NUM_QUERIES:2] = rng.standard_normal((NUM_QUERIES // 2, views, DIMENSIONS))
    expected = ranked_directly(features, pool, metric)
    for sizes in (SMALL, None):
        source = FeatureDistances(features, pool, metric)
        assert_same(rank_pool(source, pool, "identity", sizes), expected)


def worse(product: np.ndarray) -> np.ndarray:
    return product * (1 + 1e-2 * np.random.default_rng(0).random(product.shape))


def in_bfloat16(product: np.ndarray) -> np.ndarray:
    return torch.from_numpy(product).bfloat16().float().numpy()


@pytest.mark.parametrize("spoiled", [worse, in_bfloat16])
def test_a_product_worse_than_usual_is_noticed(
    monkeypatch: pytest.MonkeyPatch, spoiled: Callable[[np.ndarray], np.ndarray]
) -> None:
    pool = make_pool(5)
    rng = np.random.default_rng(5)
    features = rng.standard_normal((NUM_QUERIES + NUM_GALLERY, 1, DIMENSIONS)).astype(np.float32)
    source = FeatureDistances(features, pool, "euclidean")
    multiplied = np.matmul

    def multiply(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
        out[:] = spoiled(multiplied(left, right))

    monkeypatch.setattr(np, "matmul", multiply)
    assert_same(rank_pool(source, pool, "identity"), ranked_directly(features, pool, "euclidean"))


def test_a_feature_of_zeros_has_no_cosine() -> None:
    pool = make_pool(7)
    features = np.ones((NUM_QUERIES + NUM_GALLERY, 2, 3), dtype=np.float32)
    row = int(pool.column_rows[10])
    features[row, 1] = 0
    with pytest.raises(DataError, match=f"gallery features are all zeros, the first in row {row}"):
        FeatureDistances(features, pool, "cosine")
    FeatureDistances(features, pool, "euclidean")


def test_features_may_be_read_only_files(tmp_path: Path) -> None:
    pool = make_pool(8)
    rng = np.random.default_rng(8)
    features = rng.standard_normal((NUM_QUERIES + NUM_GALLERY, 1, DIMENSIONS)).astype(np.float32)
    np.save(tmp_path / "features.npy", features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    scores = [
        rank_pool(FeatureDistances(some, pool, "euclidean"), pool, "identity", SMALL)
        for some in (features, mapped)
    ]
    assert_same(scores[1], scores[0])


no_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.parametrize(
    "device",
    [
        # Named so, even a processor is torch's to compute on.
        "cpu:0",
        pytest.param("cuda", marks=[pytest.mark.gpu, no_cuda]),
    ],
)
@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_devices_of_torch_rank_as_float64_distances(
    metric: Metric, views: int, device: str
) -> None:
    pool = make_pool(9)
    rng = np.random.default_rng(9)
    shape = (NUM_QUERIES + NUM_GALLERY, views, DIMENSIONS)
    features = rng.standard_normal(shape).astype(np.float32)
    expected = ranked_directly(features, pool, metric)
    for sizes in (SMALL, None):
        source = FeatureDistances(features, pool, metric, device)
        assert_same(rank_pool(source, pool, "identity", sizes), expected)


BOUNDED = """
import resource, sys
from pathlib import Path
import numpy as np
from bench_core.evaluation.engine import pool_trials
from bench_core.evaluation.engine import FeatureDistances
from bench_core.evaluation.engine import BlockSizes
from bench_core.evaluation.engine import rank_pool

path, num_queries, num_gallery, dimensions, limit, *sizes = sys.argv[1:]
num_queries, num_gallery, dimensions = int(num_queries), int(num_gallery), int(dimensions)
total = num_queries + num_gallery
features = np.memmap(path, np.float32, "r", shape=(total, 1, dimensions))
rng = np.random.default_rng(0)
identity = rng.integers(0, max(2, num_gallery // 20), total)
camera = np.where(np.arange(total) < num_queries, 3, rng.integers(1, 3, total))
pool = pool_trials(
    identity, camera, [(np.arange(num_queries), np.arange(num_queries, total))], [(3, 2)]
)
lines = Path("/proc/self/status").read_text().splitlines()
used = int(next(line for line in lines if line.startswith("VmData")).split()[1]) * 1024
bound = used + int(limit)
resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
source = FeatureDistances(features, pool, "euclidean")
scores = rank_pool(source, pool, "identity", BlockSizes(**dict(zip(
    ("columns", "values", "queries", "counts"), map(int, sizes)))))[0]
print(scores.average_precision.sum())
"""


def score_within(path: Path, *numbers: int) -> str:
    """Score the features of a file in a process that cannot allocate more than a limit."""
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(path), *map(str, numbers)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_DATA of Linux")
def test_memory_is_bounded_whatever_the_gallery(tmp_path: Path) -> None:
    num_queries, num_gallery, dimensions = 1000, 100_000, 64
    path = tmp_path / "features.bin"
    rng = np.random.default_rng(0)
    rng.standard_normal((num_queries + num_gallery, dimensions), dtype=np.float32).tofile(path)
    # All distances are 400 MB, and as sort keys 800 MB.
    blocks = (4096, 2**20, 512, 2**18)
    bounded = score_within(path, num_queries, num_gallery, dimensions, 256 * 2**20, *blocks)
    assert bounded == score_within(path, num_queries, num_gallery, dimensions, 8 * 2**30)
