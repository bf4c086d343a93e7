"""A paper's tables with ours beside: which rows, in which order, and which run is shown."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.paper_formats import CSV_COLUMNS, PAPER_FORMATS
from bench_core.leaderboard.paper_tables import ComparedRow, ComparedTable, compared_paper
from bench_core.published.reading import read_published, shipped_folder
from bench_core.published.registry import Published

MakeRecord = Callable[..., ResultRecord]
AIM = {"id": "aim", "config": {"k1": 4, "k2": 1}}
PAPERS = ("aligngan", "jsia", "ts-gan", "xiv")
PREAMBLE = r"\documentclass{article}\usepackage{booktabs}\begin{document}"


@pytest.fixture(scope="module")
def published() -> Published:
    return read_published(shipped_folder()).published


@pytest.fixture
def table(published: Published) -> Callable[..., ComparedTable]:
    def find(
        paper: str, name: str, records: Sequence[ResultRecord] = (), number: int = 0
    ) -> ComparedTable:
        tables = compared_paper(paper, published, records).tables
        return [table for table in tables if table.layout.table == name][number]

    return find


@pytest.fixture
def shown(published: Published) -> Callable[..., str]:
    def show(output_format: str, paper: str, records: Sequence[ResultRecord] = ()) -> str:
        return PAPER_FORMATS[output_format](compared_paper(paper, published, records))

    return show


def row_of(table: ComparedTable, name: str) -> ComparedRow:
    (row,) = [row for row in table.rows if row.printed.row == name]
    return row


def seen(row: ComparedRow) -> float | None:
    return row.measured and row.measured.record.scores.mean.rank_1


def test_tables_and_rows_stand_in_the_order_of_the_paper(published: Published) -> None:
    tables = compared_paper("xiv", published, []).tables
    assert [(table.layout.table, table.protocol) for table in tables] == [
        ("Table 1", "regdb-thermal-to-visible"),
        *((f"Table {number}", "sysu-all-single") for number in (1, 2, 3, 4, 5)),
    ]
    assert [row.printed.row for row in tables[-1].rows] == [
        "Baseline+Mean", "Baseline+Gray", "Baseline+V", "Baseline+Y", "Baseline+X",
    ]  # fmt: skip
    assert tables[0].metrics == ("rank-1", "rank-10", "rank-20", "mAP")


@pytest.mark.parametrize("paper", PAPERS)
def test_every_printed_row_under_a_protocol_of_ours_is_there(
    published: Published, paper: str
) -> None:
    tables = compared_paper(paper, published, []).tables
    there = [row.printed for table in tables for row in table.rows]
    assert sorted(row.line for row in there) == sorted(
        row.line for row in published.rows if row.source == paper and row.protocol
    )


def test_a_row_has_what_was_measured_of_its_method_and_variant(
    make_record: MakeRecord, table: Callable[..., ComparedTable]
) -> None:
    records = [
        make_record(0.40, method__variant="baseline"),
        make_record(0.48),
        make_record(0.43, method__id="aligngan"),
        make_record(0.90, method__variant="gray", dataset__synthetic=True),
        make_record(0.80, method__variant="baseline-x", protocol__id="sysu-indoor-single"),
    ]
    ablation = table("xiv", "Table 4", records)
    assert [seen(row) for row in ablation.rows] == [0.40, None, 0.48, None, None, None]
    assert seen(row_of(table("xiv", "Table 3", records), "AlignGAN")) == 0.43
    assert seen(row_of(table("xiv", "Table 5", records), "Baseline+Gray")) is None


def test_re_ranked_rows_have_re_ranked_runs(
    make_record: MakeRecord, table: Callable[..., ComparedTable]
) -> None:
    records = [
        make_record(0.5, method__id="ts-gan"),
        make_record(0.6, method__id="ts-gan", protocol__rerank=True),
    ]
    rows = table("ts-gan", "Table I", records).rows
    assert [seen(row) for row in rows[-2:]] == [0.5, 0.6]
    aim = make_record(0.6, method__id="ts-gan", protocol__rerank=True, protocol__reranker=AIM)
    rows = table("ts-gan", "Table I", [records[0], aim]).rows
    assert [seen(row) for row in rows[-2:]] == [0.5, None]


FURTHER = [
    {"origin": "trained-elsewhere"},
    {"method__preset": "quick"},
    {"method__overrides": ["epochs"]},
    {"provenance__selection": "validation"},
    {"protocol__convention": "agw"},
    {"method__seed": 1},
]


@pytest.mark.parametrize("changes", FURTHER)
@pytest.mark.parametrize("order", [1, -1])
def test_the_run_nearest_to_the_paper_is_shown_whatever_it_scored(
    make_record: MakeRecord,
    table: Callable[..., ComparedTable],
    changes: dict[str, object],
    order: int,
) -> None:
    records = [make_record(0.30), make_record(0.60, **changes)][::order]
    ours = row_of(table("xiv", "Table 1", records, 1), "Our method").measured
    assert ours is not None
    assert (ours.record.scores.mean.rank_1, ours.others) == (0.30, 1)
    assert ours.settings.startswith("official galleries, preset paper, seed 0")


def test_what_is_known_of_a_run_from_outside_is_said(
    make_record: MakeRecord, table: Callable[..., ComparedTable]
) -> None:
    records = [make_record(0.5, origin="trained-elsewhere", dataset__findings=["one is lost"])]
    ours = row_of(table("xiv", "Table 1", records, 1), "Our method").measured
    assert ours is not None
    assert "; trained elsewhere: the model is a weights file" in ours.settings
    assert ours.settings.endswith("; data: one is lost")


def test_a_paper_that_is_not_known_is_named_with_those_that_are(published: Published) -> None:
    with pytest.raises(UsageError, match=r"unknown paper 'xvi'.*aligngan, jsia, ts-gan, xiv"):
        compared_paper("xvi", published, [])


def test_people_see_printed_digits_ours_and_what_was_not_measured(
    make_record: MakeRecord, shown: Callable[..., str]
) -> None:
    records = [make_record(0.4872, 0.51), make_record(method__seed=1)]
    text = shown("table", "xiv", records)
    assert max(map(len, text.splitlines())) <= 80
    line = next(line for line in text.splitlines() if line.startswith("Baseline+X+CMG   "))
    assert line.split() == [
        "Baseline+X+CMG", "49.92", "89.79", "95.96", "50.73", "48.72", "[a]", "51.00",
    ]  # fmt: skip
    assert re.search(r"^\[a\] official galleries, preset paper, seed 0", text, re.MULTILINE)
    assert "1 more run" in text
    assert re.search(r"^Baseline  .* not measured$", text, re.MULTILINE)
    markdown = shown("markdown", "xiv", records)
    assert re.search(r"^\| Our method +\| +49.92 .* 48.72 \[a\] \|", markdown, re.MULTILINE)


def test_marks_of_all_numbers_stand_behind_the_name_and_others_behind_theirs(
    shown: Callable[..., str],
) -> None:
    text = shown("markdown", "jsia")
    (ours, *_) = re.findall(r"^\| Ours.*$", text, re.MULTILINE)
    assert ours.startswith("| Ours [2] ")
    assert "43.4 |" in ours
    (zero, *_) = re.findall(r"^\| Zero-Padding .*$", text, re.MULTILINE)
    assert "52.2 [1] |" in zero
    assert "- [1] Most likely wrong. 52.2 is about" in text


def test_a_row_without_a_variant_says_why(shown: Callable[..., str]) -> None:
    text = shown("table", "xiv")
    assert "[a] the paper does not name the backbone" in text


def test_csv_and_json_have_all_metrics_of_a_run(
    make_record: MakeRecord, shown: Callable[..., str]
) -> None:
    record = make_record(0.4872, 0.51)
    rows = list(csv.DictReader(io.StringIO(shown("csv", "xiv", [record]))))
    assert tuple(rows[0]) == CSV_COLUMNS
    (row,) = [row for row in rows if (row["table"], row["row"]) == ("Table 4", "Baseline+X+CMG")]
    assert (row["rank-1"], row["measured-rank-1"], row["measured-mINP"]) == (
        "0.4992", "0.4872", "0.51",
    )  # fmt: skip
    assert row["more_runs"] == "0"
    (none,) = [row for row in rows if (row["table"], row["row"]) == ("Table 4", "Baseline")]
    assert (none["measured-rank-1"], none["settings"]) == ("", "")
    document = json.loads(shown("json", "xiv", [record]))
    (ablation,) = [table for table in document["tables"] if table["table"] == "Table 4"]
    first, _, third, *_ = ablation["rows"]
    assert (first["printed"]["rank-1"], first["measured"]) == ("38.39", None)
    assert third["measured"]["rank-1"] == 0.4872


def test_synthetic_runs_change_nothing(make_record: MakeRecord, shown: Callable[..., str]) -> None:
    rendered = make_record(0.9, dataset__synthetic=True)
    for output_format in PAPER_FORMATS:
        assert shown(output_format, "xiv", [rendered]) == shown(output_format, "xiv")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_latex_of_every_paper_compiles(
    make_record: MakeRecord, shown: Callable[..., str], tmp_path: Path
) -> None:
    records = [make_record(dataset__findings=[r"100% \x_$"]), make_record(method__id="ts-gan")]
    text = "\n".join(shown("latex", paper, records) for paper in PAPERS)
    labels = re.findall(r"\\label\{(.*)\}", text)
    assert len(set(labels)) == len(labels)
    (tmp_path / "all.tex").write_text(f"{PREAMBLE}\n{text}\\end{{document}}\n")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "all.tex"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert finished.returncode == 0, finished.stdout.decode(errors="replace")[-2000:]
