"""Reads the tables of a LaTeX file: tabular, tabularx, longtable and their like."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from bench_core.table_lint.grid import Cell, Grid, check_size, lay_out

BEGIN = re.compile(r"\\begin\{(tabular[*xy]?|longtable|tabu|tblr|NiceTabular)\}")
CAPTION = re.compile(r"\\caption(?:of\{[^}]*\})?(?:\[[^\]]*\])?\{")
FLOAT = re.compile(r"\\(?:begin|end)\{(?:wrap|sideways)?table\*?\}")
RULES = re.compile(
    r"\\(?:hline|toprule|midrule|bottomrule|specialrule|addlinespace|endhead|endfirsthead|endfoot|"
    r"endlastfoot|noalign|cline|cmidrule|hdashline|cdashline|Xhline|arrayrulecolor|rowcolor|"
    r"rowcolors|cellcolor|columncolor|color|vspace|setlength|renewcommand|label)\b\*?"
    r"(?:\([^)]*\))?(?:\[[^\]]*\])?(?:\{[^{}]*\})*"
)
DROPPED = re.compile(
    r"\\(?:cite[a-zA-Z]*|ref|footnote|footnotemark|footnotetext|tnote|label|cellcolor|rowcolor|"
    r"vspace|hspace|phantom)\*?\s*(?:\[[^\]]*\])*\{[^{}]*\}"
)
FIRST_DROPPED = re.compile(r"\\(?:textcolor|rotatebox|scalebox|raisebox|color)\s*(?:\[[^\]]*\])?"
                           r"\{[^{}]*\}")  # fmt: skip
SPAN = re.compile(r"^\s*\\multicolumn\s*\{\s*(\d+)\s*\}\s*\{")
ROWS = re.compile(r"\\multirow(?:cell|thead)?\s*(?:\[[^\]]*\])?\s*\{\s*=?(-?\d+)\s*\}\s*"
                  r"(?:\[[^\]]*\])?\s*(?:\{[^{}]*\}|\*)?\s*(?:\[[^\]]*\])?")  # fmt: skip
MARK_BEHIND_NUMBER = re.compile(r"(\d[%}]*)\s*\$?\s*[\^_]\s*(?:\{[^{}]*\}|\\?\w+|\*)")
SYMBOLS = {
    r"\pm": "\u00b1", r"\&": "&", r"\%": "%", r"\_": "_", r"\#": "#", r"\$": "$", r"\to": " to ",
    r"\rightarrow": " to ", r"\Rightarrow": " to ", r"\dagger": "\u2020", r"\ddagger": "\u2021",
}  # fmt: skip
MOST_SPAN = 200
"""Columns or rows that one cell may take; more is a slip, and would fill the memory."""


def latex_tables(text: str) -> list[Grid]:
    """Return the tables of a LaTeX text, or of a fragment that is the body of one."""
    source = _Source(_without_comments(text))
    grids = []
    end = 0
    for begin in BEGIN.finditer(source.text):
        if begin.start() < end:  # a table within a cell of another
            continue
        end = _end_of(source.text, begin)
        body = _behind_arguments(source.text, begin.end(), end)
        grids.append(source.grid(body, end, source.caption(begin.start(), end)))
    if not any(grids) and "&" in text and r"\\" in text:
        everything = (0, len(source.text))
        grids.append(source.grid(*everything, source.caption(*everything)))
    return [grid for grid in grids if grid is not None]


def plain_latex(text: str) -> str:
    r"""Return what a piece of LaTeX shows, without citations, marks behind numbers and markup.

    Example:
        >>> plain_latex(r"\textbf{D$^{2}$RL}~\cite{x}"), plain_latex(r"$49.92_{\pm 0.3}^{*}$")
        ('D2RL', '49.92')
    """
    text = DROPPED.sub("", text)
    text = FIRST_DROPPED.sub("", text)
    text = ROWS.sub("", text)
    text = MARK_BEHIND_NUMBER.sub(r"\1", MARK_BEHIND_NUMBER.sub(r"\1", text))
    text = text.replace("~", " ").replace(r"\\", " ")
    for command, symbol in SYMBOLS.items():
        text = re.sub(re.escape(command) + r"(?![a-zA-Z])", symbol, text)
    text = re.sub(r"\\[a-zA-Z]+\*?|\\[^a-zA-Z]", "", text)
    text = re.sub(r"(?<!\\)[${}^]", "", text)
    return " ".join(text.split())


def _without_comments(text: str) -> str:
    """Return the text with comments removed; lines stay where they are."""
    return re.sub(r"(?<!\\)((?:\\\\)*)%[^\n]*", r"\1", text)


def _end_of(text: str, begin: re.Match[str]) -> int:
    """Return where the environment ends, or the text."""
    edges = re.compile(rf"\\(begin|end)\{{{re.escape(begin[1])}\}}")
    depth = 0
    for edge in edges.finditer(text, begin.start()):
        depth += 1 if edge[1] == "begin" else -1
        if depth == 0:
            return edge.start()
    return len(text)


def _behind_arguments(text: str, start: int, end: int) -> int:
    """Return where the body of an environment starts, behind its widths and columns."""
    while True:
        match = re.compile(r"\s*([\[{])").match(text, start, end)
        if match is None:
            return start
        start = _closing(text, match.start(1), end) + 1


def _closing(text: str, opening: int, end: int) -> int:
    """Return the place of the bracket that closes the one at `opening`."""
    pair = {"{": "}", "[": "]"}[text[opening]]
    depth = 0
    for place in range(opening, end):
        if place and text[place - 1] == "\\":
            continue
        depth += {text[opening]: 1, pair: -1}.get(text[place], 0)
        if depth == 0:
            return place
    return end


class _Source:
    """A text in which lines and floats are found fast.

    Args:
        text: LaTeX without comments.

    Attributes:
        text: The same.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._breaks = [found.start() for found in re.finditer("\n", text)]
        edges = list(FLOAT.finditer(text))
        self._begins = [edge.end() for edge in edges if "begin" in edge[0]]
        self._ends = [edge.start() for edge in edges if "end" in edge[0]]

    def caption(self, start: int, end: int) -> str:
        """Return the caption of the float that a table is in, before or behind the table."""
        before, behind = bisect_right(self._begins, start), bisect_left(self._ends, end)
        left = self._begins[before - 1] if before else 0
        right = self._ends[behind] if behind < len(self._ends) else len(self.text)
        # A table outside of a float has no caption, but that of a longtable within it.
        right = right if before else end
        found = CAPTION.search(self.text, left if before else start, right)
        if found is None:
            return ""
        opening = found.end() - 1
        return plain_latex(self.text[opening : _closing(self.text, opening, right)])

    def grid(self, start: int, end: int, caption: str) -> Grid | None:
        """Return the table whose body stands between two places."""
        rows = []
        num_cells = 0
        for pieces in _rows(self.text, start, end):
            num_cells += len(pieces)
            check_size(num_cells, self._line(start))
            row: list[Cell] = []
            column = 1
            for place, piece in pieces:
                row.append(_cell(piece, self._line(place + _blank(piece)), column))
                column += row[-1].span
            if any(cell.text for cell in row):
                rows.append(row)
        return lay_out(rows, caption, self._line(start))

    def _line(self, place: int) -> int:
        return bisect_left(self._breaks, place) + 1


