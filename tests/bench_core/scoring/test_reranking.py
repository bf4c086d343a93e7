"""Re-rankers of plugins: chosen by name and settings, given what they ask for, held to shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench_core.contracts.errors import DataError, PluginError, UsageError
from bench_core.contracts.protocol import ProtocolSpec, Trial
from bench_core.contracts.reranked import RerankerUsed
from bench_core.evaluation.distances import pairwise_distances
from bench_core.features.table import FeatureTable
from bench_core.plugins import Registry
from bench_core.scoring.reranking import RerankerChoice, choose_reranker, reopen_reranker

Install = Callable[..., Registry]
SPEC = ProtocolSpec(
    id="toy-search",
    dataset="toy",
    title="Toy",
    query_modality="infrared",
    gallery_modality="visible",
    cmc="identity",
    excluded_camera_pairs=((3, 2),),
    conventions=("official",),
    definition="toy:Toy",
)
RETURNS = "        return distances"


def returns(line: str) -> tuple[str, str]:
    return RETURNS, f"        {line}\n{RETURNS}"


@pytest.fixture
def trial(features: FeatureTable) -> Trial:
    infrared = (features.table["modality"] == "infrared").to_numpy()
    return Trial(query=np.flatnonzero(infrared), gallery=np.flatnonzero(~infrared))


def rerank(registry: Registry, features: FeatureTable, trial: Trial) -> np.ndarray:
    return choose_reranker(registry, "stranger", SPEC.id).rerank(features, trial, SPEC)


def test_settings_are_defaults_then_those_of_the_protocol_then_the_user_s(
    stranger: Install,
) -> None:
    registry = stranger()
    elsewhere, here, changed = (
        choose_reranker(registry, "stranger", protocol, settings)
        for protocol, settings in (("other", ()), (SPEC.id, ()), (SPEC.id, ["power=2", "gain=1"]))
    )
    assert elsewhere.config.model_dump() == {"power": 2, "gain": 1.0}
    assert here.config.model_dump() == {"power": 3, "gain": 1.0}
    assert (elsewhere.overrides, here.overrides) == ((), ())
    assert changed.config == elsewhere.config
    assert changed.overrides == ("power",)
    assert not here.used.is_usual


def test_the_re_ranker_of_a_result_is_opened_with_its_settings(stranger: Install) -> None:
    registry = stranger()
    used = choose_reranker(registry, "stranger", SPEC.id, ["power=5"]).used
    assert reopen_reranker(registry, used, SPEC.id).used == used
    with pytest.raises(UsageError, match=r"unknown re-ranker 'gone' \(known: stranger\)"):
        reopen_reranker(registry, RerankerUsed(id="gone", config={}), SPEC.id)
    older = RerankerUsed(id="stranger", config={"power": 2, "depth": 1})
    with pytest.raises(UsageError, match="unknown key of the result 'depth'"):
        reopen_reranker(registry, older, SPEC.id)


def test_wrong_settings_of_the_plugin_are_its_own_fault(stranger: Install) -> None:
    registry = stranger(('{"power": 3}', '{"pover": 3}'))
    says = r"settings of re-ranker 'stranger' for toy-search are wrong: .* of by_protocol 'pover'"
    with pytest.raises(PluginError, match=says):
        choose_reranker(registry, "stranger", SPEC.id)


def test_settings_of_another_kind_are_refused(stranger: Install) -> None:
    registry = stranger(("class StrangerConfig(RerankerConfig):", "class StrangerConfig:"))
    with pytest.raises(PluginError, match="StrangerConfig is no RerankerConfig"):
        choose_reranker(registry, "stranger", SPEC.id)


def test_a_class_without_rerank_is_refused(
    stranger: Install, features: FeatureTable, trial: Trial
) -> None:
    registry = stranger(
        ("class Stranger(Reranker):", "class Stranger:\n    def __init__(self, config): pass"),
        ("def rerank(", "def go("),
    )
    with pytest.raises(PluginError, match=r"re-ranker 'stranger' .*:Stranger lacks rerank"):
        rerank(registry, features, trial)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            returns("distances = distances.T"),
            r"shape \(12, 4\) for 4 queries and 12 gallery",
        ),
        (returns("distances = distances.tolist()"), "returned list, not a NumPy array of floats"),
        (returns("distances = distances.round().astype(int)"), "returned int64, not a NumPy array"),
        (returns("distances[1, 0] = np.nan"), "returned nan for query 1 and gallery image 0"),
        (returns("distances[0, 1] = -np.inf"), "returned -inf for query 0 and gallery image 1"),
        (returns("{}['no']"), "KeyError: 'no'"),
        (returns("raise SystemExit(3)"), "SystemExit: 3"),
        (returns("images.cameras"), r"it asks for cameras, and .* needs features alone"),
        (returns("images.distances"), "it asks for distances"),
        (returns("images.modalities"), "it asks for modalities"),
        (("        query, gallery = images.features", "        query = images.who"), "'who'"),
    ],
)
def test_a_broken_re_ranker_is_named_with_its_package(
    change: tuple[str, str], says: str, stranger: Install, features: FeatureTable, trial: Trial
) -> None:
    with pytest.raises(PluginError, match=says) as caught:
        rerank(stranger(change), features, trial)
    assert str(caught.value).startswith("re-ranker 'stranger' (package unknown package): ")
    assert "\n" not in str(caught.value)


def test_features_that_cannot_be_compared_are_nobody_s_fault(
    k_reciprocal: RerankerChoice, features: FeatureTable, trial: Trial
) -> None:
    zero = replace(features, features=np.zeros_like(features.features))
    with pytest.raises(DataError, match="all zeros"):
        k_reciprocal.rerank(zero, trial, SPEC)


def given_to(registry: Registry, features: FeatureTable, trial: Trial) -> list[Any]:
    """Let a re-ranker that notes what it is given re-rank; return its notes."""
    choice = choose_reranker(registry, "stranger", SPEC.id)
    choice.rerank(features, trial, SPEC)
    notes: list[Any] = type(choice._reranker).rerank.__globals__["calls"]
    return notes


NOTES = returns("calls.append((images.cameras, images.modalities))")
ALL = ('("features",)', '("features", "cameras", "modalities")')


def test_each_group_of_queries_is_given_what_it_may_meet(
    stranger: Install, features: FeatureTable, trial: Trial
) -> None:
    seen = {}
    for (query, gallery), modalities in given_to(stranger(NOTES, ALL), features, trial):
        assert modalities == ("infrared", "visible")
        (camera,) = set(query.tolist())
        seen[camera] = set(gallery.tolist())
    assert seen == {3: {1, 4}, 6: {1, 2, 4}}


def test_a_re_ranker_of_whole_trials_is_given_all_at_once(
    stranger: Install, features: FeatureTable, trial: Trial
) -> None:
    whole = ("needs=", 'scope="trial", needs=')
    (((query, gallery), _),) = given_to(stranger(NOTES, ALL, whole), features, trial)
    camera = features.table["camera"].to_numpy()
    np.testing.assert_array_equal(query, camera[trial.query])
    np.testing.assert_array_equal(gallery, camera[trial.gallery])


def test_distances_are_the_method_s_own_between_all_images(
    stranger: Install, features: FeatureTable, trial: Trial
) -> None:
    rows = returns("calls.append(images.distances.rows(0, images.num_queries))")
    registry = stranger(
        rows, ('("features",)', '("features", "distances")'), ("needs=", 'scope="trial", needs=')
    )
    (found,) = given_to(registry, features, trial)
    images = features.features[np.concatenate([trial.query, trial.gallery])]
    expected = pairwise_distances(features.features[trial.query], images, features.metric)
    np.testing.assert_allclose(found, expected, atol=1e-6)
