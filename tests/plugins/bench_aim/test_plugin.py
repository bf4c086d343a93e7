"""AIM as a plugin: the authors' settings of each protocol, on whole trials, for either metric."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from bench_aim import SETTINGS, bench_register_rerankers
from bench_core.contracts.errors import UsageError
from bench_core.evaluation.reranking.contract import RerankerInput, SearchedImages
from bench_core.loading import load_reranker
from bench_core.plugins import Registry
from bench_core.scoring.reranking import choose_reranker
from bench_core.testing import Check, reranker_checks

(SPEC,) = bench_register_rerankers()
SUPPORT = runpy.run_path(str(Path(__file__).parent / "plain_affinities.py"))
rerank_plainly = SUPPORT["rerank_plainly"]


@pytest.mark.parametrize("check", reranker_checks(SPEC), ids=str)
def test_conformance(check: Check) -> None:
    check.run()


@pytest.mark.parametrize(
    ("protocol", "k1", "k2"),
    [
        ("sysu-all-single", 4, 1),
        ("sysu-all-multi", 20, 6),
        ("sysu-indoor-single", 2, 2),
        ("sysu-indoor-multi", 20, 6),
        ("regdb-visible-to-thermal", 8, 2),
        ("regdb-thermal-to-visible", 8, 2),
        ("llcm-visible-to-infrared", 30, 6),
    ],
)
def test_each_protocol_has_the_authors_settings(
    registry: Registry, protocol: str, k1: int, k2: int
) -> None:
    used = choose_reranker(registry, "aim", registry.protocol(protocol).id).used
    assert used.config == {"k1": k1, "k2": k2}
    assert used.overrides == ()


def test_settings_are_of_protocols_that_there_are(registry: Registry) -> None:
    assert set(SETTINGS) <= set(registry.protocols)


def test_it_is_given_whole_trials() -> None:
    assert (SPEC.scope, SPEC.needs) == ("trial", ("features",))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_features_are_compared_by_their_direction_whatever_the_metric(
    registry: Registry, metric: str
) -> None:
    draw = np.random.default_rng(0)
    query, gallery = (
        draw.standard_normal((number, 2, 4)).astype(np.float32) for number in (12, 15)
    )
    images = SearchedImages(
        query=query,
        gallery=gallery,
        metric=metric,
        query_cameras=np.full(12, 3),
        gallery_cameras=np.full(15, 1),
        modalities=("infrared", "visible"),
    )
    choice = choose_reranker(registry, "aim", "sysu-all-single", ("k1=5", "k2=3"))
    assert choice.overrides == ("k1", "k2")
    found = load_reranker(SPEC, choice.config).rerank(RerankerInput(images, SPEC.needs))
    expected = rerank_plainly(query, gallery, k1=5, k2=3)
    np.testing.assert_allclose(found - 2.0, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("k1=0", "--rerank-set k1=0: input should be"),
        ("k2=1.5", "--rerank-set k2=1.5: input should be"),
        (
            "k2=5",
            "--rerank-set: k2 is 5, above k1, which is 4: .*; set both, such as k1=8",
        ),
    ],
)
def test_settings_out_of_range_are_refused(wrong: str, says: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match=says):
        choose_reranker(registry, "aim", "sysu-all-single", [wrong])
