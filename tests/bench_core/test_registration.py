"""What plugins register is checked before it is used."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from bench_core.contracts.errors import PluginError
from bench_core.contracts.method import MethodSpec, Paper, PresetSpec, VariantSpec
from bench_core.contracts.protocol import ProtocolSpec
from bench_core.contracts.reranker import RerankerSpec
from bench_core.registration import checked_specs


def protocol(*conventions: str) -> ProtocolSpec:
    return ProtocolSpec(
        id="mine",
        dataset="mine",
        title="Mine",
        query_modality="infrared",
        gallery_modality="visible",
        cmc="image",
        conventions=conventions,
        definition="mine:Protocol",
    )


def test_a_protocol_names_conventions_of_its_own() -> None:
    spec = protocol("by-hand", "official")
    assert checked_specs([[spec]], ProtocolSpec) == (spec,)


@pytest.mark.parametrize(
    ("conventions", "message"),
    [
        ((), "protocol 'mine' has no convention; name how galleries are drawn"),
        (("by hand",), "convention of protocol 'mine'"),
        (("../official",), "convention of protocol 'mine'"),
    ],
)
def test_a_convention_needs_a_name_that_is_safe_in_file_names(
    conventions: tuple[str, ...], message: str
) -> None:
    with pytest.raises(PluginError, match=re.escape(message)):
        checked_specs([[protocol(*conventions)]], ProtocolSpec)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"needs": ("cameras",)}, "'mine' needs neither features nor distances"),
        ({"needs": ("identities",)}, "needs of the RerankerSpec 'mine' is not what it must be"),
        ({"scope": "query"}, "scope of the RerankerSpec 'mine' is not what it must be"),
        ({"by_protocol": {"p": 4}}, "by_protocol of the RerankerSpec 'mine'"),
        ({"id": "my own"}, "the id 'my own' is not made of"),
    ],
)
def test_a_re_ranker_says_what_it_looks_at(changes: dict[str, Any], message: str) -> None:
    spec = RerankerSpec(
        id="mine",
        title="Mine",
        paper=Paper(title="T", authors="A", venue="V", year=2026),
        reranker="mine:Reranker",
        config="mine:Config",
        by_protocol={"p": {"k1": 4}},
    )
    assert checked_specs([[spec]], RerankerSpec) == (spec,)
    with pytest.raises(PluginError, match=re.escape(message)):
        checked_specs([[replace(spec, **changes)]], RerankerSpec)


def test_a_method_is_labelled_by_its_id_and_all_but_its_first_variant() -> None:
    full, part = VariantSpec(name="full", summary=""), VariantSpec(name="part", summary="")
    spec = MethodSpec(
        id="mine",
        title="Mine",
        paper=Paper(title="T", authors="A", venue="V", year=2026),
        variants=(full, part),
        presets=(PresetSpec(name="paper", summary=""), PresetSpec(name="quick", summary="")),
        method="mine:Method",
        config="mine:Config",
    )
    assert [spec.label(variant) for variant in spec.variants] == ["mine", "mine:part"]
