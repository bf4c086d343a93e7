"""A difference is told in a line: of data the way to it, of CSV the cell, else the line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.leaderboard.differences import LONGEST, difference, value_difference

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=8,
)


@given(JSON, JSON)
def test_values_differ_where_their_json_does(found: Any, expected: Any) -> None:
    told = value_difference(found, expected)
    assert (told is None) == (json.dumps(found) == json.dumps(expected))


@pytest.mark.parametrize(
    ("found", "expected", "told"),
    [
        ({"a": [{"label": "xiv", "b": 1}]}, {"a": [{"label": "xiv", "b": 2}]},
         "a[0] (xiv).b is 1 and should be 2"),
        ({"a": [1]}, {"a": [1, 2]}, "a has 1 entries and should have 2"),
        ({}, {"a": 1}, "a is missing"),
        ({"a": {"b": 1}}, {"a": {}}, "a.b should not be there"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "it has its entries in another order"),
        ({"a": True}, {"a": 1}, "a is true and should be 1"),
    ],
)  # fmt: skip
def test_the_way_to_a_value_is_told(found: Any, expected: Any, told: str) -> None:
    assert difference(json.dumps(found), json.dumps(expected), "json") == told


def test_data_that_cannot_be_read_are_said_to_be_so() -> None:
    for output_format in ("json", "html"):
        assert "no data in it" in difference("{", "{}", output_format)


def test_the_data_of_a_page_are_compared_before_what_is_around_them() -> None:
    page = '<p>{}</p>\n<script type="application/json" id="data">{}</script>'
    right = page.format("new", '{"a":2}')
    assert difference(page.format("old", '{"a":1}'), right, "html") == "a is 1 and should be 2"
    assert difference(page.format("old", '{"a":2}'), right, "html") == (
        "its data are right, the page around them is not: "
        "line 1 is '<p>old</p>\\x0a' and should be '<p>new</p>\\x0a'"
    )


def test_a_cell_of_a_csv_is_named_by_its_column() -> None:
    told = difference("a,b\n1,2\n3,4\n", "a,b\n1,2\n3,5\n", "csv")
    assert told == "column b of line 3 is '4' and should be '5'"
    assert difference("a,b\n1,2\n", "a,c\n1,2\n", "csv").startswith("line 1 is 'a,b\\x0a'")
    assert difference("a\n1\n", "a\n", "csv") == "line 2 is one too many: '1\\x0a'"


@pytest.mark.parametrize("output_format", ["table", "markdown", "latex"])
def test_a_long_line_is_shown_around_its_first_difference(output_format: str) -> None:
    line = "x" * 500
    told = difference(f"one\n{line}A{line}\n", f"one\n{line}B{line}\n", output_format)
    assert told.startswith("line 2 is ...'xxx")
    assert "xA" in told
    assert "xB" in told
    assert len(told) < 3 * LONGEST
    assert difference("one", "one\n", output_format) == "line 1 is 'one' and should be 'one\\x0a'"
    assert difference("", "one\n", output_format) == "line 1 is missing: 'one\\x0a'"


def test_no_text_of_a_file_moves_the_cursor() -> None:
    told = difference('{"\\u001b[2J": 1}', '{"\\u001b[2J": "\\u001b"}', "json")
    assert told.isprintable()
