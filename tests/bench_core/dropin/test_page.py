"""docs/dropin.md: each of its programs runs as it stands; the functions that it names are there."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "dropin.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs(program: str) -> None:
    exec(program, {})  # noqa: S102  # it is ours


def test_the_calls_of_the_page_are_those_of_the_functions() -> None:
    rows = re.findall(r"^\| `(eval_\w+)` \| `\((.*?)\)`", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for name, call in rows:
        parameters = signature(getattr(import_module("bench_core.dropin"), name)).parameters
        shown = [
            key if value.default is value.empty else f"{key}={value.default}"
            for key, value in parameters.items()
        ]
        assert call == ", ".join(shown)
