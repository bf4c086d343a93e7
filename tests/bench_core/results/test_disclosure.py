"""What is to be said of a result is said in words, and of an ordinary one nothing is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.results.disclosure import disclosures

RECORDS = Path(__file__).parents[1] / "contracts" / "records"


def record_with(name: str = "schema-2", **changes: Any) -> ResultRecord:
    document = json.loads((RECORDS / f"{name}.json").read_text())
    for key, value in changes.items():
        part, _, field = key.partition("__")
        if field:
            document[part][field] = value
        else:
            document[part] = value
    return ResultRecord.from_json(json.dumps(document))


def test_of_a_plain_run_there_is_nothing_to_say() -> None:
    assert disclosures(record_with(protocol__rerank=False)) == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol__rerank": True}, "re-ranked"),
        ({"provenance__selection": "validation"}, "selected on validation"),
        ({"provenance__normalized_shares": 4}, "statistics of shares"),
        (
            {"provenance__versions": {"python": "3.11.9", "numpy": "2.1.0", "their-plugin": "1.0"}},
            "own code: their-plugin 1.0",
        ),
    ],
)
def test_what_was_done_besides_is_said(changes: dict[str, Any], said: str) -> None:
    assert disclosures(record_with(**{"protocol__rerank": False} | changes)) == (said,)


def test_what_came_from_outside_is_said() -> None:
    said = disclosures(record_with("schema-3-features"))
    assert said[:1] == ("features from outside",)
    given = {"kind": "given", "files": ["e" * 64]}
    assert "gallery as given" in disclosures(record_with("schema-3-features", origin=given))
    claimed = record_with("schema-3-features", dataset__evidence="features")
    assert "images as claimed" in disclosures(claimed)
    script = record_with("schema-3-features", method__config={"script": "e" * 64})
    assert "own code: the model's" in disclosures(script)
