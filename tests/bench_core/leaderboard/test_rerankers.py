"""Each format tells by what a row was re-ranked: no two re-rankers look alike in any."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.badges import badge_files
from bench_core.leaderboard.page.data import data_of_page
from bench_core.leaderboard.render import FORMATS, render, render_bytes

MakeRecord = Callable[..., ResultRecord]
RERANKERS = (None, "k-reciprocal", "aim")
EXPECTED = [
    (None, []),
    ("k-reciprocal", ["k1=20", "k2=6", "lambda_value=0.3"]),
    ("aim", ["k1=4", "k2=1"]),
]
LABELS = ("xiv", "xiv + re-ranking", "xiv + aim re-ranking")


@pytest.fixture
def records(make_record: MakeRecord) -> list[ResultRecord]:
    """The same run without re-ranking, and with each re-ranker."""
    aim = {"id": "aim", "config": {"k1": 4, "k2": 1}}
    return [
        make_record(0.5),
        make_record(0.6, protocol__rerank=True),
        make_record(0.55, protocol__rerank=True, protocol__reranker=aim),
    ]


def always(*_: object) -> bool:
    return True


def named(row: Mapping[str, str]) -> tuple[str | None, str | list[str]]:
    return row["reranker"] or None, row["reranker_settings"]


@pytest.mark.parametrize("output_format", sorted(set(FORMATS) - {"csv", "json", "html"}))
def test_tables_for_people_have_it_in_the_name(
    records: list[ResultRecord], output_format: str
) -> None:
    words = " ".join(render(records, output_format, always).split())
    assert words.count("xiv + re-ranking") == 1
    assert words.count("xiv + aim re-ranking") == 1


def test_csv_and_json_have_it_with_its_settings(records: list[ResultRecord]) -> None:
    (section,) = json.loads(render(records, "json", always))["sections"]
    assert [named(row) for row in section["rows"]] == EXPECTED
    rows = csv.DictReader(io.StringIO(render(records, "csv", always)))
    assert [named(row) for row in rows] == [(name, "; ".join(each)) for name, each in EXPECTED]


def test_parquet_has_it_with_its_settings(records: list[ResultRecord]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is not installed")
    content = io.BytesIO(render_bytes(records, "parquet", always))
    assert [named(row) for row in parquet.read_table(content).to_pylist()] == EXPECTED


def test_the_page_has_it_in_the_name_and_in_a_column(records: list[ResultRecord]) -> None:
    (tab,) = data_of_page(render(records, "html", always))["tabs"]
    rows = tab["sections"][0]["rows"]
    assert tuple(row["label"] for row in rows) == LABELS
    assert tuple(row["values"]["reranker"] for row in rows) == RERANKERS


def test_badges_have_it_in_name_and_picture_however_long_the_method_is_called(
    records: list[ResultRecord], make_record: MakeRecord
) -> None:
    files = badge_files(records)
    assert list(files) == [
        "sysu-all-single-official-xiv.svg",
        "sysu-all-single-official-xiv-re-ranking.svg",
        "sysu-all-single-official-xiv-aim-re-ranking.svg",
    ]
    for content, label in zip(files.values(), LABELS, strict=True):
        assert f">{label}: sysu-all-single, official<" in content.decode()
    long = make_record(method__id="x" * 60, protocol__rerank=True)
    (content,) = badge_files([long]).values()
    assert " + re-ranking: sysu-all-single, official<" in content.decode()
