"""Re-ranking in groups: queries that may see different galleries."""

from __future__ import annotations

import runpy
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench_core.evaluation.reranking.contract import RerankerInput, SearchedImages
from bench_core.evaluation.reranking.distances import feature_distances
from bench_core.evaluation.reranking.groups import query_groups, rerank_groups
from bench_core.evaluation.reranking.k_reciprocal import (
    KReciprocalOptions,
    k_reciprocal_distances,
)

SUPPORT = runpy.run_path(str(Path(__file__).parent / "plain_reranking.py"))
random_features = SUPPORT["random_features"]
plain = SUPPORT["plain"]
given_distances = SUPPORT["given_distances"]


def sysu_like() -> SearchedImages:
    query, gallery = random_features(50, 40, seed=3)
    draw = np.random.default_rng(4)
    return SearchedImages(
        query=query,
        gallery=gallery,
        metric="euclidean",
        query_cameras=draw.choice([3, 6], 50),
        gallery_cameras=draw.choice([1, 2, 4, 5], 40),
        modalities=("infrared", "visible"),
    )


def reranked(
    images: SearchedImages, pairs: Collection[tuple[int, int]], **options: Any
) -> np.ndarray:
    return rerank_groups(
        RerankerInput(images, ["distances"], **options),
        query_groups(images.query_cameras, images.gallery_cameras, pairs),
        lambda part: k_reciprocal_distances(part.distances),
    )


@pytest.mark.parametrize("given", [False, True], ids=["computed", "given"])
def test_each_group_is_reranked_as_if_alone(given: bool) -> None:
    images = sysu_like()
    distances = given_distances(images.query, images.gallery, "euclidean") if given else None
    result = reranked(images, ((3, 2),), distances=distances)
    for camera, seen in ((3, images.gallery_cameras != 2), (6, images.gallery_cameras > 0)):
        rows = images.query_cameras == camera
        alone = plain(images.query[rows], images.gallery[seen], "euclidean", KReciprocalOptions())
        np.testing.assert_allclose(result[np.ix_(rows, seen)], alone, rtol=0, atol=1e-5)


def test_no_pair_that_may_meet_is_farther_apart_than_one_that_may_not() -> None:
    images = sysu_like()
    result = reranked(images, ((3, 2),))
    apart = np.outer(images.query_cameras == 3, images.gallery_cameras == 2)
    assert np.unique(result[apart]).tolist() == [result[~apart].max()]
    assert result.dtype == np.float32


def test_cameras_that_see_the_same_gallery_are_one_group() -> None:
    images = sysu_like()
    alone = k_reciprocal_distances(feature_distances(images.query, images.gallery, "euclidean"))
    # Nothing in the gallery is of camera 9, so that both query cameras see all of it.
    for pairs in ((), ((3, 9),), ((7, 1),)):
        np.testing.assert_array_equal(reranked(images, pairs), alone)


def test_queries_that_may_see_nothing_are_as_far_as_can_be_from_all() -> None:
    images = sysu_like()
    result = reranked(images, [(3, camera) for camera in (1, 2, 4, 5)])
    others = result[images.query_cameras == 6]
    np.testing.assert_array_equal(result[images.query_cameras == 3], others.max())
    assert (others < others.max()).any()
    nothing = reranked(images, [(query, camera) for query in (3, 6) for camera in (1, 2, 4, 5)])
    np.testing.assert_array_equal(nothing, np.zeros((50, 40)))


def test_a_subset_of_a_subset_is_of_the_same_images() -> None:
    query, gallery = random_features(20, 15)
    queries, images = np.array([1, 4, 7, 12, 19]), np.array([0, 2, 3, 14])
    expected = k_reciprocal_distances(
        feature_distances(query[queries[[0, 2, 4]]], gallery[images[1:]], "cosine")
    )
    for distances in (
        feature_distances(query, gallery, "cosine"),
        given_distances(query, gallery, "cosine"),
    ):
        subset = distances.subset(queries, images).subset(np.array([0, 2, 4]), np.arange(1, 4))
        np.testing.assert_allclose(k_reciprocal_distances(subset), expected, rtol=0, atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.gpu
def test_groups_and_ties_on_cuda() -> None:
    images = sysu_like()
    # Of whole numbers, distances are exact on both devices, and many are equal.
    images = replace(images, query=np.round(images.query), gallery=np.round(images.gallery))
    on_cpu, on_cuda = (reranked(images, ((3, 2),), device=device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(on_cuda, on_cpu, rtol=0, atol=1e-6)
