"""A row of several seeds says so, with its spreads, in every format; one of one seed as ever."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.evaluation.query_table import QueryTable
from bench_core.leaderboard.page.data import data_of_page
from bench_core.leaderboard.paired import PairedTests
from bench_core.leaderboard.parquet import parquet_rows
from bench_core.leaderboard.render import render, render_bytes
from bench_core.leaderboard.rows import sections
from bench_core.results.disclosure import disclosures
from bench_core.results.joined import join_results, members_of
from bench_core.results.store import find_results

MakeTable = Callable[..., QueryTable]
StoreResult = Callable[..., Path]


@pytest.fixture
def records(
    make_table: MakeTable, store_result: StoreResult, tmp_path: Path
) -> tuple[ResultRecord, ...]:
    """Three seeds of one method, and one seed of two others."""
    for seed in range(3):
        store_result(make_table(0.5 + 0.1 * seed), method__id="many", method__seed=seed)
    store_result(make_table(0.3), method__id="one", method__seed=4)
    store_result(make_table(0.2), method__id="other", method__seed=4)
    return join_results(find_results(tmp_path / "results").records).records


def never(first: ResultRecord, second: ResultRecord) -> bool:
    return False


def line_of(text: str, name: str) -> str:
    (line,) = (line for line in text.splitlines() if name in line)
    return line


def test_the_terminal_shows_the_spread_in_a_column_of_its_own(
    records: tuple[ResultRecord, ...],
) -> None:
    text = render(records, "table", never)
    assert "3 seeds" in line_of(text, "many")
    means = [record.scores.mean.rank_1 for record in members_of(records[0])]
    assert f"{100 * fmean(means):.2f}  {100 * stdev(means):.2f}" in line_of(text, "many")
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\N{PLUS-MINUS SIGN} is the standard deviation over seeds" in text


def test_markdown_tells_the_spread_over_seeds_from_that_over_trials(
    records: tuple[ResultRecord, ...],
) -> None:
    text = render(records, "markdown", never).replace("\N{NO-BREAK SPACE}", " ")
    spread = records[0].seed_spread
    assert spread is not None
    std = records[0].scores.std.rank_1
    mean = records[0].scores.mean.rank_1
    shown = f"{100 * mean:.2f} ± {100 * spread.rank_1:.2f} ({100 * std:.2f}) ["
    assert shown in line_of(text, "| many")
    assert "±" not in line_of(text, "| one")


def test_tables_without_several_seeds_say_nothing_of_them(
    records: tuple[ResultRecord, ...],
) -> None:
    single = [record for record in records if record.method.id == "one"]
    for output_format in ("table", "markdown", "latex"):
        text = render(single, output_format, never)
        assert "±" not in text
        assert r"\pm" not in text
        assert "several" not in text


def test_json_and_csv_have_seeds_and_their_deviations(records: tuple[ResultRecord, ...]) -> None:
    rows = json.loads(render(records, "json", never))["sections"][0]["rows"]
    many, one, _ = rows
    assert (many["seed"], many["seeds"], many["joined_seeds"]) == (None, 3, [0, 1, 2])
    assert (one["seed"], one["seeds"], one["joined_seeds"]) == (4, 1, [])
    spread = records[0].seed_spread
    assert spread is not None
    assert many["rank-1-seed-std"] == spread.rank_1
    assert many["mAP-seed-std"] == spread.mean_average_precision
    assert one["rank-1-seed-std"] is None
    cells = list(csv.DictReader(io.StringIO(render(records, "csv", never))))
    assert [cell["joined_seeds"] for cell in cells] == ["0; 1; 2", "", ""]
    assert float(cells[0]["rank-1-seed-std"]) == spread.rank_1


def test_the_page_latex_and_parquet_take_the_same_row(records: tuple[ResultRecord, ...]) -> None:
    row = data_of_page(render(records, "html", never))["tabs"][0]["sections"][0]["rows"][0]
    assert row["words"] == ["3 seeds"]
    assert row["values"]["seeds"] == 3
    assert r"{\scriptsize$\pm$" in line_of(render(records, "latex", never), "& many, 3 seeds")
    pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    (many, *_) = parquet_rows(render_bytes(records, "parquet", never))["rows"]
    assert many["joined_seeds"] == [0, 1, 2]


def test_the_paired_test_is_of_the_mean_scores_of_each_query(
    make_table: MakeTable, store_result: StoreResult, tmp_path: Path
) -> None:
    """Each seed errs on people of its own; the mean over them beats a rival that no seed beats."""
    table = make_table(1.0)
    number = table.images.identity
    for seed in range(3):
        scores = np.where((number % 3 == seed)[:, None], 0.1, 1.0)
        scored = replace(table, scores=np.broadcast_to(scores, table.scores.shape))
        store_result(scored, method__id="many", method__seed=seed)
    rival = replace(table, scores=np.full_like(table.scores, 0.6))
    store_result(rival, method__id="rival")
    stored = find_results(tmp_path / "results").records
    told_apart = PairedTests(stored)
    single = [record for record in stored.values() if record.method.seed == 0]
    (alone,) = sections(single, told_apart)
    (together,) = sections(join_results(stored).records, told_apart)
    assert [row.rank for row in alone.rows] == [1, 1]
    assert [row.rank for row in together.rows] == [1, 2]
    assert told_apart.defects == []


def test_a_row_is_recomputed_where_every_seed_was(records: tuple[ResultRecord, ...]) -> None:
    digests = [number * 64 for number in "123"]
    members = [
        record.model_copy(update={"digest": digest})
        for record, digest in zip(members_of(records[0]), digests, strict=True)
    ]
    rows = (records[0].model_copy(update={"members": tuple(members)}), *records[1:])
    for found, expected in ((digests, True), (digests[1:], False)):
        (section,) = sections(rows, never, found)
        marked = {row.record.method.id: row.recomputed for row in section.rows}
        assert marked == {"many": expected, "one": False, "other": False}


def test_what_one_seed_has_to_disclose_its_row_has(records: tuple[ResultRecord, ...]) -> None:
    first, *others = members_of(records[0])
    versions = {**first.provenance.versions, "own-package": "1.0"}
    provenance = first.provenance.model_copy(update={"versions": versions})
    members = (first.model_copy(update={"provenance": provenance}), *others)
    joined = records[0].model_copy(update={"members": members})
    assert "own code: own-package 1.0" in disclosures(joined)
    assert "own code: own-package 1.0" not in disclosures(records[0])
