"""Published numbers for people: blocks of Markdown and of text, apart from measured ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.leaderboard.published import TITLE
from bench_core.system.escaping import markdown_text
from bench_core.system.text_layout import markdown_table, terminal_paragraph, terminal_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench_core.leaderboard.published import PublishedLine, PublishedTable

LEGEND = (
    "What papers and repositories print, in percent, digits as printed; nothing here was measured "
    "by this program. Galleries, re-ranking, flips and the choice of the model differ or are not "
    "known, so the rows stand in the order of names and have no rank. Other ranks are in the page "
    "(HTML) and the CSV; ablations, and where every number stands: bench published list."
)
BESIDE = "Printed elsewhere, not measured here; in the order of names, without ranks."
TEXT_COLUMNS = frozenset({"method", "source"})


def published_markdown(tables: Iterable[PublishedTable], *, part: bool) -> list[str]:
    """Return the blocks of Markdown of published tables, which a browser shows folded.

    Args:
        tables: The tables.
        part: Whether they are a part of their own, with heading and legend, or stand below
            measured tables.
    """
    tables = list(tables)
    blocks = [f"## {TITLE}", "\n".join(terminal_paragraph(LEGEND))] if part and tables else []
    for table in tables:
        about = [] if part else [BESIDE]
        blocks += [f"### {TITLE}: {table.protocol}", *about, *_folded(table)]
    return blocks


def _folded(table: PublishedTable) -> Iterator[str]:
    """Yield the blocks of a table in an element that opens; empty lines keep them Markdown."""
    columns = ["method", *table.metrics, "source"]
    rows = [
        [
            markdown_text(line.name),
            *(marked(line, metric) for metric in table.metrics),
            markdown_text(f"{line.source} ({line.conditions})" if line.conditions else line.source),
        ]
        for line in table.lines
    ]
    notes = [f"- [{n}] {markdown_text(note)}" for n, note in enumerate(table.notes, start=1)]
    yield f'<details markdown="1"><summary>{_summary(table)}</summary>'
    yield markdown_table(columns, rows, TEXT_COLUMNS)
    yield from filter(None, ["\n".join(notes)])
    yield "</details>"


def _summary(table: PublishedTable) -> str:
    sources = {source.id for line in table.lines for source in line.sources}
    methods = {line.rows[0].method for line in table.lines}
    return ", ".join(
        f"{count} {name}{'s' * (count != 1)}"
        for count, name in (
            (len(table.lines), "row"),
            (len(methods), "method"),
            (len(sources), "source"),
        )
    )


def published_text(tables: Iterable[PublishedTable]) -> list[str]:
    """Return the blocks of text, 80 columns wide, of published tables."""
    return ["\n".join(_text_lines(table)) for table in tables]


def _text_lines(table: PublishedTable) -> Iterator[str]:
    rows = [
        [line.name, *(marked(line, metric) for metric in table.metrics), line.source]
        for line in table.lines
    ]
    yield from terminal_paragraph(f"{TITLE}: {table.protocol} (not measured here, no ranks)")
    yield ""
    yield terminal_table(["method", *table.metrics, "source"], rows, TEXT_COLUMNS)
    for number, note in enumerate(table.notes, start=1):
        yield from terminal_paragraph(f"[{number}] {note}", hanging="    ")


def marked(line: PublishedLine, metric: str) -> str:
    """Return a printed number with the marks of its notes; nothing where none is printed."""
    marks = line.marks.get(metric, ())
    mark = f" [{','.join(map(str, marks))}]" if marks else ""
    return line.values.get(metric, "") + mark
