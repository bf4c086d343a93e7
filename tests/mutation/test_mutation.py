"""The mutation tests themselves: what is changed in a module, and what counts as caught."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
SUPPORT = runpy.run_path(str(FOLDER / "mutants.py"))


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("a < b", {"a <= b", "a >= b"}),
        ("a and b", {"a or b"}),
        ("a @ b", {"b @ a"}),
        ("not a", {"a"}),
        ("-a * 1", {"-a / 1", "a * 1", "-a * 2"}),
        ("0.5", {"1.0"}),
        ("True", {"False"}),
        ("b if a else c", {"b", "c"}),
        ("a.visible", {"a.infrared"}),
        ("a.clamp(b).sqrt()", {"a.clamp(b)", "a.sqrt()"}),
        ("math.sqrt(a)", {"a"}),
        ("a.f(b, c, d=b)", {"a", "a.f(c, b, d=b)", "a.f(b, c)"}),
        ("max(b, c)", {"b"}),
        ("b[real]", {"b[fake]"}),
        ("'log'", {"'log~'"}),
    ],
)
def test_an_expression_changes_in_these_ways(
    source: str, changes: set[str], tmp_path: Path
) -> None:
    path = tmp_path / "module.py"
    path.write_text(f"import math\ndef f(a, b, c, real, fake):\n    g = {source}\n")
    mutants = SUPPORT["mutants_of"](path)
    assert {mutant.line for mutant in mutants} == {f"g = {source}"}
    assert {source.replace(m.before, m.after, 1) for m in mutants} == changes


def test_statements_are_left_out_and_conditions_taken_either_way(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        '"""Words."""\n'
        "def f(a: int = 1) -> int:\n"
        '    """Words."""\n'
        "    if a:\n"
        "        raise ValueError('words' + 'more')\n"
        "    with a:\n"
        "        a.b = a\n"
        "    return a\n"
    )
    changes = [
        (mutant.lines, mutant.before.split("\n")[0], mutant.after.split("\n")[0])
        for mutant in SUPPORT["mutants_of"](path)
    ]
    assert changes == [
        ((2, 2), "1", "2"),
        ((4, 4), "if a:", "if True:"),
        ((4, 4), "if a:", "if False:"),
        ((5, 5), "raise ValueError('words' + 'more')", ""),
        ((6, 6), "with a:", "if True:"),
        ((7, 7), "a.b = a", ""),
        ((8, 8), "return a", "return None"),
    ]


MODULE = """
from functools import cache
LIMIT = 3
STEP = 1
MOST = 9

@cache
def below(value: int) -> bool:
    return value < LIMIT

def count(value: int) -> int:
    while value < 9:
        value = value + STEP
    return value

def untested(value: int) -> bool:
    return not value
"""
TESTS = """
import pytest
from package.module import MOST, below, count, untested

@pytest.fixture(scope="module")
def counted():
    return count(0)

def test_below():
    assert below(1) and not below(4)

def test_first(counted):
    assert counted

def test_second(counted):
    assert counted == 9

def test_of_a_constant():
    assert MOST == 9

def test_that_fails_anyway():
    assert untested(1)
"""
PYTEST_INI = """
[pytest]
addopts = --import-mode=importlib
pythonpath = .
markers = slow
"""


@pytest.mark.slow
def test_what_tests_notice_is_caught_and_what_they_do_not_is_named(tmp_path: Path) -> None:
    """Functions behind decorators, constants, endless loops and shared fixtures among them."""
    for name, content in (
        ("package/__init__.py", ""),
        ("package/module.py", MODULE),
        ("tests/package/test_module.py", TESTS),
        ("pytest.ini", PYTEST_INI),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    subprocess.run(
        [
            sys.executable,
            FOLDER / "run.py",
            "package/module.py",
            "--seconds",
            "1",
            "--report",
            "r.json",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    report = json.loads((tmp_path / "r.json").read_text())["package/module.py"]
    alive = [(entry["line"], entry["before"], entry["after"]) for entry in report["alive"]]
    assert alive == [
        ("LIMIT = 3", "3", "4"),
        ("return value < LIMIT", "value < LIMIT", "value <= LIMIT"),
        ("return not value", "return not value", "return None"),
        ("return not value", "not value", "value"),
    ]
    assert report["caught"] == report["mutants"] - 4 > 5
