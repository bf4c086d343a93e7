"""A part that is not what it must be is named with its file and line, and the rest is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench_core.published.reading import read_published

MakeFolder = Callable[..., Path]
MakeRow = Callable[..., str]


def test_rows_sources_methods_and_conflicts_are_read(
    make_folder: MakeFolder, make_row: MakeRow
) -> None:
    found = read_published(make_folder(make_row(), make_row(method="one:half", row="Half")))
    assert found.defects == ()
    first, second, _ = found.published.rows
    assert dict(first.values) == {"rank-1": "40.1", "rank-10": "80.2", "mAP": "38.3"}
    assert (second.method_id, second.variant, second.line) == ("one", "half", 3)
    assert [source.id for source in found.published.sources] == ["ours", "theirs"]
    assert found.published.method_by_id["one"].names == ("One", "The One")


def test_digits_stay_as_they_were_printed(make_folder: MakeFolder, make_row: MakeRow) -> None:
    found = read_published(make_folder(make_row(rank_1="40.10")))
    assert found.published.rows[0].values["rank-1"] == "40.10"


def test_a_folder_that_does_not_exist_holds_nothing(tmp_path: Path) -> None:
    found = read_published(tmp_path / "none")
    assert found.published.rows == ()
    assert found.defects == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rank_1": "101.0"}, "rank-1 is 101.0, more than 100 percent"),
        ({"rank_1": "90.1"}, "rank-1 is 90.1, above rank-10, which is 80.2"),
        ({"rank_1": "forty"}, "values.rank-1: String should match"),
        ({"rank_1": "", "rank_10": "", "mean_ap": ""}, "the row has no number"),
        ({"method": "One!"}, "method: String should match"),
        ({"row": ""}, "row: String should have at least 1 character"),
        ({"gallery": "guessed"}, "gallery: Input should be 'official', 'agw'"),
        ({"rerank": "maybe"}, "rerank: Input should be 'none', 'k-reciprocal'"),
        ({"protocol": "", "setting": ""}, "without a protocol, setting must say"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_the_rest_is_read(
    make_folder: MakeFolder, make_row: MakeRow, changes: dict[str, str], message: str
) -> None:
    folder = make_folder(make_row(), make_row(**changes))
    (defect,) = read_published(folder).defects
    assert str(defect).startswith(f"{folder / 'tables' / 'ours.csv'}:3: ")
    assert message in str(defect)
    assert len(read_published(folder).published.rows) == 2


def test_columns_that_are_not_known_are_named(make_folder: MakeFolder, make_row: MakeRow) -> None:
    folder = make_folder(make_row())
    path = folder / "tables" / "ours.csv"
    path.write_text(path.read_text().replace("rank-10", "rank-9"))
    assert f"{path}:1: unknown metric 'rank-9' (known: rank-1" in str(
        read_published(folder).defects[0]
    )
    path.write_text(path.read_text().replace("gallery", "galleries"))
    assert f"{path}:1: the columns must be table,row,method" in str(
        read_published(folder).defects[0]
    )
    path.write_text(path.read_text().replace("galleries", "gallery").replace("rank-9", "mAP"))
    assert f"{path}:1: a metric has two columns" in str(read_published(folder).defects[0])


def test_rows_without_a_source_are_named(make_folder: MakeFolder, make_row: MakeRow) -> None:
    folder = make_folder(make_row())
    (folder / "tables" / "ours.csv").rename(folder / "tables" / "nobody.csv")
    (defect,) = read_published(folder).defects
    assert "nobody.csv:1: sources.toml has no source [nobody]" in str(defect)


def test_a_row_with_too_few_cells_is_named(make_folder: MakeFolder, make_row: MakeRow) -> None:
    (defect,) = read_published(make_folder(make_row(), "Table 1,One")).defects
    assert "ours.csv:3: 2 cells under 15 columns" in str(defect)


def test_a_bad_section_is_named_with_its_line(make_folder: MakeFolder) -> None:
    folder = make_folder()
    path = folder / "sources.toml"
    path.write_text(path.read_text().replace('"repository"', '"hearsay"'))
    assert any(
        str(defect).startswith(f"{path}:7: evidence: Input should be 'paper'")
        for defect in read_published(folder).defects
    )
    path.write_text("[ours\n")
    assert str(read_published(folder).defects[0]).startswith(f"{path}:1: not TOML")


def test_a_bad_conflict_is_named_with_its_line(make_folder: MakeFolder) -> None:
    blocks = '# told\n[[conflict]]\nmethods = ["one"]\n\n[[conflict]]\nprotocols = 3\n'
    folder = make_folder(conflicts=blocks)
    first, second = map(str, read_published(folder).defects)
    assert first.startswith(f"{folder / 'conflicts.toml'}:2: protocol: Field required")
    assert second.startswith(f"{folder / 'conflicts.toml'}:5: methods: Field required")


def test_a_file_that_is_no_text_is_named(make_folder: MakeFolder) -> None:
    folder = make_folder()
    (folder / "methods.toml").write_bytes(b"\xff\xfe")
    assert "methods.toml:1: not UTF-8 text" in str(read_published(folder).defects[0])
    (folder / "methods.toml").unlink()
    assert "cannot read" in str(read_published(folder).defects[0])


def test_tables_of_a_paper_that_is_no_source_are_left_out_and_named(
    make_folder: Callable[..., Path],
) -> None:
    folder = make_folder()
    (folder / "papers.toml").write_text(
        '[[nobody.tables]]\ntable = "T"\nkind = "ablation"\ntitle = "T"\n'
        'protocols = ["sysu-all-single"]\nrows = ["One"]\n'
    )
    found = read_published(folder)
    assert found.published.papers == ()
    (defect,) = found.defects
    assert str(defect) == (
        f"{folder}/papers.toml:1: sources.toml has no source [nobody], whose tables these are"
    )
