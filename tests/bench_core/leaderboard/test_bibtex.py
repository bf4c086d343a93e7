"""Citations: an entry a method, from what its plugin says of the paper."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bench_core.contracts.method import MethodSpec, Paper, PresetSpec, VariantSpec
from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.bibtex import bibtex, papers_of
from bench_core.plugins import Registry
from bench_core.published.schema import PublishedSource
from bench_core.released.declaration import ReleasedConfig

MakeRecord = Callable[..., ResultRecord]


def spec(**changes: Any) -> MethodSpec:
    facts = {"title": "A Title", "authors": "A. Author", "venue": "Venue", "year": 2026} | changes
    return MethodSpec(
        id="xiv",
        title="X",
        paper=Paper(**facts),
        variants=(VariantSpec(name="full", summary="all"),),
        presets=(PresetSpec(name="paper", summary="p"), PresetSpec(name="quick", summary="q")),
        method="m:M",
        config="m:C",
    )


def cited(records: list[ResultRecord], xiv: MethodSpec) -> str:
    return bibtex(papers_of(records, {"xiv": xiv}))


def test_an_entry_has_the_fields_that_are_known(make_record: MakeRecord) -> None:
    given = spec(
        authors="G. Wang, T. Zhang et al.", kind="article", volume="128", pages="294-304",
        url="https://example.org/a_b?c=1",
    )  # fmt: skip
    assert cited([make_record(), make_record(method__seed=1)], given).endswith(
        "\n@article{xiv,\n"
        "  author = {G. Wang and T. Zhang and others},\n"
        "  title = {{A Title}},\n"
        "  journal = {Venue},\n"
        "  year = {2026},\n"
        "  volume = {128},\n"
        "  pages = {294--304},\n"
        "  url = {https://example.org/a_b?c=1},\n"
        "}\n"
    )


def test_methods_that_are_not_installed_are_named(make_record: MakeRecord) -> None:
    records = [make_record(method__id="theirs"), make_record()]
    text = cited(records, spec())
    assert "No citation is known of theirs.\n" in text
    assert text.count("@") == 1


def test_a_released_model_is_cited_as_it_was_declared(make_record: MakeRecord) -> None:
    declared = ReleasedConfig(title="T", network="net:Net", source="none").model_dump(mode="json")
    paper = {"title": "Theirs", "authors": "A. B", "venue": "V", "year": 2024}
    records = [
        make_record(method__id="named", method__config=declared | {"paper": paper}),
        make_record(method__id="nameless", method__config=declared),
        make_record(method__id="wrong", method__config=declared | {"paper": "a book"}),
    ]
    text = cited(records, spec())
    assert "@misc{named,\n  author = {A. B},\n  title = {{Theirs}},\n" in text
    assert text.count("@") == 1
    assert list(papers_of(reversed(records), {})) == ["named", "nameless", "wrong"]


def test_a_paper_cannot_end_its_entry(make_record: MakeRecord) -> None:
    hostile = "x}}\n@article{y, title = {\\input{z}"
    text = cited([make_record()], spec(title=hostile, venue=hostile, url=hostile))
    assert len(re.findall(r"^@", text, re.MULTILINE)) == 1
    braces = re.sub(r"\\[{}]", "", text)
    assert braces.count("{") == braces.count("}")


def test_the_built_in_methods_say_what_kind_their_papers_are(registry: Registry) -> None:
    kinds = {
        "aligngan": "inproceedings",
        "jsia": "article",
        "ts-gan": "article",
        "xiv": "inproceedings",
    }
    assert {name: registry.methods[name].paper.kind for name in kinds} == kinds


def source(**changes: Any) -> PublishedSource:
    facts = {"id": "theirs", "title": "A Title", "evidence": "paper"} | changes
    return PublishedSource.model_validate(facts)


def test_a_source_of_published_numbers_is_cited_with_what_is_known(
    make_record: MakeRecord,
) -> None:
    paper = source(venue="Venue", year=2020, kind="article")
    repository = source(id="repo", name="Repo", evidence="repository", url="https://x.org/y")
    text = bibtex({}, [(paper, "A. B, C. D"), (repository, "")])
    assert text.endswith(
        "\n@article{published:theirs,\n"
        "  author = {A. B and C. D},\n"
        "  title = {{A Title}},\n"
        "  journal = {Venue},\n"
        "  year = {2020},\n"
        "}\n"
        "\n@misc{published:repo,\n"
        "  title = {{A Title}},\n"
        "  key = {Repo},\n"
        "  url = {https://x.org/y},\n"
        "}\n"
    )


def test_a_paper_that_introduces_the_method_of_its_name_has_one_entry(
    make_record: MakeRecord,
) -> None:
    own = source(id="xiv", title="As registered", introduces=["xiv"])
    text = bibtex(papers_of([make_record()], {"xiv": spec()}), [(own, "A. B")])
    assert text.count("@") == 1
    assert "A Title" in text
    unknown = bibtex({"xiv": None}, [(own, "A. B")])
    assert "No citation" not in unknown
    assert "@misc{xiv,\n  author = {A. B}" in unknown
