"""Sections have their time and no more, and whatever ends one is named and costs no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from device_check.notes import Deadline, Notes, as_text, read_lines
from device_check.sections import LEAST_SECONDS, Section, run_section, run_sections


def silent(_text: str) -> None:
    pass


def notes_in(folder: Path, name: str = "section") -> Notes:
    return Notes(folder / f"{name}.jsonl", silent)


def section(work: Any, name: str = "section", weight: float = 1) -> Section[Any]:
    return Section(name=name, title=name, weight=weight, work=work)


def kinds(path: Path) -> list[str]:
    return [line["kind"] for line in read_lines(path)]


def passes(_setting: object, notes: Notes, deadline: Deadline) -> None:
    notes.passed("left", f"{deadline.left:.2f}")


def raises(_setting: object, notes: Notes, _deadline: Deadline) -> None:
    notes.passed("before")
    raise ValueError("wrong\nhere")


def crashes(_setting: object, notes: Notes, _deadline: Deadline) -> None:
    notes.passed("before")
    os.kill(os.getpid(), signal.SIGKILL)


def hangs(_setting: object, notes: Notes, _deadline: Deadline) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    notes.passed("child", str(child.pid))
    time.sleep(60)


def run(folder: Path, work: Any) -> list[dict[str, Any]]:
    notes = notes_in(folder)
    run_section(section(work), None, notes, 0.5, grace=0.2)
    return read_lines(notes.path)


def test_a_section_ends_with_its_time(tmp_path: Path) -> None:
    passed, end = run(tmp_path, passes)
    assert (passed["kind"], end["kind"]) == ("passed", "end")
    assert 0.3 < float(passed["detail"]) <= 0.5


def test_an_exception_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before, failed, end = run(tmp_path, raises)
    assert (before["kind"], end["kind"]) == ("passed", "end")
    assert (failed["name"], failed["detail"]) == ("section", "ValueError: wrong here")
    assert "Traceback" in capfd.readouterr().err


def test_a_crash_leaves_what_there_was(tmp_path: Path) -> None:
    before, failed = run(tmp_path, crashes)
    assert before["kind"] == "passed"
    assert failed["detail"] == "its process ended by SIGKILL"


def test_what_takes_too_long_is_ended_with_its_processes(tmp_path: Path) -> None:
    child, cut = run(tmp_path, hangs)
    assert cut == {
        "kind": "cut", "name": "the rest of section", "detail": "it was ended after 1 s"
    }  # fmt: skip
    state = Path(f"/proc/{child['detail']}/stat")
    for _ in range(50):  # the system may take a moment
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("its child lives on")


def test_sections_divide_the_time_and_the_rest_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    sections = [section(raises, "first", 1), section(passes, "second", 3)]
    run_sections(
        sections, None, tmp_path, Deadline.after(40), after=lambda: ended.append(len(ended))
    )
    assert ended == [0, 1]
    assert kinds(tmp_path / "first.jsonl") == ["passed", "failed", "end"]
    (left, _) = read_lines(tmp_path / "second.jsonl")
    assert float(left["detail"]) > 30  # its share, and what the first has left
    assert "first (within 10 s)" in capfd.readouterr().out


def test_without_time_a_section_is_not_begun(tmp_path: Path) -> None:
    run_sections([section(raises)], None, tmp_path, Deadline.after(LEAST_SECONDS / 2))
    assert kinds(tmp_path / "section.jsonl") == ["cut"]


def test_items_that_are_left_are_cut_by_name(tmp_path: Path) -> None:
    notes, deadline = notes_in(tmp_path), Deadline.after(0.05)
    done = []
    for item in notes.within(["a", "b", "c"], deadline, str.upper):
        done.append(item)
        time.sleep(0.06)
    assert done == ["a"]
    assert [line["name"] for line in read_lines(notes.path)] == ["B", "C"]


def test_a_line_that_was_not_written_whole_is_left_out(tmp_path: Path) -> None:
    notes = notes_in(tmp_path)
    notes.passed("whole")
    with notes.path.open("a") as file:
        file.write('{"kind": "pas')
    assert [line["name"] for line in read_lines(notes.path)] == ["whole"]
    assert read_lines(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize(
    ("value", "bounds", "met", "text"),
    [
        (0.5, {"least": 0.4}, True, "target met: speed 0.5, at least 0.4 (why)"),
        (0.3, {"least": 0.4}, False, "target MISSED: speed 0.3, at least 0.4 (why)"),
        (0.03, {"most": 0.02}, False, "target MISSED: speed 0.03, at most 0.02 (why)"),
    ],
)
def test_a_target_is_met_or_missed(
    tmp_path: Path, value: float, bounds: dict[str, float], met: bool, text: str
) -> None:
    notes = notes_in(tmp_path)
    notes.target("speed", value, **bounds, detail="why")
    (line,) = read_lines(notes.path)
    assert line["met"] == met
    assert as_text(line) == text


def test_lines_are_json_for_other_programs(tmp_path: Path) -> None:
    notes = notes_in(tmp_path)
    notes.check("one", True, "fine")
    notes.check("two", False, "wrong")
    notes.measured("three", "peaks", {"flops_per_second": 2.0})
    lines = [json.loads(text) for text in notes.path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["passed", "failed", "measured"]
