"""Foreign text made harmless for the place where it is shown, by the format of that place.

Titles, names and messages come from records, plugins and files of strangers. Each function takes
such a text and returns one line that its format shows as it is, instead of acting on it.
"""

from __future__ import annotations

import re
from unicodedata import category, normalize

LONGEST_LINE = 2000
"""Characters of a text that a terminal shows; what is longer hides what stands around it."""

_MARKDOWN_ACTIVE = re.compile(
    r"""
    [\\`*\[\]<>|~$]                     # code, emphasis, links, HTML, cells, strike-out, maths
    | (?<![^\W_])_ | _(?![^\W_])        # emphasis; within a word it is none
    | &(?=\#?\w+;)                      # entities
    | ^[#=]                             # a heading, or the line that makes one of the line above
    | ^[-+](?=[-+\s]|$)                 # a list, a rule
    """,
    re.VERBOSE,
)
_NUMBERED_LIST = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_LATEX_ACTIVE = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
_LATEX_ACCENTS = frozenset(
    "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327"
)
"""The marks on letters that every font of LaTeX can set."""
_FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheets take for the start of a formula, in both widths of East Asian fonts."""


def terminal_line(text: str, *, longest: int | None = LONGEST_LINE) -> str:
    r"""Return a text as one line for a terminal, an error or a log.

    Line breaks, tabs and runs of spaces become one space. What does not print (escape sequences,
    characters that turn the direction of writing, halves of characters) is shown by its number.

    Args:
        text: Any text.
        longest: Characters to show; from the middle of a longer text some are left out, and the
            line says how many. None shows all.

    Examples:
        >>> terminal_line("x\nError: all is lost \x1b[2J")
        'x Error: all is lost \\x1b[2J'
    """
    line = "".join(_visible(character) for character in " ".join(text.split()))
    if longest is None or len(line) <= longest:
        return line
    kept = longest // 2
    return f"{line[:kept]} ... ({len(line) - 2 * kept} characters left out) ... {line[-kept:]}"


def terminal_name(name: str) -> str:
    r"""Return the name of a file for a terminal: every character as it is, or by its number.

    Examples:
        >>> terminal_name("two\nlines  and spaces.jpg")
        'two\\x0alines  and spaces.jpg'
    """
    return "".join(map(_visible, name))


def terminal_text(text: str) -> str:
    r"""Return lines for a terminal: as they are, but for characters that do not print.

    Examples:
        >>> terminal_text("a  b\n\x1b[2J")
        'a  b\n\\x1b[2J'
    """
    return "\n".join(
        line if line.isprintable() else "".join(map(_visible, line)) for line in text.split("\n")
    )


def markdown_text(text: str) -> str:
    r"""Return a text for a paragraph, a heading or a cell of a table in Markdown.

    It stays one line and makes no heading, list, link, picture, HTML, formula or further cell.

    Examples:
        >>> markdown_text("SYSU\n## Real data | <b>x_1</b>")
        'SYSU ## Real data \\| \\<b\\>x_1\\</b\\>'
    """
    line = terminal_line(text, longest=None)
    line = _MARKDOWN_ACTIVE.sub(lambda active: "\\" + active[0], line)
    return _NUMBERED_LIST.sub(r"\1\\\2", line)


def csv_cell(text: str) -> str:
    """Return a text for a cell of a CSV file; separators and quotes are left to the writer.

    What spreadsheets take for a formula gets an apostrophe in front, by which they take it for a
    text (OWASP, "CSV Injection").

    Examples:
        >>> csv_cell("=HYPERLINK(A1)")
        "'=HYPERLINK(A1)"
    """
    line = terminal_line(text, longest=None)
    return f"'{line}" if line.startswith(_FORMULA_STARTS) else line


def latex_text(text: str) -> str:
    r"""Return a text for LaTeX, in which no character is a command, a comment or mathematics.

    A character that pdflatex cannot set without further packages is shown by its number.

    Example:
        >>> latex_text(r"100 % of \input{x_1}")
        '100 \\% of \\textbackslash{}input\\{x\\_1\\}'
    """
    line = terminal_line(text, longest=None)
    return "".join(_LATEX_ACTIVE.get(character, character) for character in _settable(line))


def _settable(line: str) -> str:
    return "".join(
        character if character.isascii() or _is_accented(character) else _by_number(character)
        for character in line
    )


def _is_accented(character: str) -> bool:
    parts = normalize("NFD", character)
    return len(parts) == 2 and parts[0].isascii() and parts[1] in _LATEX_ACCENTS


def plot_text(text: str) -> str:
    r"""Return a text for a figure: matplotlib takes nothing in it for mathematics.

    Examples:
        >>> plot_text("$x$")
        '\\$x\\$'
    """
    return terminal_line(text).replace("$", r"\$")


def in_one_line(error: BaseException) -> str:
    """Return the kind of an exception and its message as one line; some have no message at all."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001  # a stranger's exception may fail to say what it is
        message = "its message cannot be shown"
    return terminal_line(f"{type(error).__name__}: {message}" if message else type(error).__name__)


def _visible(character: str) -> str:
    if character.isprintable() or category(character) == "Zs":  # spaces of any width
        return character
    return f"\\x{ord(character):02x}" if character.isascii() else _by_number(character)


def _by_number(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode()
