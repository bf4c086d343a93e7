"""LaTeX for papers: a table for each section, which compiles whatever the names are."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.latex import latex
from bench_core.leaderboard.rows import sections

MakeRecord = Callable[..., ResultRecord]
HOSTILE = r"\input{/etc/passwd} 100% #1 $x_2^3$ & ~{} <a>|\" é ř 中文 “q” ^^5c \end{table}"
DOCUMENT = (
    r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{board}\end{document}"
)


def render(*records: ResultRecord) -> str:
    return latex(sections(records, lambda _first, _second: True))


def rows(text: str) -> list[list[str]]:
    lines = re.findall(r"^    (r?\d+ & .*) \\\\$", text, re.MULTILINE)
    return [line.split(" & ") for line in lines]


def test_the_best_is_bold_and_the_second_underlined(make_record: MakeRecord) -> None:
    text = render(
        make_record(0.5, 0.2, method__id="a"),
        make_record(0.4, 0.3, method__id="b"),
        make_record(0.3, 0.3, method__id="c"),
    )
    found = {row[1]: (row[2], row[5]) for row in rows(text)}
    assert found == {
        "a": (r"\textbf{50.00}", r"\underline{20.00}"),
        "b": (r"\underline{40.00}", r"\textbf{30.00}"),
        "c": ("30.00", r"\textbf{30.00}"),
    }


def test_re_ranked_rows_are_compared_apart_and_one_alone_is_not_marked(
    make_record: MakeRecord,
) -> None:
    text = render(
        make_record(0.5), make_record(0.4, method__seed=1), make_record(0.9, protocol__rerank=True)
    )
    assert [row[2] for row in rows(text)] == [r"\textbf{50.00}", r"\underline{40.00}", "90.00"]
    assert text.count(r"\midrule") == 2


def test_a_cost_that_is_not_known_is_a_dash(make_record: MakeRecord) -> None:
    none = {f"cost__{name}": 0 for name in ("macs", "flops", "macs_visible", "macs_infrared")}
    (row,) = rows(render(make_record(cost__parameters=0, **none)))
    assert row[-2:] == ["--", "--"]


def test_synthetic_tables_say_so(make_record: MakeRecord) -> None:
    text = render(make_record(), make_record(dataset__synthetic=True))
    real, synthetic = re.findall(r"\\caption\{(.*)\}", text)
    assert "ynthetic" not in real
    assert synthetic.startswith("Synthetic people, whose numbers compare with nothing published.")


def test_names_are_no_commands(make_record: MakeRecord) -> None:
    text = render(make_record(dataset__title=HOSTILE, dataset__findings=[HOSTILE]))
    assert text.count(r"\end{table}") == 1
    caption = re.search(r"\\caption\{(.*)\}", text)
    assert caption is not None
    assert caption[1].count(r"\textbackslash{}input\{/etc/passwd\} 100\% \#1 \$x\_2") == 2
    braces = re.sub(r"\\[{}]", "", text)
    assert braces.count("{") == braces.count("}")
    assert not re.search(r"(?<!\\)[%#$^~]", caption[1])


def test_without_results_it_is_a_comment() -> None:
    assert all(line.startswith("%") or not line for line in latex([]).splitlines())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_it_compiles_with_what_its_first_lines_say(make_record: MakeRecord, tmp_path: Path) -> None:
    records = [
        make_record(dataset__title=HOSTILE),
        make_record(method__id="a_b", protocol__rerank=True),
    ]
    (tmp_path / "board.tex").write_text(render(*records))
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", DOCUMENT]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert finished.returncode == 0, finished.stdout.decode(errors="replace")
