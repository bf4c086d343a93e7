"""Every number of a record is compared; last digits are told from another score."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest

from bench_core.contracts.result import Provenance, ResultRecord
from bench_core.contracts.scores import Scores
from bench_core.verification.differences import LAST_DIGITS, Difference, score_difference

EXAMPLE = Path(__file__).parents[1] / "contracts" / "records" / "schema-2.json"
RECORD = ResultRecord.from_json(EXAMPLE.read_text())


def changed(change: Any) -> Scores:
    document = RECORD.scores.model_dump(mode="json", by_alias=True)
    change(document)
    return Scores.model_validate_json(json.dumps(document))


def compared(found: Scores, recorded: Scores = RECORD.scores, **versions: str) -> Difference | None:
    document = json.loads(EXAMPLE.read_text())["provenance"]
    document["versions"] = versions
    document["platform"] = f"{platform.system()} {platform.machine()}"
    return score_difference(recorded, found, Provenance.model_validate_json(json.dumps(document)))


def test_the_same_scores_do_not_differ() -> None:
    assert compared(changed(lambda _: None)) is None


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (("interval", "mAP", 1), "interval.mAP[1] is"),
        (("gallery", 0), "gallery[0] is"),
        (("queries",), "queries is"),
    ],
)
def test_a_number_that_differs_is_named_by_its_place(
    path: tuple[str | int, ...], shown: str
) -> None:
    def change(document: dict[str, Any]) -> None:
        *way, last = path
        part: Any = document
        for key in way:
            part = part[key]
        part[last] = part[last] + 1 if isinstance(part[last], int) else 0.99999

    found = compared(changed(change))
    assert found is not None
    assert found.part == "scores"
    assert shown in found.text
    assert "; 1 of " in found.text


def test_the_largest_difference_is_told_and_the_others_are_counted() -> None:
    def change(document: dict[str, Any]) -> None:
        document["interval"]["mAP"][1] = 0.99
        document["interval"]["mINP"][1] = 0.999

    found = compared(changed(change))
    assert found is not None
    assert found.text.startswith("interval.mINP[1] is ")
    assert "; 2 of " in found.text


@pytest.mark.parametrize(("factor", "part"), [(0.9, "environment"), (1.1, "scores")])
def test_only_what_another_processor_may_make_is_called_last_digits(
    factor: float, part: str
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["interval"]["mAP"][1] += factor * LAST_DIGITS

    found = compared(changed(change), numpy="1.0")
    assert found is not None
    assert found.part == part
    assert ("numpy 1.0 there, " in found.text) is (part == "environment")


def test_where_all_versions_are_the_same_it_is_the_processor() -> None:
    def change(document: dict[str, Any]) -> None:
        document["interval"]["mAP"][1] += 1e-15

    found = compared(changed(change), python=platform.python_version())
    assert found is not None
    assert "the same versions: another processor" in found.text


def test_what_older_records_do_not_hold_is_not_compared() -> None:
    older = RECORD.scores.model_copy(update={"similarity": None, "by_query_camera": {}})
    newer = RECORD.scores.model_copy(update={"similarity": 0.5})
    assert compared(newer, older) is None


def test_other_trials_are_told() -> None:
    trials = RECORD.scores.trials[:1]
    fewer = RECORD.scores.model_copy(update={"trials": trials, "gallery": (301,)})
    found = compared(fewer)
    assert found == Difference("scores", "of other trials or cameras, such as gallery[1]")
