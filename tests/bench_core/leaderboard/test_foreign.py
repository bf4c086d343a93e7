"""Rows of which nothing but features is known: beside others, and in tables of their own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.headings import conditions, heading
from bench_core.leaderboard.plot import has_cost, plot_files
from bench_core.leaderboard.render import render
from bench_core.leaderboard.rows import sections
from bench_core.leaderboard.settings import settings_of

MakeRecord = Callable[..., ResultRecord]


def told_apart(first: ResultRecord, second: ResultRecord) -> bool:
    return True


@pytest.fixture
def theirs(make_record: MakeRecord) -> ResultRecord:
    return make_record(0.4, origin="features", known=False, method__title="Theirs")


def test_cost_and_settings_that_nobody_knows_are_left_open(theirs: ResultRecord) -> None:
    markdown = render([theirs], "markdown", told_apart).splitlines()
    (row,) = [line for line in markdown if "Theirs" in line]
    assert [cell.strip() for cell in row.split("|")[-3:-1]] == ["\N{EN DASH}", "\N{EN DASH}"]
    assert not any("All rows" in line or "Rows, unless" in line for line in markdown)
    terminal = render([theirs], "table", told_apart).splitlines()
    (row,) = [line for line in terminal if "Theirs [f]" in line]
    assert row.split()[-2:] == ["-", "-"]
    (cells,) = csv.DictReader(io.StringIO(render([theirs], "csv", told_apart)))
    unknown = ("preset", "seed", "parameters", "macs", "device", "weights", "selection")
    assert all(cells[name] == "" for name in unknown)
    (section,) = json.loads(render([theirs], "json", told_apart))["sections"]
    assert [section["rows"][0][name] for name in unknown] == [None] * len(unknown)


def test_what_holds_for_the_others_is_still_said_once(
    make_record: MakeRecord, theirs: ResultRecord
) -> None:
    settings = settings_of([make_record(), theirs, make_record(method__seed=1)])
    assert settings.own == ((), (), ("seed 1",))
    assert settings.sentence() == (
        "Rows whose model is known, unless they say otherwise: preset paper, seed 0, weights "
        "imagenet, extracted in bfloat16."
    )
    assert settings_of([make_record(), theirs]).sentence().startswith("All rows whose model is kn")


def test_two_rows_of_one_name_are_told_apart_by_their_records(make_record: MakeRecord) -> None:
    records = [
        make_record(origin="features", known=False, method__id=name) for name in ("one", "two")
    ]
    own = settings_of([*records, make_record()]).own
    assert [words[0].partition(" ")[0] for words in own[:2]] == ["record", "record"]
    assert own[0] != own[1]
    assert own[2] == ()


def test_images_that_are_a_claim_are_called_so(
    make_record: MakeRecord, theirs: ResultRecord
) -> None:
    claimed = make_record(
        origin="given",
        known=False,
        dataset__evidence="features",
        dataset__fingerprint="1" * 64,
        protocol__convention="given",
    )
    tables = sections([theirs, claimed, make_record()], told_apart)
    assert {heading(table): len(table.rows) for table in tables} == {
        "SYSU-MM01: sysu-all-single, given galleries, images as claimed": 1,
        "SYSU-MM01: sysu-all-single, official galleries": 2,
    }
    assert conditions(tables[0]).endswith("2 trials.")


def test_a_row_without_cost_has_no_place_in_the_picture(theirs: ResultRecord) -> None:
    assert not has_cost(theirs)
    assert plot_files([theirs]) == {}