def _blank(piece: str) -> int:
    """Return how many characters stand before what a cell shows: rules and blanks."""
    rest = RULES.sub(lambda rule: " " * len(rule[0]), piece)
    return len(rest) - len(rest.lstrip())


def _cell(piece: str, line: int, column: int) -> Cell:
    piece = RULES.sub("", piece)
    span = SPAN.match(piece)
    if span is None:
        return Cell(plain_latex(piece), line, column, rows=_num_rows(piece))
    layout_end = _closing(piece, span.end() - 1, len(piece))
    content = piece[layout_end + 1 :]
    width = min(int(span[1]), MOST_SPAN)
    return Cell(plain_latex(content), line, column, max(width, 1), _num_rows(content))


def _num_rows(piece: str) -> int:
    rows = ROWS.search(piece)
    return min(max(int(rows[1]), 1), MOST_SPAN) if rows else 1


def _rows(text: str, start: int, end: int) -> Iterator[list[tuple[int, str]]]:
    """Yield the rows as places and texts of their cells."""
    row: list[tuple[int, str]] = []
    cell, place, depth = start, start, 0
    while place < end:
        character = text[place]
        if text.startswith((r"\\", r"\tabularnewline"), place) and depth == 0:
            yield [*row, (cell, text[cell:place])]
            row = []
            place = _behind_break(text, place, end)
            cell = place
            continue
        if character == "\\":
            place += 2
            continue
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "&" and depth == 0:
            row.append((cell, text[cell:place]))
            cell = place + 1
        place += 1
    if row or text[cell:end].strip():
        yield [*row, (cell, text[cell:end])]


def _behind_break(text: str, place: int, end: int) -> int:
    """Return where the next row starts, behind a break and its extra space."""
    found = re.compile(r"(?:\\\\\*?|\\tabularnewline)(?:[ \t]*\[[^\]\n]*\])?").match(
        text, place, end
    )
    return found.end() if found else place + 2
