"""What a contributor can get wrong is named with file and line; the committed numbers are clean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bench_core.contracts.protocol import ProtocolSpec
from bench_core.plugins import load_registry
from bench_core.published.checks import check_published
from bench_core.published.reading import shipped_folder
from bench_core.published.registry import Published

MakeFolder = Callable[..., Path]
MakeRow = Callable[..., str]
Check = Callable[[Path], list[str]]


@pytest.fixture(scope="module")
def protocols() -> Mapping[str, ProtocolSpec]:
    return load_registry().protocols


@pytest.fixture
def check(protocols: Mapping[str, ProtocolSpec]) -> Check:
    return lambda folder: [str(defect) for defect in check_published(folder, protocols)[1]]


def test_the_committed_numbers_have_no_defect(protocols: Mapping[str, ProtocolSpec]) -> None:
    published, defects = check_published(shipped_folder(), protocols)
    assert defects == ()
    assert sum(len(row.values) for row in published.rows) >= 984
    numbers = {
        source: sum(len(row.values) for row in published.rows if row.source == source)
        for source in ("aligngan", "jsia", "ts-gan", "xiv")
    }
    assert numbers == {"aligngan": 182, "jsia": 194, "ts-gan": 186, "xiv": 156}


def test_what_is_right_has_no_defect(check: Check, make_folder: MakeFolder) -> None:
    assert check(make_folder()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "sysu-al-single"}, "unknown protocol 'sysu-al-single'; did you mean"),
        ({"method": "ones"}, "methods.toml has no method [ones]; did you mean 'one'?"),
        (
            {"direction": "visible-to-infrared"},
            "sysu-all-single is infrared-to-visible, not visible-to-infrared",
        ),
    ],
)
def test_names_that_nobody_knows_are_told(
    check: Check,
    make_folder: MakeFolder,
    make_row: MakeRow,
    changes: dict[str, str],
    message: str,
) -> None:
    folder = make_folder(make_row(), make_row(row="Z", **changes))
    defects = [line for line in check(folder) if message in line]
    assert defects[0].startswith(f"{folder / 'tables' / 'ours.csv'}:3: ")


def test_a_row_that_stands_twice_is_told(
    check: Check, make_folder: MakeFolder, make_row: MakeRow
) -> None:
    folder = make_folder(make_row(), make_row())
    (defect,) = check(folder)
    assert defect.endswith("ours.csv:3: the same row as line 2; remove one of them")


def test_rows_out_of_order_are_told(
    check: Check, make_folder: MakeFolder, make_row: MakeRow
) -> None:
    two = make_row(method="two", row="Two", rank_1="30.0")
    (defect,) = check(make_folder(two, make_row()))
    assert "ours.csv:3: rows are sorted by table, method" in defect
    assert defect.endswith("move it above line 2")


CONFLICT = """\
[[conflict]]
methods = ["one"]
protocol = "sysu-all-single"
metrics = ["rank-1"]
reading = "Nobody knows."
"""


def test_sources_that_disagree_must_be_told_of(
    check: Check, make_folder: MakeFolder, make_row: MakeRow
) -> None:
    theirs = (make_row(rank_1="41.9"), make_row(row="Two", method="two"))
    folder = make_folder(theirs=theirs)
    (defect,) = check(folder)
    assert "theirs.csv:2: rank-1 of one on sysu-all-single is 41.9 here and 40.1 in " in defect
    assert defect.endswith("ours.csv:2; mend one, or tell of it in conflicts.toml")
    (folder / "conflicts.toml").write_text(CONFLICT)
    assert check(folder) == []


def test_numbers_that_are_rounded_up_are_no_disagreement(
    check: Check, make_folder: MakeFolder, make_row: MakeRow
) -> None:
    theirs = (make_row(rank_1="40.04"), make_row(row="Two", method="two"))
    assert check(make_folder(theirs=theirs)) == []


def test_re_ranked_numbers_may_differ_from_plain_ones(
    check: Check, make_folder: MakeFolder, make_row: MakeRow
) -> None:
    folder = make_folder(make_row(), make_row(row="One + rr", rerank="k-reciprocal", rank_1="60.0"))
    assert check(folder) == []


def test_a_conflict_about_nothing_is_told(check: Check, make_folder: MakeFolder) -> None:
    suspect = CONFLICT.replace("reading", 'suspect = ["ours, Table 9"]\nreading')
    (first, second) = check(make_folder(conflicts="\n" + suspect))
    assert "conflicts.toml:2: no row of one on sysu-all-single has a number" in first
    assert "conflicts.toml:2: no row of 'ours, Table 9' has a number" in second


def test_sources_and_methods_without_rows_are_told(check: Check, make_folder: MakeFolder) -> None:
    folder = make_folder()
    (folder / "tables" / "theirs.csv").unlink()
    first, second = check(folder)
    assert first.endswith("sources.toml: [theirs] has no rows in tables")
    assert second.endswith("methods.toml: [two] has no rows in tables")


PAPERS = """\
[ours]
[ours.without_variant]
"one:lost" = "nobody knows"

[[ours.tables]]
table = "Table 1"
kind = "comparison"
title = "All"
protocols = ["sysu-all-single"]
rows = ["Three", "One"]
"""


def test_a_papers_tables_must_name_its_rows(
    check: Check, make_folder: MakeFolder, make_row: MakeRow
) -> None:
    folder = make_folder(make_row(), make_row(row="Two"))
    (folder / "papers.toml").write_text(PAPERS)
    lacking, unknown, variant = check(folder)
    assert lacking.endswith(
        "papers.toml: [ours] has no row 'Two' of Table 1 on sysu-all-single, which "
        f"{folder}/tables/ours.csv:3 has"
    )
    assert unknown.endswith("[ours] has the row 'Three' of Table 1, which tables has not")
    assert variant.endswith("says why one:lost is no variant, of which it has no row")


@pytest.mark.parametrize("paper", ["aligngan", "jsia", "ts-gan", "xiv"])
def test_the_rows_of_a_method_with_a_plugin_are_its_variants(
    published: Published, paper: str
) -> None:
    """Else a run would stand beside no row, and nobody would notice."""
    spec = load_registry().methods[paper]
    variants = {spec.id, *(f"{spec.id}:{variant.name}" for variant in spec.variants)}
    rows = [row for row in published.rows if row.source == paper and row.protocol]
    own = {row.method for row in rows if row.method_id == paper}
    without = set(published.paper_by_id[paper].without_variant)
    assert own - variants == without
    assert len(own & variants) >= 4
