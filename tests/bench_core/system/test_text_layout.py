"""Tables and paragraphs of 80 columns: nothing is lost, and words break only where they must."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench_core.system.text_layout import (
    COLUMNS_OF_TERMINAL,
    markdown_table,
    terminal_paragraph,
    terminal_table,
)


def lines(columns: list[str], *rows: list[str], text: set[str] | None = None) -> list[str]:
    laid_out = terminal_table(columns, rows, text=set(columns) if text is None else text)
    return laid_out.splitlines()


def test_text_stands_on_the_left_and_numbers_on_the_right() -> None:
    assert lines(["name", "mAP"], ["a", "9.5"], ["long name", "10.25"], text={"name"}) == [
        "name         mAP",
        "---------  -----",
        "a            9.5",
        "long name  10.25",
    ]


def test_numbers_are_shown_as_they_were_given() -> None:
    assert lines(["n"], ["1e3"], ["0.10"], ["007"], text=set())[2:] == [" 1e3", "0.10", " 007"]


def test_the_widest_column_is_wrapped_between_words() -> None:
    shown = lines(["key", "meaning"], ["a-key-of-some-length", "word " * 20])
    assert shown[2] == "a-key-of-some-length  " + "word " * 10 + "word word"[:4]
    assert shown[3].split() == ["word"] * 9


def test_a_heading_is_wrapped_before_a_word_is_broken() -> None:
    address = "https://example.org/" + "x" * 52
    assert lines(["name", "two words"], ["a", address], ["b", "c"])[2].endswith(address)
    shown = lines(["two words", "source"], ["a", address])
    assert [line.split()[0] for line in shown[:2]] == ["two", "words"]
    assert shown[-1] == f"a      {address}"


def test_words_break_at_hyphens_before_they_break_anywhere() -> None:
    hyphens, one_word = "-".join(["part"] * 10), "x" * 40
    shown = lines(["first", "second"], [one_word, hyphens])
    assert shown[2] == f"{one_word}  part-part-part-part-part-part-part-"
    assert shown[3].split() == ["part-part-part"]


def test_the_first_column_breaks_last() -> None:
    name = "n" * 60
    shown = lines(["name", "detail"], [name, "x" * 30])
    assert shown[2].startswith(f"{name}  xxxx")
    assert max(map(len, shown)) == COLUMNS_OF_TERMINAL


def test_nothing_to_show_is_said() -> None:
    assert terminal_table(["name"], [], text={"name"}) == "(none)"


def test_an_empty_column_has_room() -> None:
    assert lines(["a", ""], ["b", ""]) == ["a", "-", "b"]


def test_a_cell_cannot_forge_a_line_or_a_rule() -> None:
    shown = lines(["name"], ["one\nError: two\x1b[2J"], ["\x01"])
    assert shown[2:] == [r"one Error: two\x1b[2J", r"\x01"]


@given(st.lists(st.lists(st.text(max_size=90), min_size=4, max_size=4), min_size=1, max_size=3))
def test_any_text_fits_and_none_is_lost(rows: list[list[str]]) -> None:
    columns = ["one", "two", "three", "four"]
    shown = lines(columns, *rows)
    assert max(map(len, shown)) <= COLUMNS_OF_TERMINAL
    kept = [character for line in shown[2:] for character in line if not character.isspace()]
    given_characters = [
        character
        for row in rows
        for cell in row
        for character in cell
        if character.isprintable() and not character.isspace()
    ]
    assert not set(given_characters) - set(kept)
    assert len(kept) >= len(given_characters)


def test_the_bars_of_a_markdown_table_stand_below_each_other() -> None:
    assert markdown_table(["a", "b"], [["x", "1.00"]], text={"a"}).splitlines() == [
        "| a   |    b |",
        "| :-- | ---: |",
        "| x   | 1.00 |",
    ]


def test_a_paragraph_keeps_hyphens_and_hangs() -> None:
    shown = terminal_paragraph("cross-modality " * 8, margin=" ", hanging="  ")
    assert shown[0] == " " + " ".join(["cross-modality"] * 5)
    assert shown[1] == "   " + " ".join(["cross-modality"] * 3)
