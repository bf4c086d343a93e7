"""Re-ranking: equal to the paper's algorithm told plainly, in bounded memory, group by group."""

from __future__ import annotations

import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.method import Metric
from bench_core.evaluation.reranking.distances import feature_distances
from bench_core.evaluation.reranking.k_reciprocal import KReciprocalOptions, k_reciprocal_distances

SUPPORT = runpy.run_path(str(Path(__file__).parent / "plain_reranking.py"))
rerank_plainly = SUPPORT["rerank_plainly"]
random_features = SUPPORT["random_features"]
plain = SUPPORT["plain"]
given_distances = SUPPORT["given_distances"]

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


# Equal to the plain algorithm


@settings(max_examples=80)
@given(
    num_queries=st.integers(1, 25),
    num_gallery=st.integers(1, 25),
    views=st.integers(1, 2),
    metric=st.sampled_from(["euclidean", "cosine"]),
    k1=st.integers(1, 30),
    k2=st.integers(1, 12),
    lambda_value=st.floats(0, 1),
    seed=st.integers(0, 2**31),
)
def test_equals_the_plain_algorithm_for_any_sizes_and_parameters(
    *,
    num_queries: int,
    num_gallery: int,
    views: int,
    metric: Metric,
    k1: int,
    k2: int,
    lambda_value: float,
    seed: int,
) -> None:
    query, gallery = random_features(num_queries, num_gallery, views=views, seed=seed)
    options = KReciprocalOptions(k1=k1, k2=k2, lambda_value=lambda_value)
    expected = plain(query, gallery, metric, options)
    for distances in (
        feature_distances(query, gallery, metric),
        given_distances(query, gallery, metric),
    ):
        np.testing.assert_allclose(
            k_reciprocal_distances(distances, options), expected, rtol=0, atol=1e-5
        )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_equals_the_plain_algorithm_where_rows_are_read_in_many_blocks(
    metric: Metric, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in (
        "k_reciprocal._BLOCK_ELEMENTS",
        "scan._BLOCK_ELEMENTS",
        "distances._BLOCK_ELEMENTS",
        "distances._PAIR_ELEMENTS",
    ):
        monkeypatch.setattr(f"bench_core.evaluation.reranking.{bound}", 1000)
    query, gallery = random_features(90, 47, views=2)
    expected = plain(query, gallery, metric, KReciprocalOptions())
    for distances in (
        feature_distances(query, gallery, metric),
        given_distances(query, gallery, metric),
    ):
        np.testing.assert_allclose(k_reciprocal_distances(distances), expected, rtol=0, atol=1e-5)


def test_float32_features_and_distances_are_enough() -> None:
    query, gallery = (part.astype(np.float32) for part in random_features(60, 40))
    expected = plain(query, gallery, "euclidean", KReciprocalOptions())
    np.testing.assert_allclose(
        k_reciprocal_distances(feature_distances(query, gallery, "euclidean")),
        expected,
        rtol=0,
        atol=1e-5,
    )
    exact = given_distances(query, gallery, "euclidean")
    rounded = replace(exact, matrix=exact.matrix.float())
    np.testing.assert_allclose(k_reciprocal_distances(rounded), expected, rtol=0, atol=1e-5)


def test_a_count_beyond_the_number_of_images_means_all_images() -> None:
    query, gallery = random_features(5, 4)
    distances = feature_distances(query, gallery, "euclidean")
    everything = k_reciprocal_distances(distances, KReciprocalOptions(k1=1000, k2=1000))
    np.testing.assert_array_equal(
        everything, k_reciprocal_distances(distances, KReciprocalOptions(k1=16, k2=9))
    )


def test_any_source_of_distances_can_be_reranked() -> None:
    class Ring:
        """Images on a circle, at distances along it; computed, never stored."""

        metric: Metric = "cosine"

        def __init__(self, places: np.ndarray, num_queries: int) -> None:
            self.places = places
            self.num_queries = num_queries
            self.num_gallery = len(places) - num_queries

        def rows(self, start: int, stop: int) -> np.ndarray:
            apart = np.abs(self.places[start:stop, None] - self.places)
            return np.minimum(apart, 1 - apart)

        def pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
            apart = np.abs(self.places[first] - self.places[second])
            return np.minimum(apart, 1 - apart)

        def subset(self, queries: np.ndarray, gallery: np.ndarray) -> Ring:
            images = np.concatenate([queries, gallery + self.num_queries])
            return Ring(self.places[images], len(queries))

    places = np.random.default_rng(0).random(50)
    matrix = Ring(places, 30).rows(0, 50)
    expected = rerank_plainly(
        matrix[:30, :30], matrix[:30, 30:], matrix[30:, 30:], k1=20, k2=6, lambda_value=0.3, power=1
    )
    np.testing.assert_allclose(
        k_reciprocal_distances(Ring(places, 30)), expected, rtol=0, atol=1e-5
    )


# What it promises of the result


def test_lambda_1_is_the_squared_distance_by_the_largest_of_the_query_to_any_image() -> None:
    query, gallery = np.array([0.0, 8.0]).reshape(2, 1, 1), np.array([2.0]).reshape(1, 1, 1)
    result = k_reciprocal_distances(
        feature_distances(query, gallery, "euclidean"), KReciprocalOptions(lambda_value=1.0)
    )
    np.testing.assert_allclose(result, [[4 / 64], [36 / 64]], rtol=1e-6)


def test_images_without_a_shared_neighbour_are_at_jaccard_distance_1() -> None:
    query = np.array([0.0, 0.1, 100.0, 100.3]).reshape(4, 1, 1)
    gallery = np.array([0.25, 100.1]).reshape(2, 1, 1)
    options = KReciprocalOptions(k1=2, k2=1, lambda_value=0.0)
    result = k_reciprocal_distances(feature_distances(query, gallery, "euclidean"), options)
    np.testing.assert_array_equal(result[:2, 1], [1, 1])
    np.testing.assert_array_equal(result[2:, 0], [1, 1])
    assert (np.concatenate([result[:2, 0], result[2:, 1]]) < 0.01).all()


def test_it_finds_matches_that_the_original_distance_ranks_behind_others() -> None:
    # The first query, at 0, is nearer to the stray at -1.5 than to the match at 2. But the stray
    # has nearer neighbours than the query, and query and match share those at 0.9 and 1.4.
    query = np.array([0.0, 0.9, 1.4, -2.3, -2.6, -2.9]).reshape(6, 1, 1)
    gallery = np.array([-1.5, 2.0]).reshape(2, 1, 1)
    distances = feature_distances(query, gallery, "euclidean")
    before = k_reciprocal_distances(distances, KReciprocalOptions(k1=3, k2=1, lambda_value=1.0))
    after = k_reciprocal_distances(distances, KReciprocalOptions(k1=3, k2=1, lambda_value=0.3))
    assert before[0, 0] < before[0, 1]
    assert after[0, 0] > after[0, 1]


def test_inputs_may_be_read_only_and_stay_as_they_are() -> None:
    query, gallery = random_features(12, 9)
    copies = query.copy(), gallery.copy()
    distances = given_distances(query, gallery, "euclidean")
    matrix = distances.matrix.clone()
    for array in (query, gallery):
        array.setflags(write=False)
    np.testing.assert_allclose(
        k_reciprocal_distances(feature_distances(query, gallery, "euclidean")),
        k_reciprocal_distances(distances),
        atol=1e-6,
    )
    np.testing.assert_array_equal(query, copies[0])
    np.testing.assert_array_equal(gallery, copies[1])
    assert torch.equal(distances.matrix, matrix)


# Ties


def test_a_collapsed_model_gets_one_distance_for_each_kind_of_neighbourhood_and_no_nan() -> None:
    features = np.full((30, 1, 8), 0.1)
    result = k_reciprocal_distances(feature_distances(features[:20], features[20:], "euclidean"))
    np.testing.assert_array_equal(result, result[:1].repeat(20, axis=0))
    assert np.isfinite(result).all()


def test_of_equal_distances_the_first_images_are_neighbours() -> None:
    # All six are equally far from each other, so that the nearest of each are itself and image 0
    # (for image 0, itself and image 1): only 0 and 1 are mutual, and share each other.
    corners = np.eye(6)[:, np.newaxis]
    options = KReciprocalOptions(k1=1, k2=1, lambda_value=0.0)
    result = k_reciprocal_distances(
        feature_distances(corners[:1], corners[1:], "euclidean"), options
    )
    np.testing.assert_array_equal(result[0, 1:], [1, 1, 1, 1])
    shared = 2 * np.exp(-1) / (1 + np.exp(-1))
    assert result[0, 0] == pytest.approx(1 - shared / (2 - shared))


def test_more_images_than_the_nearest_can_tie() -> None:
    query = np.repeat(np.arange(4.0), 10).reshape(40, 1, 1)
    distances = feature_distances(query, query[::2], "euclidean")
    first = k_reciprocal_distances(distances)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, k_reciprocal_distances(distances))


# Mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k1": 0}, "re-ranking k1 is 0; it must be at least 1"),
        ({"k2": -3}, "re-ranking k2 is -3; it must be at least 1"),
        ({"lambda_value": 1.5}, "re-ranking lambda is 1.5; it must be from 0"),
        ({"lambda_value": float("nan")}, "re-ranking lambda is nan; it must be from 0"),
    ],
)
def test_parameters_out_of_range_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        KReciprocalOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("queries", "gallery"), [(0, 3), (3, 0)])
def test_there_must_be_queries_and_a_gallery(queries: int, gallery: int) -> None:
    distances = feature_distances(np.ones((queries, 1, 2)), np.ones((gallery, 1, 2)), "euclidean")
    with pytest.raises(DataError, match="nothing to re-rank"):
        k_reciprocal_distances(distances)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_must_be_finite(value: float) -> None:
    query, gallery = random_features(4, 3)
    gallery[2, 0, 1] = value
    with pytest.raises(DataError, match="the gallery feature in row 2 is NaN or infinite"):
        feature_distances(query, gallery, "euclidean")


def test_a_feature_of_zeros_has_no_cosine_distance() -> None:
    query, gallery = random_features(4, 3)
    query[1] = 0.0
    with pytest.raises(DataError, match="1 of 4 query features are all zeros, the first in row 1"):
        feature_distances(query, gallery, "cosine")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0])
