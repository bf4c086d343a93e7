"""Reads the tables of a LaTeX file: tabular, tabularx, longtable and their like."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bench_core.table_lint.grid import Cell, Grid, lay_out

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
    text = _without_comments(text)
    grids = []
    end = 0
    for begin in BEGIN.finditer(text):
        if begin.start() < end:  # a table within a cell of another
            continue
        end = _end_of(text, begin)
        body = _behind_arguments(text, begin.end(), end)
        grid = _grid(text, body, end, _caption(text, begin.start(), end))
        grids += [grid] if grid else []
    if not grids and "&" in text and r"\\" in text:
        grid = _grid(text, 0, len(text), _caption(text, 0, len(text)))
        grids += [grid] if grid else []
    return grids


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
    name = re.escape(begin[1])
    depth = 0
    for edge in re.finditer(rf"\\(begin|end)\{{{name}\}}", text[begin.start() :]):
        depth += 1 if edge[1] == "begin" else -1
        if depth == 0:
            return begin.start() + edge.start()
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


def _caption(text: str, start: int, end: int) -> str:
    """Return the caption of the float that the table is in, before or behind it."""
    before = [edge for edge in FLOAT.finditer(text, 0, start) if "begin" in edge[0]]
    after = next((edge for edge in FLOAT.finditer(text, end) if "end" in edge[0]), None)
    left = before[-1].end() if before else 0
    right = after.start() if after else len(text)
    found = CAPTION.search(text, left, right)
    if found is None:
        return ""
    opening = found.end() - 1
    return plain_latex(text[opening : _closing(text, opening, len(text))])


def _grid(text: str, start: int, end: int, caption: str) -> Grid | None:
    line = text.count("\n", 0, start) + 1
    rows = []
    for pieces in _rows(text, start, end):
        row: list[Cell] = []
        for place, piece in pieces:
            row.append(_cell(piece, _line(text, place, piece), 1 + sum(c.span for c in row)))
        if any(cell.text for cell in row):
            rows.append(row)
    return lay_out(rows, caption, line)


def _line(text: str, place: int, piece: str) -> int:
    """Return the line of the first thing that a cell shows, behind rules and line breaks."""
    rest = RULES.sub(lambda rule: " " * len(rule[0]), piece)
    return text.count("\n", 0, place + len(rest) - len(rest.lstrip())) + 1


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
