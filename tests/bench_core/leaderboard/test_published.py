"""Published numbers stand beside measured ones, and are never taken for them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.flat import FLAT_TABLE_COLUMNS
from bench_core.leaderboard.published import paper_numbers, published_tables
from bench_core.leaderboard.render import render
from bench_core.published.reading import read_published, shipped_folder
from bench_core.published.registry import Published

MakeRecord = Callable[..., ResultRecord]
PROTOCOL = "sysu-all-single"


@pytest.fixture(scope="module")
def published() -> Published:
    return read_published(shipped_folder()).published


@pytest.fixture
def shown(published: Published) -> Callable[..., str]:
    def show(records: Sequence[ResultRecord], output_format: str) -> str:
        return render(records, output_format, lambda *_: True, (), published)

    return show


def parts(document: str) -> dict[str, str]:
    """The text below each heading of the second level."""
    sections = document.split("\n## ")[1:]
    return {section.splitlines()[0]: section for section in sections}


def test_a_measured_row_says_what_its_paper_printed(
    make_record: MakeRecord, published: Published
) -> None:
    rank_1, mean_ap = paper_numbers(make_record(0.4872, 0.51), published)
    assert (rank_1.printed, rank_1.source) == ("49.92", "XIV, Table 1")
    assert rank_1.difference == pytest.approx(-0.012)
    assert mean_ap.difference == pytest.approx(0.0027)


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset__synthetic": True},
        {"method__id": "nobody"},
        {"method__variant": "other"},
        {"protocol__rerank": True},
        {"protocol__id": "sysu-indoor-single"},
    ],
)
def test_rows_without_a_printed_value_are_compared_with_nothing(
    make_record: MakeRecord, published: Published, changes: dict[str, object]
) -> None:
    assert paper_numbers(make_record(0.4872, **changes), published) == ()


def test_an_ablation_is_compared_with_its_own_row(
    make_record: MakeRecord, published: Published
) -> None:
    record = make_record(0.40, method__variant="baseline")
    assert paper_numbers(record, published)[0].printed == "38.39"
    record = make_record(0.60, method__id="ts-gan", protocol__rerank=True)
    assert paper_numbers(record, published)[0].printed == "58.3"


def test_re_ranked_rows_are_compared_with_rows_of_the_same_re_ranker(
    make_record: MakeRecord, published: Published, shown: Callable[..., str]
) -> None:
    usual = make_record(0.60, method__id="ts-gan", protocol__rerank=True)
    aim = {"id": "aim", "config": {"k1": 4, "k2": 1}}
    other = make_record(0.60, method__id="ts-gan", protocol__rerank=True, protocol__reranker=aim)
    assert paper_numbers(other, published) == ()
    text = " ".join(shown([usual, other], "table").split())
    assert "ts-gan + re-ranking, paper: rank-1 58.3" in text
    assert "aim re-ranking, paper" not in text


def test_published_rows_name_their_re_ranker(published: Published) -> None:
    (table,) = published_tables(published, protocols={PROTOCOL})
    names = {line.name: line.rows[0].reranker for line in table.lines}
    assert names["SAAI + AIM re-ranking"] == "aim"
    assert names["TS-GAN + re-ranking"] == "k-reciprocal"
    assert names["SAAI"] is None


def test_in_text_and_markdown_they_stand_below_the_measured_rows(
    make_record: MakeRecord, shown: Callable[..., str]
) -> None:
    record = make_record(0.4872, 0.51)
    text = shown([record], "table")
    comparison = "xiv, paper: rank-1 49.92, here -1.20, mAP 50.73, here +0.27 (XIV, Table 1)"
    assert comparison in " ".join(text.split())
    assert text.index("REAL DATA") < text.index(f"Published numbers: {PROTOCOL} (not measured")
    assert max(map(len, text.splitlines())) <= 80
    page = parts(shown([record], "markdown"))
    assert f"### Published numbers: {PROTOCOL}" in page["Real data"]
    assert "not measured here; in the order of names, without ranks" in page["Real data"]
    assert f"### Published numbers: {PROTOCOL}" not in page["Published numbers"]
    assert "### Published numbers: sysu-indoor-single" in page["Published numbers"]


def test_they_stand_once_where_a_protocol_has_several_tables(
    make_record: MakeRecord, shown: Callable[..., str]
) -> None:
    records = [make_record(), make_record(protocol__convention="agw")]
    assert shown(records, "markdown").count(f"### Published numbers: {PROTOCOL}\n") == 1


def test_they_are_in_no_synthetic_part_and_without_results_in_their_own(
    make_record: MakeRecord, shown: Callable[..., str]
) -> None:
    page = parts(shown([make_record(dataset__synthetic=True)], "markdown"))
    assert "Real data" not in page
    assert "ublished numbers" not in page["Synthetic data"]
    assert list(page) == ["Synthetic data", "Published numbers"]
    assert "paper:" not in page["Synthetic data"]
    assert "Published numbers" in parts(shown([], "markdown"))
    text = shown([make_record(dataset__synthetic=True)], "table")
    assert "PUBLISHED NUMBERS, not measured here, are known of" in text
    assert "There are no results yet." in shown([], "table")


def test_published_tables_have_no_rank_and_fill_no_measured_cell(
    make_record: MakeRecord, shown: Callable[..., str]
) -> None:
    page = parts(shown([make_record()], "markdown"))["Published numbers"]
    heads = [line for line in page.splitlines() if line.startswith("| method")]
    assert heads
    assert all("#" not in head for head in heads)


def test_csv_tells_measured_from_published_rows(
    make_record: MakeRecord, shown: Callable[..., str]
) -> None:
    records = [make_record(0.4872), make_record(dataset__synthetic=True)]
    text = shown(records, "csv")
    assert text.startswith(",".join(FLAT_TABLE_COLUMNS))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["kind"] for row in rows[:3]] == ["measured", "measured", "published"]
    assert rows[0]["paper-rank-1"] == "0.4992"
    assert rows[1]["paper-rank-1"] == ""
    others = rows[2:]
    assert {row["kind"] for row in others} == {"published"}
    assert {row["rank"] for row in others} == {""}
    assert {row["synthetic"] for row in others} == {"False"}
    (xiv,) = [row for row in others if (row["method"], row["protocol"]) == ("xiv", PROTOCOL)]
    assert (xiv["rank-1"], xiv["rank-5"]) == ("0.4992", "")
    assert xiv["source"] == "XIV, Table 1; XIV, Table 4"


def test_json_has_them_apart_with_digits_as_printed(
    make_record: MakeRecord, shown: Callable[..., str]
) -> None:
    document = json.loads(shown([make_record(0.4872)], "json"))
    (row,) = document["sections"][0]["rows"]
    assert row["paper"][0]["printed"] == "49.92"
    (table,) = [table for table in document["published"] if table["protocol"] == PROTOCOL]
    (zero,) = [row for row in table["rows"] if row["printed"].get("rank-10") == "52.2"]
    assert zero["sources"] == ["aligngan", "jsia", "ts-gan"]
    assert zero["disputed"]["rank-10"][0].startswith("Most likely wrong. 52.2 is about two")


def test_what_sources_print_alike_is_one_line_and_ablations_are_left_out(
    published: Published,
) -> None:
    (table,) = published_tables(published, [PROTOCOL])
    hog = [line for line in table.lines if line.name == "HOG"]
    assert [line.source for line in hog] == ["AlignGAN, Table 2; JSIA, Table 1; TS-GAN, Table I"]
    assert all(":" not in line.rows[0].method for line in table.lines)
    names = [line.name.casefold() for line in table.lines]
    assert names == sorted(names)
