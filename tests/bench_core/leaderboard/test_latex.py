"""LaTeX for papers: a table for each section, which compiles whatever the names are."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.bibtex import bibtex
from bench_core.leaderboard.latex import latex
from bench_core.leaderboard.published import cited_sources
from bench_core.leaderboard.rows import sections
from bench_core.published.reading import read_published, shipped_folder
from bench_core.published.registry import Published

MakeRecord = Callable[..., ResultRecord]
HOSTILE = r"\input{/etc/passwd} 100% #1 $x_2^3$ & ~{} <a>|\" é ř 中文 “q” ^^5c \end{table}"
DOCUMENT = (
    r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{board}\end{document}"
)


@pytest.fixture(scope="module")
def published() -> Published:
    return read_published(shipped_folder()).published


def render(*records: ResultRecord, published: Published | None = None) -> str:
    return latex(sections(records, lambda _first, _second: True), published)


def tables(text: str) -> list[str]:
    return re.findall(r"\\begin\{table\}.*?\\end\{table\}", text, re.DOTALL)


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


def test_published_rows_are_a_block_below_the_measured_ones_of_their_protocol(
    make_record: MakeRecord, published: Published
) -> None:
    text = render(make_record(0.4872), make_record(dataset__synthetic=True), published=published)
    real, synthetic, *others = tables(text)
    measured, printed = real.split(r"\emph{as published, not measured here}")
    assert measured.rstrip().endswith(r"\midrule" + "\n    \\multicolumn{9}{l}{")
    assert r"& {}XIV~\cite{xiv} & 49.92 & 89.79 & 95.96 & 50.73 & -- & -- & -- \\" in printed
    assert r"DDAG~\cite{published:ddag-paper} (unchecked)" in printed
    assert "52.2 [2]" in printed
    assert "[2] Most likely wrong. 52.2 is about two points" in printed
    assert not re.search(r"textbf|underline", printed)
    assert "published" not in synthetic.replace("nothing published", "")
    captions = [re.search(r"not measured here: (\S+)\.", table) for table in others]
    assert all(captions)
    assert "sysu-all-single" not in {caption[1] for caption in captions if caption}


def test_each_citation_of_a_published_row_is_in_the_bibliography(published: Published) -> None:
    keys = re.findall(r"\\cite\{([^}]*)\}", render(published=published))
    cited = {key for group in keys for key in group.split(",")}
    entries = re.findall(r"^@\w+\{(.*),$", bibtex({}, cited_sources(published)), re.MULTILINE)
    assert cited == set(entries)


def test_without_results_it_is_a_comment() -> None:
    assert all(line.startswith("%") or not line for line in latex([]).splitlines())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_it_compiles_with_what_its_first_lines_say(
    make_record: MakeRecord, published: Published, tmp_path: Path
) -> None:
    records = [
        make_record(dataset__title=HOSTILE),
        make_record(method__id="a_b", protocol__rerank=True),
    ]
    (tmp_path / "board.tex").write_text(render(*records, published=published))
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", DOCUMENT]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert finished.returncode == 0, finished.stdout.decode(errors="replace")
