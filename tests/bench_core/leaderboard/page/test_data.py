"""The data of the page: the rows of the JSON format, and what the section of a result shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.page.columns import page_columns
from bench_core.leaderboard.page.data import data_of_page, embedded, page_data
from bench_core.leaderboard.published import published_tables
from bench_core.leaderboard.rows import ROW_COLUMNS, row_values, sections
from bench_core.published.reading import read_published, shipped_folder
from bench_core.published.registry import Published

MakeRecord = Callable[..., ResultRecord]


def never(first: ResultRecord, second: ResultRecord) -> bool:
    return False


@pytest.fixture(scope="module")
def published() -> Published:
    return read_published(shipped_folder()).published


def data_of(*records: ResultRecord, published: Published | None = None) -> dict[str, Any]:
    return page_data(sections(records, never), published)


def test_a_row_has_the_values_of_the_json_format(example: ResultRecord) -> None:
    data = data_of(example)
    (row,) = data["tabs"][0]["sections"][0]["rows"]
    ((expected,),) = [table.rows for table in sections([example], never)]
    assert row["values"] == row_values(expected)
    assert [trial[0] for trial in row["trials"]] == [
        round(trial.cmc[0], 6) for trial in example.scores.trials
    ]
    assert row["cmc"][0] == pytest.approx(example.scores.mean.rank_1, abs=1e-6)
    assert row["cmc"][19] == pytest.approx(example.scores.mean.rank_20, abs=1e-6)
    assert data["pool"][row["parts"]["configuration"]] == example.method.config
    assert data["pool"][row["parts"]["versions"]] == example.provenance.versions


def test_what_rows_share_is_held_once(make_record: MakeRecord) -> None:
    alone = data_of(make_record())
    many = data_of(*(make_record(method__seed=seed) for seed in range(9)))
    assert many["pool"] == alone["pool"]


def test_rows_have_names_of_their_own(make_record: MakeRecord) -> None:
    rows = data_of(make_record(), make_record(), make_record(0.1))["tabs"][0]["sections"][0]["rows"]
    names = [row["id"] for row in rows]
    assert len(set(names)) == 3


def test_a_tab_holds_the_tables_of_one_protocol_and_never_both_kinds_of_people(
    make_record: MakeRecord,
) -> None:
    data = data_of(
        make_record(dataset__synthetic=True),
        make_record(),
        make_record(protocol__convention="agw"),
        make_record(protocol__id="sysu-all-multi"),
    )
    tabs = [(tab["id"], len(tab["sections"]), tab["synthetic"]) for tab in data["tabs"]]
    assert tabs == [
        ("sysu-mm01.sysu-all-multi", 1, False),
        ("sysu-mm01.sysu-all-single", 2, False),
        ("synthetic.sysu-mm01.sysu-all-single", 1, True),
    ]


def test_published_rows_stand_in_the_tab_of_real_people(
    make_record: MakeRecord, published: Published
) -> None:
    data = data_of(make_record(dataset__synthetic=True), make_record(), published=published)
    real, synthetic, *others = data["tabs"]
    (table,) = published_tables(published, ["sysu-all-single"])
    assert len(real["published"]["rows"]) == len(table.lines)
    assert synthetic["published"] is None
    assert synthetic["beside"] == real["id"]
    assert [tab["protocol"] for tab in others] == sorted(
        {row.protocol for row in published.rows if row.protocol} - {"sysu-all-single"}
    )
    assert not any(tab["sections"] or tab["synthetic"] for tab in others)


def test_without_measured_rows_of_real_people_they_have_a_tab_behind_the_others(
    make_record: MakeRecord, published: Published
) -> None:
    tabs = data_of(make_record(dataset__synthetic=True), published=published)["tabs"]
    assert tabs[0]["synthetic"]
    (own,) = [tab for tab in tabs if tab["id"] == "sysu-mm01.sysu-all-single"]
    assert tabs[0]["beside"] == own["id"]
    assert own["published"]["rows"]


def test_a_published_row_has_digits_as_printed_and_fractions_to_sort_by(
    published: Published,
) -> None:
    (tab,) = [t for t in data_of(published=published)["tabs"] if t["protocol"] == "sysu-all-single"]
    (zero,) = [row for row in tab["published"]["rows"] if row["printed"].get("rank-10") == "52.2"]
    assert zero["values"]["rank-10"] == 0.522
    assert "52.2 is about two" in tab["published"]["notes"][zero["marks"]["rank-10"][0] - 1]
    unchecked = {row["values"]["source"] for row in tab["published"]["rows"] if row["unchecked"]}
    assert "DDAG (unchecked)" in unchecked
    assert all("(unchecked)" in source for source in unchecked)


def test_a_measured_row_has_what_its_paper_printed(
    make_record: MakeRecord, published: Published
) -> None:
    data = data_of(make_record(0.4872), make_record(dataset__synthetic=True), published=published)
    rows = [tab["sections"][0]["rows"][0] for tab in data["tabs"][:2]]
    assert [number["printed"] for number in rows[0]["paper"]] == ["49.92", "50.73"]
    assert rows[1]["paper"] == []


def test_every_value_of_a_row_has_a_column_or_is_a_part_of_one() -> None:
    keys = [column["key"] for column in page_columns()]
    assert len(set(keys)) == len(keys)
    missing = set(ROW_COLUMNS) - set(keys)
    assert all(name.endswith(("-std", "-low", "-high")) for name in missing)
    assert set(keys) - set(ROW_COLUMNS) == {"name"}


@given(st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False, allow_infinity=False)))
def test_any_data_is_read_back_and_ends_no_script(data: dict[str, Any]) -> None:
    text = embedded(data)
    assert text.isascii()
    assert not set(text) & set("<>&\n")
    page = f'<script type="application/json" id="data">{text}</script>'
    assert data_of_page(page) == data
    assert json.loads(text) == data


def test_a_page_without_data_is_an_error() -> None:
    with pytest.raises(ValueError, match="no data in the page"):
        data_of_page("<html></html>")