def test_given_distances_must_be_finite_and_not_negative(value: float) -> None:
    distances = given_distances(*random_features(4, 3), "euclidean")
    distances.matrix[2, 5] = value
    with pytest.raises(DataError, match=r"the distances of image 2 \(queries first\) are from"):
        k_reciprocal_distances(distances)


def test_shapes_must_fit() -> None:
    query, gallery = random_features(4, 3)
    with pytest.raises(ValueError, match="same views and dimensions"):
        feature_distances(query, gallery[..., :2], "euclidean")


# Devices and memory


@pytest.mark.parametrize(
    "device",
    [
        # Named so, even a processor is torch's to compute on.
        "cpu:0",
        pytest.param("cuda", marks=[pytest.mark.gpu, needs_cuda]),
    ],
)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_devices_of_torch_and_numpy_agree(metric: Metric, device: str) -> None:
    query, gallery = random_features(300, 200, views=2, dimensions=32)
    on_cpu = k_reciprocal_distances(feature_distances(query, gallery, metric))
    computed = k_reciprocal_distances(feature_distances(query, gallery, metric, device=device))
    # Results are float32: these differ in its last digit at most.
    np.testing.assert_allclose(computed, on_cpu, rtol=0, atol=1e-7)
    given = replace(given_distances(query, gallery, metric), device=torch.device(device))
    np.testing.assert_allclose(k_reciprocal_distances(given), on_cpu, rtol=0, atol=1e-7)


def test_distances_of_torch_and_numpy_are_equal_to_1e_12() -> None:
    query, gallery = random_features(40, 30, views=2, dimensions=32)
    ours, others = (
        feature_distances(query, gallery, "euclidean", device=device) for device in ("cpu", "cpu:0")
    )
    np.testing.assert_allclose(ours.rows(3, 50), others.rows(3, 50), rtol=1e-12, atol=1e-12)
    one, other = np.arange(40), np.arange(69, 29, -1)
    np.testing.assert_allclose(ours.pairs(one, other), others.pairs(one, other), rtol=1e-12)


TORCH_SCRIPT = """
import sys
import numpy as np
from bench_core.evaluation.reranking.k_reciprocal import k_reciprocal_distances
from bench_core.evaluation.reranking.distances import feature_distances

features = np.random.default_rng(0).normal(size=(80, 1, 16))
k_reciprocal_distances(feature_distances(features[:40], features[40:], "euclidean"))
assert "torch" not in sys.modules
"""


def test_a_processor_needs_no_torch() -> None:
    subprocess.run([sys.executable, "-c", TORCH_SCRIPT], check=True)


MEMORY_SCRIPT = """
import resource
import numpy as np
from bench_core.evaluation.reranking.k_reciprocal import k_reciprocal_distances
from bench_core.evaluation.reranking.distances import feature_distances

features = np.random.default_rng(0).normal(size=(6813, 1, 16)).astype(np.float32)
k_reciprocal_distances(feature_distances(features[:40], features[40:80], "euclidean"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
k_reciprocal_distances(feature_distances(features[:3803], features[3803:], "euclidean"))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
def test_multi_shot_size_needs_less_memory_than_one_matrix_of_all_distances() -> None:
    completed = subprocess.run(
        [sys.executable, "-c", MEMORY_SCRIPT], check=True, capture_output=True, text=True
    )
    assert int(completed.stdout) < 6813 * 6813 * 8


def test_no_single_image_decides_the_digits_of_the_others() -> None:
    """One far image, whichever it is, must not be what all others are measured from."""
    query, gallery = random_features(20, 30, views=1)
    for place in (0, -1):
        far = query.copy()
        far[place] *= 1e10
        originals = feature_distances(far, gallery, "euclidean").rows(1, 5)[:, 20:]
        plain = np.linalg.norm(far[1:5, 0, None] - gallery[None, :, 0], axis=2)
        np.testing.assert_allclose(originals, plain, rtol=1e-9)
