"""`bench lint-table`: what is printed, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Bench = Callable[..., Result]
TABLE = "| Method | V2T R1 | V2T mAP |\n|-|-|-|\n| BDTR | 33.5 | 31.9 |\n| New | 80.0 | 70.0 |\n"


def test_a_table_that_agrees_exits_with_0(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    path.write_text(TABLE)
    result = bench("lint-table", path)
    assert result.exit_code == 0
    assert "2 numbers agree with a source, 0 do not" in " ".join(result.stdout.split())
    assert "not in the registry, rows: New" in result.stdout


def test_a_finding_names_line_cell_and_source_and_exits_with_1(
    bench: Bench, tmp_path: Path
) -> None:
    path = tmp_path / "table.md"
    path.write_text(TABLE.replace("31.9", "35.9"))
    result = bench("lint-table", path)
    assert result.exit_code == 1
    assert "line 3, cell 3: BDTR, mAP on regdb-visible-to-thermal: 35.9" in result.stdout
    assert "should be 31.9 (AlignGAN, Table 3; JSIA, Table 2)" in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stderr == f"Error: {path}: 1 number to be looked at\n"


def test_json_is_one_document_with_the_findings(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    path.write_text(TABLE.replace("31.9", "31.7"))
    result = bench("lint-table", path, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    (finding,) = document["findings"]
    assert (finding["line"], finding["column"], finding["kind"]) == (3, 3, "rounding")
    assert document["unknown_methods"] == ["New"]
    assert document["file"] == str(path)


def test_a_file_without_a_known_method_is_one_clear_line(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("name,score\nx,1.0\n")
    result = bench("lint-table", path)
    assert result.exit_code == 0
    assert "no row is of a method in the registry" in " ".join(result.stdout.split())


def test_a_file_without_a_table_exits_with_2(bench: Bench, tmp_path: Path) -> None:
    result = bench("lint-table", tmp_path / "none.tex")
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_text_of_the_table_moves_no_cursor(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    path.write_text(TABLE.replace("New", "N\x1b[2Jew").replace("33.5", "99.5"))
    assert "\x1b" not in bench("lint-table", path).stdout


def test_other_numbers_can_be_named(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    path.write_text(TABLE)
    result = bench("lint-table", path, "--published", tmp_path)
    assert result.exit_code == 2
    assert "it holds no published numbers, no sources.toml" in result.stderr
