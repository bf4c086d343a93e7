"""Foreign text acts in no format: terminal, Markdown, CSV, LaTeX, plots."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.system.escaping import (
    csv_cell,
    latex_text,
    markdown_text,
    plot_text,
    terminal_line,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)  # halves of characters too


@given(ANY_TEXT)
def test_a_terminal_line_is_one_printable_line(text: str) -> None:
    line = terminal_line(text)
    assert line.isprintable()
    assert line.encode() or not line
    assert len((line + "x").splitlines()) == 1


def test_a_terminal_line_keeps_the_words_of_any_language() -> None:
    assert terminal_line("Größe 数据 5 ± 1") == "Größe 数据 5 ± 1"


def test_what_does_not_print_is_shown_by_its_number() -> None:
    assert terminal_line("a\x1b[31mb\u202ec\udcff\x00") == r"a\x1b[31mb\u202ec\udcff\x00"


def test_line_breaks_and_tabs_become_one_space() -> None:
    assert terminal_line(" a\r\n\tb\u2028c ") == "a b c"


def test_a_long_text_keeps_its_ends_and_says_what_is_left_out() -> None:
    line = terminal_line("a" * 3000 + "b" * 3000, longest=100)
    assert line == "a" * 50 + " ... (5900 characters left out) ... " + "b" * 50


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("## Real data", r"\## Real data"),
        ("x\n## Real data\n| 1 |", r"x ## Real data \| 1 \|"),
        ("a | b", r"a \| b"),
        ("[x](javascript:y) ![z](w)", r"\[x\](javascript:y) !\[z\](w)"),
        ("<img src=x>", r"\<img src=x\>"),
        ("&lt;b&#62;", r"\&lt;b\&#62;"),
        ("**bold** _slanted_ `code` ~~no~~", r"\*\*bold\*\* \_slanted\_ \`code\` \~\~no\~\~"),
        ("$\\frac{1}{2}$", r"\$\\frac{1}{2}\$"),
        ("- item", r"\- item"),
        ("---", r"\---"),
        ("===", r"\==="),
        ("1. item", r"1\. item"),
        ("2024) item", r"2024\) item"),
    ],
)
def test_markdown_text_acts_in_no_way(text: str, escaped: str) -> None:
    assert markdown_text(text) == escaped


@pytest.mark.parametrize(
    "text",
    [
        "SYSU-MM01",
        "optimizer.learning_rate=3",
        "xiv:baseline (quick)",
        "-0.5",
        "10.3",
        "A & B",
        "5 ± 1",
        "\N{EN DASH}",
    ],
)
def test_plain_words_and_numbers_stay_as_they_are_in_markdown(text: str) -> None:
    assert markdown_text(text) == text


@given(ANY_TEXT)
def test_every_bar_of_a_markdown_cell_is_escaped(text: str) -> None:
    assert not re.search(r"(?<!\\)(\\\\)*\|", markdown_text(text))


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\N{FULLWIDTH EQUALS SIGN}"]
)
def test_a_formula_is_a_text_in_csv(start: str) -> None:
    assert csv_cell(f"{start}1+1") == f"'{start.strip()}1+1"


@given(ANY_TEXT)
def test_a_csv_cell_is_read_back_as_one_cell_of_one_line(text: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerow([csv_cell(text), "next"])
    assert len(file.getvalue().splitlines()) == 1
    assert next(csv.reader([file.getvalue()])) == [csv_cell(text), "next"]


@settings(deadline=None)  # the first example imports matplotlib
@given(ANY_TEXT)
def test_nothing_in_a_plot_is_taken_for_mathematics(text: str) -> None:
    from matplotlib.text import Text

    shown, is_math = Text()._preprocess_math(plot_text(text))
    assert not is_math
    assert shown == terminal_line(text)


@given(ANY_TEXT)
def test_nothing_in_a_text_for_latex_is_a_command_or_unknown_to_it(text: str) -> None:
    shown = latex_text(text)
    kept = re.sub(r"\\(text[a-z]+\{\}|[&%$#_{}])", "", shown)
    assert not set(kept) & set("\\&%$#_{}~^<>|")
    assert all(ord(character) < 0x1E00 + 256 for character in shown)
