"""k-reciprocal re-ranking as a plugin: the harness's own algorithm, with the paper's settings."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core.contracts.errors import UsageError
from bench_core.contracts.reranker import K_RECIPROCAL, K_RECIPROCAL_CONFIG
from bench_core.evaluation.reranking.contract import RerankerInput, SearchedImages
from bench_core.evaluation.reranking.distances import feature_distances
from bench_core.evaluation.reranking.k_reciprocal import (
    KReciprocalOptions,
    k_reciprocal_distances,
)
from bench_core.loading import load_reranker
from bench_core.plugins import Registry
from bench_core.scoring.reranking import choose_reranker
from bench_core.testing import Check, reranker_checks
from bench_kreciprocal import bench_register_rerankers

(SPEC,) = bench_register_rerankers()


@pytest.mark.parametrize("check", reranker_checks(SPEC), ids=str)
def test_conformance(check: Check) -> None:
    check.run()


def test_what_records_without_a_re_ranker_are_read_as_are_its_defaults(registry: Registry) -> None:
    used = choose_reranker(registry, K_RECIPROCAL, "sysu-all-single").used
    assert used.config == K_RECIPROCAL_CONFIG
    assert used.is_usual
    assert KReciprocalOptions() == KReciprocalOptions(**K_RECIPROCAL_CONFIG)


def test_distances_are_those_of_the_algorithm_with_the_settings(registry: Registry) -> None:
    draw = np.random.default_rng(0)
    query, gallery = (draw.standard_normal((number, 2, 4)) for number in (12, 15))
    images = SearchedImages(
        query=query,
        gallery=gallery,
        metric="cosine",
        query_cameras=np.full(12, 3),
        gallery_cameras=np.full(15, 1),
        modalities=("infrared", "visible"),
    )
    settings = ("k1=3", "k2=2", "lambda_value=0.5")
    choice = choose_reranker(registry, K_RECIPROCAL, "sysu-all-single", settings)
    assert choice.overrides == ("k1", "k2", "lambda_value")
    found = load_reranker(SPEC, choice.config).rerank(RerankerInput(images, SPEC.needs))
    expected = k_reciprocal_distances(
        feature_distances(query, gallery, "cosine"),
        KReciprocalOptions(k1=3, k2=2, lambda_value=0.5),
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("wrong", ["k1=0", "k2=1.5", "lambda_value=1.1", "lambda_value=true"])
def test_settings_out_of_range_are_refused(wrong: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match=f"--rerank-set {wrong}: input should be"):
        choose_reranker(registry, K_RECIPROCAL, "sysu-all-single", [wrong])
