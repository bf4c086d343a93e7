"""A record is submitted when it is what its protocol asks for; what it discloses is no problem."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.plugins import Registry
from bench_core.submission.checks import check_record

EXAMPLE = Path(__file__).parents[1] / "contracts" / "records" / "schema-2.json"
VERSIONS = {"python": "3.11.9", "numpy": "2.1.0", "torch": "2.6.0", "vireid-bench": "0.1.0"}


def record_with(**changes: Any) -> ResultRecord:
    """A record of sysu-all-single of ten trials of real images; `dataset__id="x"` changes it."""
    document = json.loads(EXAMPLE.read_text())
    document["dataset"]["findings"] = []
    document["scores"]["trials"] = [document["scores"]["trials"][0]] * 10
    document["scores"] |= {"gallery": [301] * 10, "queries": 3803}
    document["scores"]["std"] = dict.fromkeys(document["scores"]["std"], 0.0)
    trial = document["scores"]["trials"][0]
    document["scores"]["mean"] = {
        **{f"rank-{rank}": trial["cmc"][rank - 1] for rank in (1, 5, 10, 20)},
        "mAP": trial["mAP"],
        "mINP": trial["mINP"],
    }
    for name, value in changes.items():
        part, _, field = name.partition("__")
        if field:
            document[part][field] = value
        else:
            document[part] = value
    return ResultRecord.from_json(json.dumps(document))


def problems_of(registry: Registry, record: ResultRecord, **others: ResultRecord) -> list[str]:
    stored = {Path(name): other for name, other in others.items()}
    return list(check_record(registry, record, stored).problems)


def test_a_whole_record_passes_and_says_what_was_checked(registry: Registry) -> None:
    checks = check_record(registry, record_with(), {})
    assert checks.problems == ()
    assert "10 trials of 3,803 queries and 301 gallery images, as published" in checks.passed
    assert "no duplicate among 0 other results" in checks.passed


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"protocol__id": "sysu-none"}, "its protocol cannot be checked: unknown protocol"),
        ({"protocol__convention": "mine"}, "does not define the convention mine (known: official"),
        ({"protocol__gallery_modality": "infrared"}, "searches visible images by infrared ones"),
        ({"dataset__id": "regdb"}, "is a protocol of sysu-mm01, and the record is of regdb"),
        ({"scores__queries": 3802}, "has 3,803 queries, and the record 3,802"),
        ({"scores__gallery": [301] * 9 + [299]}, "has 301 gallery images, and a trial of the"),
        (
            {"provenance__versions": VERSIONS | {"numpy": "not installed"}},
            "it does not say the version of numpy",
        ),
        ({"provenance__versions": {}}, "the version of python, numpy, vireid-bench"),
        ({"schema_version": 1, "features": []}, "schema 1 names neither a digest nor"),
    ],
)
def test_what_is_not_as_it_must_be_is_a_problem(
    registry: Registry, changes: dict[str, Any], problem: str
) -> None:
    (found,) = problems_of(registry, record_with(**changes))
    assert problem in found


def test_a_trial_that_is_missing_is_a_problem(registry: Registry) -> None:
    record = record_with()
    trials = record.scores.trials[:9]
    scores = record.scores.model_copy(update={"trials": trials, "gallery": (301,) * 9})
    (found,) = problems_of(registry, record.model_copy(update={"scores": scores}))
    assert found == "sysu-all-single has 10 trials, and the record 9"


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset__synthetic": True},
        {"dataset__findings": ["3 images of the published 45,863 are missing"]},
    ],
)
def test_published_counts_are_asked_of_whole_real_datasets_alone(
    registry: Registry, changes: dict[str, Any]
) -> None:
    record = record_with(scores__queries=400, **changes)
    checks = check_record(registry, record, {})
    assert checks.problems == ()
    assert "10 trials of 400 queries and 301 gallery images" in checks.passed


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dataset__synthetic": True}, "synthetic people, which compare with nothing published"),
        ({"protocol__rerank": True}, "re-ranked"),
        ({"provenance__selection": "validation"}, "selected on validation"),
        ({"provenance__git_commit": None}, "the commit of the sources is not known"),
        ({"provenance__git_dirty": True}, "the sources had changes over the commit cccccccccccc"),
        ({"method__id": "theirs"}, "the method theirs is not installed here"),
        ({"dataset__findings": ["one is missing"]}, "data: one is missing"),
        ({"protocol__assumptions": ["all are there"]}, "assumed: all are there"),
    ],
)
def test_what_is_to_be_said_is_no_problem(
    registry: Registry, changes: dict[str, Any], said: str
) -> None:
    checks = check_record(registry, record_with(**{"protocol__rerank": False} | changes), {})
    assert checks.problems == ()
    assert said in checks.disclosed


def test_a_result_is_submitted_once_and_under_one_name(registry: Registry) -> None:
    record = record_with()
    (same,) = problems_of(registry, record, here=record)
    assert same == "here holds this result already: leave one of them out"
    (renamed,) = problems_of(registry, record, there=record_with(method__id="another"))
    assert "is of the same features under the same protocol: a result has one name" in renamed
    other = record_with(method__id="another", features=["8" * 64])
    re_ranked = record_with(protocol__rerank=not record.protocol.rerank)
    assert problems_of(registry, record, one=other, two=re_ranked) == []


def test_the_published_counts_are_those_of_the_protocols_of_sysu(registry: Registry) -> None:
    counts = {spec.id: (spec.num_queries, spec.num_gallery) for spec in registry.protocols.values()}
    assert counts["sysu-all-multi"] == (3803, 3010)
    assert counts["sysu-indoor-single"] == (3803, 112)
    assert counts["sysu-rgb-to-ir"] == (6775, 189)
    assert counts["regdb-visible-to-thermal"] == (2060, 2060)
    assert counts["llcm-visible-to-infrared"] == (8680, 619)
    assert counts["llcm-infrared-to-visible"] == (7166, 484)
    assert None not in {number for both in counts.values() for number in both}
