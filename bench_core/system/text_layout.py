"""Text for a terminal of 80 columns: paragraphs and tables; and tables as Markdown."""

from __future__ import annotations

import textwrap
from itertools import zip_longest
from typing import TYPE_CHECKING

from tabulate import DataRow, TableFormat, tabulate

from bench_core.system.escaping import terminal_line

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

COLUMNS_OF_TERMINAL = 80
GAP = 2
"""Spaces between two columns."""
NARROWEST = 8
"""Fewest characters of a column whose words are broken for room."""
_PIPES = DataRow("|", "|", "|")
_MARKDOWN = TableFormat(
    lineabove=None,
    linebelowheader=None,
    linebetweenrows=None,
    linebelow=None,
    headerrow=_PIPES,
    datarow=_PIPES,
    padding=1,
    with_header_hide=None,
)


def terminal_paragraph(
    text: str, *, margin: str = "", hanging: str = "", broken_words: bool = True
) -> list[str]:
    """Break a text into lines of at most 80 columns; hyphens stay within a line.

    Args:
        text: Any text; one line of it, whatever a plugin or a record put into it.
        margin: What stands before every line.
        hanging: What stands before every line but the first, behind the margin.
        broken_words: Whether words of more than a line are broken; else they stand out, such as
            a path, which people copy.

    Examples:
        >>> terminal_paragraph("word " * 20, margin="  ", hanging="* ")[1]
        '  * word word word word word'
    """
    return textwrap.wrap(
        terminal_line(text),
        COLUMNS_OF_TERMINAL,
        initial_indent=margin,
        subsequent_indent=margin + hanging,
        break_long_words=broken_words,
        break_on_hyphens=False,
    )


def terminal_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], text: Collection[str]
) -> str:
    r"""Lay out a table of at most 80 columns, as long as 8 characters a column are enough.

    What is too wide is continued below: the widest columns are wrapped between words, where that
    is not enough at hyphens, and where that is not enough anywhere, the first column last. A cell
    is one line of text before it is wrapped, whatever a plugin or a record put into it.

    Args:
        columns: Headings.
        rows: As many cells as columns in each.
        text: The headings of columns of text, aligned to the left; those of numbers to the right.

    Returns:
        The table, without a final newline; "(none)" where there are no rows.

    Examples:
        >>> print(terminal_table(["name", "mAP"], [["one\ntwo", "9.50"], ["b", "10.00"]], {"name"}))
        name       mAP
        -------  -----
        one two   9.50
        b        10.00
    """
    if not rows:
        return "(none)"
    table = [[terminal_line(cell) for cell in row] for row in (columns, *rows)]
    widths = _fitting_widths(table)
    head = _wrapped(table[0], widths)
    body = [line for row in table[1:] for line in _wrapped(row, widths)]
    rule = ["-" * width for width in _widths([*head, *body])]
    left = [column in text for column in columns]
    laid_out = _aligned([*head, rule, *body], left, "plain").splitlines()
    return "\n".join(line.rstrip() for line in laid_out)


def markdown_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], text: Collection[str]
) -> str:
    """Lay out a Markdown table whose bars stand below each other.

    Args:
        columns: Headings.
        rows: As many cells as columns in each, without bars and line breaks.
        text: The headings of columns of text, aligned to the left; those of numbers to the right.

    Returns:
        The table, without a final newline.

    Examples:
        >>> print(markdown_table(["name", "mAP"], [["a", "9.50"]], {"name"}))
        | name |  mAP |
        | :--- | ---: |
        | a    | 9.50 |
    """
    left = [column in text for column in columns]
    widths = (max(3, width) for width in _widths([columns, *rows]))
    rule = [
        ":" + "-" * (width - 1) if is_text else "-" * (width - 1) + ":"
        for width, is_text in zip(widths, left, strict=True)
    ]
    return _aligned([columns, rule, *rows], left, _MARKDOWN)


def _aligned(
    lines: Sequence[Sequence[str]], left: Sequence[bool], layout: str | TableFormat
) -> str:
    """Align lines of cells; headings are a line as others, which tabulate would pad."""
    align = ["left" if is_text else "right" for is_text in left]
    return tabulate(lines, tablefmt=layout, colalign=align, disable_numparse=True)


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _fitting_widths(table: Sequence[Sequence[str]]) -> list[int]:
    """Return the widths of columns, of which the widest are cut until all fit beside each other."""
    widths = _widths(table)
    room = COLUMNS_OF_TERMINAL - GAP * (len(widths) - 1)
    words = _longest_pieces(table, at_hyphens=False)
    pieces = _longest_pieces(table, at_hyphens=True)
    narrow = [NARROWEST] * len(widths)
    for floors in (words, pieces, [pieces[0], *narrow[1:]], narrow):
        while sum(widths) > room:
            spare = [
                (width, -place)
                for place, (width, floor) in enumerate(zip(widths, floors, strict=True))
                if width > floor
            ]
            if not spare:
                break
            widths[-max(spare)[1]] -= 1
    return widths


def _longest_pieces(table: Sequence[Sequence[str]], *, at_hyphens: bool) -> list[int]:
    """Return the length of the longest piece of each column that wrapping leaves whole."""
    return [
        max(len(piece) for cell in column for piece in _pieces(cell, at_hyphens=at_hyphens))
        for column in zip(*table, strict=True)
    ]


def _pieces(cell: str, *, at_hyphens: bool) -> list[str]:
    return textwrap.wrap(cell, 1, break_long_words=False, break_on_hyphens=at_hyphens) or [""]


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> list[tuple[str, ...]]:
    """Return the lines of a row."""
    cells = (_wrapped_cell(cell, width) for cell, width in zip(row, widths, strict=True))
    return list(zip_longest(*cells, fillvalue=""))


def _wrapped_cell(cell: str, width: int) -> list[str]:
    too_long = any(len(word) > width for word in cell.split())
    return textwrap.wrap(cell, max(1, width), break_on_hyphens=too_long) or [""]
