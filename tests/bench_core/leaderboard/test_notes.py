"""Rows carry marks for what a reader must know of them, explained below the table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.notes import marks_text, notes_of
from bench_core.leaderboard.render import FORMATS, render

MakeRecord = Callable[..., ResultRecord]


def test_a_model_trained_here_is_unmarked(make_record: MakeRecord) -> None:
    notes = notes_of([make_record()])
    assert notes.marks == ((),)
    assert notes.lines == ()


@pytest.mark.parametrize(
    ("origin", "mark", "says"),
    [
        ("trained-elsewhere", "e", "what it was trained on is its author's word"),
        ("features", "f", "features from outside"),
        ("given", "g", "could not be repeated"),
    ],
)
def test_other_origins_have_a_letter_and_a_line(
    make_record: MakeRecord, origin: str, mark: str, says: str
) -> None:
    notes = notes_of([make_record(), make_record(origin=origin)])
    assert notes.marks == ((), (mark,))
    ((letter, text),) = notes.lines
    assert letter == mark
    assert says in text


def test_a_method_from_a_description_is_marked_in_every_format(make_record: MakeRecord) -> None:
    records = [make_record(method__fidelity=fidelity) for fidelity in (None, "from description")]
    notes = notes_of(records)
    assert notes.marks == ((), ("d",))
    assert notes_of([make_record(method__fidelity="verified")]).lines == ()
    for name in FORMATS:
        assert "from a description" in render(records, name, lambda _a, _b: True), name


def test_a_row_that_was_recomputed_has_a_letter_behind_its_origin(make_record: MakeRecord) -> None:
    records = [make_record(), make_record(origin="features"), make_record()]
    notes = notes_of(records, (True, True, False))
    assert notes.marks == (("v",), ("f", "v"), ())
    assert [mark for mark, _ in notes.lines] == ["f", "v"]
    assert "the same scores to the last digit" in notes.lines[1][1]
    assert notes_of(records, (False,) * 3).lines == notes_of(records).lines


def test_findings_and_assumptions_are_numbered_footnotes(make_record: MakeRecord) -> None:
    records = [
        make_record(dataset__findings=["one image is missing"]),
        make_record(
            origin="features",
            protocol__assumptions=["all images are there"],
            dataset__findings=["one image is missing"],
        ),
    ]
    notes = notes_of(records)
    assert notes.marks == (("1",), ("f", "1", "2"))
    assert notes.lines[1:] == (
        ("1", "data: one image is missing"),
        ("2", "assumed: all images are there"),
    )
    assert marks_text(notes.marks[1]) == " [f,1,2]"


@pytest.mark.parametrize("output_format", FORMATS)
def test_every_format_says_where_a_model_came_from_and_what_was_found(
    make_record: MakeRecord, output_format: str
) -> None:
    record = make_record(
        origin="features",
        dataset__findings=["an image is missing"],
        protocol__assumptions=["all is there"],
    )
    text = " ".join(render([record], output_format, lambda _a, _b: True).split())
    for said in ("features", "an image is missing", "all is there"):
        assert said in text
