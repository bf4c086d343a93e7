"""Re-ranking in groups: queries that may see different galleries."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from bench_core.evaluation.reranking.distances import feature_distances
from bench_core.evaluation.reranking.k_reciprocal import RerankOptions, rerank, rerank_groups

SUPPORT = runpy.run_path(str(Path(__file__).parent / "plain_reranking.py"))
random_features = SUPPORT["random_features"]
plain = SUPPORT["plain"]
given_distances = SUPPORT["given_distances"]


def sysu_like() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    query, gallery = random_features(50, 40, seed=3)
    draw = np.random.default_rng(4)
    return query, gallery, draw.choice([3, 6], 50), draw.choice([1, 2, 4, 5], 40)


@pytest.mark.parametrize("given_or_computed", [feature_distances, given_distances])
def test_each_group_is_reranked_as_if_alone(given_or_computed) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    query, gallery, query_camera, gallery_camera = sysu_like()
    result = rerank_groups(
        given_or_computed(query, gallery, "euclidean"),
        query_camera=query_camera,
        gallery_camera=gallery_camera,
        excluded_camera_pairs=((3, 2),),
    )
    for camera, seen in ((3, gallery_camera != 2), (6, gallery_camera > 0)):
        rows = query_camera == camera
        alone = plain(query[rows], gallery[seen], "euclidean", RerankOptions())
        np.testing.assert_allclose(result[np.ix_(rows, seen)], alone, rtol=0, atol=1e-5)


def test_pairs_that_may_not_meet_are_at_distance_1() -> None:
    query, gallery, query_camera, gallery_camera = sysu_like()
    result = rerank_groups(
        feature_distances(query, gallery, "euclidean"),
        query_camera=query_camera,
        gallery_camera=gallery_camera,
        excluded_camera_pairs=((3, 2),),
    )
    np.testing.assert_array_equal(result[np.ix_(query_camera == 3, gallery_camera == 2)], 1.0)


def test_cameras_that_see_the_same_gallery_are_one_group() -> None:
    query, gallery, query_camera, gallery_camera = sysu_like()
    distances = feature_distances(query, gallery, "euclidean")
    # Nothing in the gallery is of camera 9, so that both query cameras see all of it.
    for pairs in ((), ((3, 9),), ((7, 1),)):
        result = rerank_groups(
            distances,
            query_camera=query_camera,
            gallery_camera=gallery_camera,
            excluded_camera_pairs=pairs,
        )
        np.testing.assert_array_equal(result, rerank(distances))


def test_queries_that_may_see_nothing_are_at_distance_1_from_all() -> None:
    query, gallery, query_camera, gallery_camera = sysu_like()
    result = rerank_groups(
        feature_distances(query, gallery, "euclidean"),
        query_camera=query_camera,
        gallery_camera=gallery_camera,
        excluded_camera_pairs=[(3, camera) for camera in (1, 2, 4, 5)],
    )
    np.testing.assert_array_equal(result[query_camera == 3], 1.0)
    assert (result[query_camera == 6] < 1.0).any()


def test_a_subset_of_a_subset_is_of_the_same_images() -> None:
    query, gallery = random_features(20, 15)
    queries, images = np.array([1, 4, 7, 12, 19]), np.array([0, 2, 3, 14])
    expected = rerank(feature_distances(query[queries[[0, 2, 4]]], gallery[images[1:]], "cosine"))
    for distances in (
        feature_distances(query, gallery, "cosine"),
        given_distances(query, gallery, "cosine"),
    ):
        subset = distances.subset(queries, images).subset(np.array([0, 2, 4]), np.arange(1, 4))
        np.testing.assert_allclose(rerank(subset), expected, rtol=0, atol=1e-6)


def test_cameras_must_fit_the_distances() -> None:
    query, gallery = random_features(4, 3)
    with pytest.raises(ValueError, match="do not fit 4 queries and 3 gallery images"):
        rerank_groups(
            feature_distances(query, gallery, "euclidean"),
            query_camera=np.ones(4),
            gallery_camera=np.ones(4),
            excluded_camera_pairs=((3, 2),),
        )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.gpu
def test_groups_and_ties_on_cuda() -> None:
    query, gallery, query_camera, gallery_camera = sysu_like()
    # Of whole numbers, distances are exact on both devices, and many are equal.
    query, gallery = np.round(query), np.round(gallery)
    on_cpu, on_cuda = (
        rerank_groups(
            feature_distances(query, gallery, "euclidean", device=device),
            query_camera=query_camera,
            gallery_camera=gallery_camera,
            excluded_camera_pairs=((3, 2),),
        )
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(on_cuda, on_cpu, rtol=0, atol=1e-6)
