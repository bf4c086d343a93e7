"""`bench schema` lists and prints the forms of files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from bench_core.file_schemas import FILE_SCHEMAS, file_schema, json_schema


def test_it_lists_every_schema(bench: Callable[..., Result]) -> None:
    shown = bench("schema").stdout
    listed = json.loads(bench("schema", "--json").stdout)
    assert [row["schema"] for row in listed] == [form.name for form in FILE_SCHEMAS]
    assert all(form.name in shown for form in FILE_SCHEMAS)
    assert max(map(len, shown.splitlines())) <= 80


def test_it_prints_a_schema(bench: Callable[..., Result]) -> None:
    printed = json.loads(bench("schema", "result").stdout)
    assert printed == json_schema(file_schema("result"))
    assert json.loads(bench("schema", "result", "--json").stdout) == printed


def test_it_writes_a_schema(bench: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "result.schema.json"
    assert bench("schema", "result", "--output", path).stdout == f"schema {path}\n"
    assert json.loads(path.read_text()) == json_schema(file_schema("result"))
    told = bench("schema", "result", "--output", path, "--json").stdout
    assert json.loads(told) == {"schema": "result", "output": str(path)}


def test_what_is_wrong_is_one_line(bench: Callable[..., Result], tmp_path: Path) -> None:
    unknown = bench("schema", "results")
    assert unknown.exit_code == 2
    assert "did you mean 'result'?" in unknown.stderr
    nameless = bench("schema", "--output", tmp_path / "schema.json")
    assert nameless.exit_code == 2
    assert "NAME" in nameless.stderr
