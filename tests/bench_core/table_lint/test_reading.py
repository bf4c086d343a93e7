"""Which syntax a file has, and what is said of one that holds no table."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.table_lint.reading import read_tables

LATEX = "\\begin{tabular}{ll} a & 1.0 \\\\ \\end{tabular}\n"
MARKDOWN = "| a | b |\n|---|---|\n| x | 1.0 |\n"
CSV = "a,b\nx,1.0\n"


@pytest.mark.parametrize(
    ("name", "text", "syntax"),
    [
        ("t.tex", LATEX, "latex"),
        ("t.md", MARKDOWN, "markdown"),
        ("t.csv", CSV, "csv"),
        ("t.txt", LATEX, "latex"),
        ("t.txt", MARKDOWN, "markdown"),
        ("t", CSV, "csv"),
        ("t.tex", LATEX.replace("\n", "\r\n"), "latex"),
    ],
)
def test_the_suffix_or_the_content_says_the_syntax(
    tmp_path: Path, name: str, text: str, syntax: str
) -> None:
    (tmp_path / name).write_bytes(text.encode())
    found, tables = read_tables(tmp_path / name)
    assert (found, len(tables)) == (syntax, 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.tex", b"\\section{x}", "holds no table in latex; give a tabular"),
        ("t.md", b"# Title\n", "holds no table in markdown"),
        ("t.csv", b"alone\n", "holds no table in csv"),
        ("t.csv", b"a,\xff\xfe", "is not UTF-8 text"),
        ("t.csv", b"", "it is empty"),
        ("t.pdf", b"%PDF-1.5\n%\xd0\xd4", "not UTF-8 text|it is"),
    ],
)
def test_a_file_without_a_table_is_wrong_usage(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message) as error:
        read_tables(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


def test_a_folder_or_nothing_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*: Is a directory"):
        read_tables(tmp_path)
    with pytest.raises(UsageError, match=r"cannot read .*: No such file"):
        read_tables(tmp_path / "none.tex")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "a," * 300_000),
        ("t.tex", "\\begin{tabular}{l}" + "&" * 300_000 + "\\end{tabular}"),
        ("t.tex", "\\begin{tabular}{l}" + "\\multicolumn{200}{c}{a}&" * 1500 + "\\end{tabular}"),
    ],
)
def test_what_is_larger_than_a_table_of_results_is_refused(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match="the table from line 1 has more than 200,000 cells"):
        read_tables(tmp_path / name)
