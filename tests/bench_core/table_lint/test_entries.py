"""How a table's layout says whose and of what its numbers are."""

from __future__ import annotations

import pytest

from bench_core.published.names import MethodNames
from bench_core.published.registry import Published
from bench_core.table_lint.delimited import csv_tables, markdown_tables
from bench_core.table_lint.entries import Entry, read_table
from bench_core.table_lint.latex import latex_tables


@pytest.fixture(scope="module")
def names(published: Published) -> MethodNames:
    return MethodNames(published)


def facts(entry: Entry) -> tuple[str | None, str, list[str]]:
    return entry.method, entry.protocols[0], [number.metric for number in entry.numbers]


def test_group_headings_stand_over_their_columns(names: MethodNames) -> None:
    text = r"""\begin{tabular}{lcccc}
    \multirow{2}{*}{Method} & \multicolumn{2}{c}{All} & \multicolumn{2}{c}{Indoor} \\
    & R1 & mAP & R1 & mAP \\ AGW & 1.5 & 2.5 & 3.5 & 4.5 \\ \end{tabular}"""
    entries = read_table(latex_tables(text)[0], names).entries
    assert [facts(entry) for entry in entries] == [
        ("agw", "sysu-all-single", ["rank-1", "mAP"]),
        ("agw", "sysu-indoor-single", ["rank-1", "mAP"]),
    ]


def test_empty_cells_of_a_csv_belong_to_the_heading_to_their_left(names: MethodNames) -> None:
    (grid,) = csv_tables(",V2T,,T2V,\nMethod,R1,mAP,R1,mAP\nAGW,1.5,2.5,3.5,4.5\n")
    assert [facts(entry)[1] for entry in read_table(grid, names).entries] == [
        "regdb-visible-to-thermal",
        "regdb-thermal-to-visible",
    ]


def test_a_row_of_ranks_is_a_heading(names: MethodNames) -> None:
    text = r"""\begin{tabular}{lccc} Method & \multicolumn{2}{c}{All, Rank} & All \\
    Method & 1 & 10 & mAP \\ AGW & 1.5 & 2.5 & 3.5 \\ \end{tabular}"""
    (entry,) = read_table(latex_tables(text)[0], names).entries
    assert [number.metric for number in entry.numbers] == ["rank-1", "rank-10", "mAP"]


def test_a_column_may_name_the_dataset_of_its_rows(names: MethodNames) -> None:
    text = "| Dataset | Method | R1 |\n|-|-|-|\n"
    text += "| RegDB V2T | AGW | 70.0 |\n| LLCM I2V | AGW | 49.1 |\n"
    entries = read_table(markdown_tables(text)[0], names).entries
    assert [entry.protocols[0] for entry in entries] == [
        "regdb-visible-to-thermal",
        "llcm-infrared-to-visible",
    ]


def test_a_row_of_words_is_a_heading_of_those_below(names: MethodNames) -> None:
    text = "| Method | R1 |\n|-|-|\n| All search | |\n| AGW | 47.5 |\n"
    text += "| Indoor search | |\n| AGW | 54.2 |\n"
    entries = read_table(markdown_tables(text)[0], names).entries
    assert [entry.protocols[0] for entry in entries] == ["sysu-all-single", "sysu-indoor-single"]


def test_missing_values_are_no_numbers(names: MethodNames) -> None:
    text = "| Method | All R1 | All mAP |\n|-|-|-|\n| AGW | - | \u2013 |\n| DDAG | 54.8 | N/A |\n"
    (entry,) = read_table(markdown_tables(text)[0], names).entries
    assert facts(entry) == ("ddag", "sysu-all-single", ["rank-1"])


def test_deviations_beside_a_metric_are_not_taken_for_it(names: MethodNames) -> None:
    (grid,) = csv_tables("method,protocol,rank-1,rank-1-std\nagw,sysu-all-single,47.5,1.2\n")
    (entry,) = read_table(grid, names).entries
    assert [number.printed for number in entry.numbers] == ["47.5"]


def test_a_label_holds_for_the_empty_cells_below_it(names: MethodNames) -> None:
    text = "| Setting | Method | R1 |\n|-|-|-|\n| T2V | AGW | 1.5 |\n| | DDAG | 2.5 |\n"
    text += "| visible2thermal | AGW | 3.5 |\n| | New | 4.5 |\n| SYSU | AGW | 5.5 |\n"
    table = read_table(markdown_tables(text)[0], names)
    assert [entry.protocols[0] for entry in table.entries] == [
        *["regdb-thermal-to-visible"] * 2,
        *["regdb-visible-to-thermal"] * 2,
        "sysu-all-single",
    ]
    assert table.unknown_methods == ("New",)
