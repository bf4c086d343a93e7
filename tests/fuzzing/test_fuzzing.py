"""Damaged files of every format are read or refused in one line; `make fuzz` tries many more."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SUPPORT = runpy.run_path(str(Path(__file__).parent / "formats.py"))
MUTANTS = 40


@pytest.mark.slow
@pytest.mark.parametrize("name", SUPPORT["FORMATS"])
def test_mutants_are_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    form = SUPPORT["FORMATS"][name]
    path = form.make(tmp_path)
    content = path.read_bytes()
    for seed in range(MUTANTS):
        path.write_bytes(SUPPORT["mutant"](form, content, seed))
        assert SUPPORT["fault_of"](form.read, path) is None, f"seed {seed}"


def test_a_reader_that_fails_otherwise_is_found(tmp_path: Path) -> None:
    """Shows that the test above could fail."""

    def fail(_: Path) -> None:
        raise KeyError("features")

    assert SUPPORT["fault_of"](fail, tmp_path) == "KeyError: 'features'"


def test_the_same_seed_gives_the_same_mutant(tmp_path: Path) -> None:
    form = SUPPORT["FORMATS"]["features"]
    content = form.make(tmp_path).read_bytes()
    mutants = [SUPPORT["mutant"](form, content, seed) for seed in (3, 3, 4)]
    assert mutants[0] == mutants[1] != mutants[2]
