"""Answers are remembered by the content of files, and forgotten with the code that gave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_core.contracts.errors import BenchError
from bench_core.results import remembered
from bench_core.results.remembered import RememberedAnswers

FIRST, SECOND = 64 * "1", 64 * "2"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.bin"


def test_answers_come_back_from_the_file(path: Path) -> None:
    answers = RememberedAnswers(path)
    answers.keep(True, FIRST)
    answers.keep(False, FIRST, SECOND)
    answers.save()
    again = RememberedAnswers(path)
    assert again.get(FIRST) is True
    assert again.get(FIRST, SECOND) is False
    assert again.get(SECOND, FIRST) is None


def test_without_new_answers_nothing_is_written(path: Path) -> None:
    answers = RememberedAnswers(path)
    assert answers.get(FIRST) is None
    answers.save()
    assert not path.exists()


def test_answers_of_other_code_are_forgotten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = RememberedAnswers(path)
    answers.keep(True, FIRST)
    answers.save()
    monkeypatch.setattr(remembered, "_code_hash", lambda: bytes(32))
    assert RememberedAnswers(path).get(FIRST) is None


@pytest.mark.parametrize("place", [0, 40, 70, -1])
def test_a_damaged_file_holds_no_answers(path: Path, place: int) -> None:
    answers = RememberedAnswers(path)
    answers.keep(False, FIRST)
    answers.save()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert RememberedAnswers(path).get(FIRST) is None
    path.write_bytes(content[:-5])
    assert RememberedAnswers(path).get(FIRST) is None


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answers = RememberedAnswers(tmp_path / "file" / "answers.bin")
    answers.keep(True, FIRST)
    with pytest.raises(BenchError, match=r"answers\.bin"):
        answers.save()
