"""Published numbers on the leaderboard: tables of their own, and what measured rows differ by.

They never share a table, a rank or a gap with measured rows, and stand in no synthetic part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench_core.contracts.metrics import METRICS
from bench_core.system.escaping import csv_cell, markdown_text
from bench_core.system.text_layout import markdown_table, terminal_paragraph, terminal_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from bench_core.contracts.result import ResultRecord
    from bench_core.leaderboard.rows import Section
    from bench_core.published.registry import Published
    from bench_core.published.schema import PublishedConflict, PublishedRow

COMPARED = ("rank-1", "mAP")
"""The metrics of which a measured row says what its paper printed."""
TITLE = "Published numbers"
LEGEND = (
    "What papers and repositories print, in percent, digits as printed; nothing here was measured "
    "by this program. Galleries, re-ranking, flips and the choice of the model differ or are not "
    "known, so the rows stand in the order of names and have no rank. Ablations, and where every "
    "number stands: bench published list."
)
BESIDE = "Printed elsewhere, not measured here; in the order of names, without ranks."
CSV_COLUMNS = ("source", "conditions", *(f"paper-{metric}" for metric in COMPARED))
"""What a CSV has behind the columns of measured rows."""
TEXT_COLUMNS = frozenset({"method", "source", "conditions"})
TERMINAL_METRICS = ("rank-1", "mAP", "mINP")


@dataclass(frozen=True)
class PublishedLine:
    """What one or more sources print alike.

    Attributes:
        name: The method, as tables call it.
        rows: The rows that print it, at least one.
        values: Digits as printed, by metric.
        source: Where it stands.
        conditions: What is known of galleries, re-ranking, flips and selection.
        marks: Numbers of the notes to a value, by metric.
    """

    name: str
    rows: tuple[PublishedRow, ...]
    values: dict[str, str]
    source: str
    conditions: str
    marks: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class PublishedTable:
    """The published numbers of a protocol.

    Attributes:
        protocol: Its id.
        metrics: Those that a row has, in the order of `METRICS`.
        lines: Whole methods, by name; ablations and other runs are left out.
        notes: What is said of disputed values, by their numbers from 1.
    """

    protocol: str
    metrics: tuple[str, ...]
    lines: tuple[PublishedLine, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PaperNumber:
    """What a measured row's own paper printed.

    Attributes:
        metric: The metric.
        printed: Percent, digits as printed.
        source: Where it stands.
        difference: The measured value minus the printed one, as a fraction.
    """

    metric: str
    printed: str
    source: str
    difference: float


def published_tables(
    published: Published, protocols: Collection[str] | None = None
) -> tuple[PublishedTable, ...]:
    """Return the tables of published numbers, sorted by protocol.

    Args:
        published: The registry.
        protocols: Those to return; None for all.
    """
    known = sorted({row.protocol for row in published.rows if row.protocol})
    wanted = [name for name in known if protocols is None or name in protocols]
    return tuple(_table(published, protocol) for protocol in wanted)


def paper_numbers(record: ResultRecord, published: Published | None) -> tuple[PaperNumber, ...]:
    """Return what the paper of a measured method printed, and by how much the record differs.

    Args:
        record: A run; of synthetic people nothing is returned.
        published: The registry; None for no published numbers.
    """
    if published is None or record.dataset.synthetic:
        return ()
    numbers = []
    for metric in COMPARED:
        row = published.own_row(
            record.method.label,
            record.protocol.id,
            reranked=record.protocol.rerank,
            metric=metric,
        )
        if row is not None:
            printed = row.values[metric]
            difference = record.scores.mean.by_name()[metric] - float(printed) / 100
            citation = published.citation(row)
            numbers.append(PaperNumber(metric, printed, citation, difference))
    return tuple(numbers)


def split_tables(
    real: Sequence[Section], published: Published | None
) -> tuple[list[tuple[Section, tuple[PublishedTable, ...]]], tuple[PublishedTable, ...]]:
    """Put published tables to the measured ones of their protocol.

    Args:
        real: Sections of real data, those of a protocol behind each other.
        published: The registry; None for no published numbers.

    Returns:
        Each section with the published tables that stand below it, which only the last section of
        a protocol has; and the tables of protocols without sections.
    """
    tables = {table.protocol: table for table in published_tables(published)} if published else {}
    last = {section.key.protocol: section for section in real}
    beside = []
    for section in real:
        protocol = section.key.protocol
        below = [tables[protocol]] if section is last[protocol] and protocol in tables else []
        beside.append((section, tuple(below)))
    return beside, tuple(table for name, table in tables.items() if name not in last)


def pointer(tables: Sequence[PublishedTable]) -> str:
    """Return where published numbers of protocols that were not measured can be seen."""
    names = ", ".join(table.protocol for table in tables)
    return (
        f"{TITLE.upper()}, not measured here, are known of {names}: bench published list "
        "--protocol ..., or --format markdown"
    )


def comparison_lines(section: Section, published: Published | None) -> Iterator[str]:
    """Yield a sentence on each measured row of real data whose paper printed a value."""
    for row in section.rows if published else ():
        numbers = paper_numbers(row.record, published)
        if numbers:
            said = ", ".join(
                f"{number.metric} {number.printed}, here {100 * number.difference:+.2f}"
                for number in numbers
            )
            sources = "; ".join(dict.fromkeys(number.source for number in numbers))
            ranked = " + re-ranking" if row.rerank else ""
            yield f"{row.record.label}{ranked}, paper: {said} ({sources})"


def published_markdown(tables: Iterable[PublishedTable], *, part: bool) -> list[str]:
    """Return the blocks of Markdown of published tables.

    Args:
        tables: The tables.
        part: Whether they are a part of their own, with heading and legend, or stand below
            measured tables.
    """
    tables = list(tables)
    legend = "\n".join(terminal_paragraph(LEGEND))
    blocks = [f"## {TITLE}", legend] if part and tables else []
    for table in tables:
        columns = ["method", *table.metrics, "source", "conditions"]
        rows = [
            [
                markdown_text(line.name),
                *(_cell(line, metric) for metric in table.metrics),
                markdown_text(line.source),
                markdown_text(line.conditions),
            ]
            for line in table.lines
        ]
        notes = (f"- [{n}] {markdown_text(note)}" for n, note in enumerate(table.notes, start=1))
        blocks += [f"### {TITLE}: {table.protocol}", *([] if part else [BESIDE])]
        blocks += [markdown_table(columns, rows, TEXT_COLUMNS)]
        blocks += filter(None, ["\n".join(notes)])
    return blocks


def published_text(tables: Iterable[PublishedTable]) -> list[str]:
    """Return the blocks of text, 80 columns wide, of published tables."""
    blocks = []
    for table in tables:
        metrics = [metric for metric in TERMINAL_METRICS if metric in table.metrics]
        rows = [
            [line.name, *(_cell(line, metric) for metric in metrics), line.source]
            for line in table.lines
        ]
        lines = [
            *terminal_paragraph(f"{TITLE}: {table.protocol} (not measured here, no ranks)"),
            "",
            terminal_table(["method", *metrics, "source"], rows, TEXT_COLUMNS),
            *(
                line
                for number, note in enumerate(table.notes, start=1)
                for line in terminal_paragraph(f"[{number}] {note}", hanging="    ")
            ),
        ]
        blocks.append("\n".join(lines))
    return blocks


def csv_rows(published: Published | None) -> Iterator[dict[str, str | bool]]:
    """Yield a CSV row for each published line; scores are fractions, without a rank."""
    for table in published_tables(published) if published else ():
        for line in table.lines:
            first = line.rows[0]
            yield {
                "kind": "published",
                "synthetic": False,
                "dataset": dataset_of(table.protocol),
                "protocol": table.protocol,
                "convention": "" if first.gallery == "unknown" else first.gallery,
                "rerank": first.reranked,
                "method": csv_cell(first.method),
                "title": csv_cell(line.name),
                **{metric: fraction(printed) for metric, printed in line.values.items()},
                "source": csv_cell(line.source),
                "conditions": csv_cell(line.conditions),
            }


def json_values(published: Published | None) -> list[dict[str, Any]]:
    """Return the published tables for JSON, digits as printed."""
    return [
        {
            "protocol": table.protocol,
            "rows": [
                {
                    "method": line.rows[0].method,
                    "title": line.name,
                    "printed": line.values,
                    "sources": [row.source for row in line.rows],
                    "source": line.source,
                    "conditions": line.conditions,
                    "disputed": {
                        metric: [table.notes[mark - 1] for mark in marks]
                        for metric, marks in line.marks.items()
                    },
                }
                for line in table.lines
            ],
        }
        for table in (published_tables(published) if published else ())
    ]


def paper_values(record: ResultRecord, published: Published | None) -> dict[str, str]:
    """Return the `paper-*` columns of a measured row: fractions, empty where none is known."""
    return {
        f"paper-{number.metric}": fraction(number.printed)
        for number in paper_numbers(record, published)
    }


def fraction(printed: str) -> str:
    """Return a printed percentage as a fraction, no digit more or less.

    Example:
        >>> fraction("49.90"), fraction("0.85")
        ('0.4990', '0.0085')
    """
    from decimal import Decimal

    return format(Decimal(printed).scaleb(-2), "f")


def dataset_of(protocol: str) -> str:
    """Return the dataset of a protocol with published numbers, by the start of its id."""
    start = protocol.partition("-")[0]
    return "sysu-mm01" if start == "sysu" else start


def _table(published: Published, protocol: str) -> PublishedTable:
    groups: dict[tuple[object, ...], list[PublishedRow]] = {}
    for row in published.rows_of(protocol):
        if row.variant is None:
            key = (row.method, row.rerank, _conditions(row), tuple(row.values.items()))
            groups.setdefault(key, []).append(row)
    readings: dict[str, int] = {}
    lines = [_line(published, rows, readings) for rows in groups.values()]
    lines.sort(key=lambda line: (line.name.casefold(), line.conditions, line.source))
    metrics = [name for name in METRICS if any(name in line.values for line in lines)]
    return PublishedTable(protocol, tuple(metrics), tuple(lines), tuple(readings))


def _line(
    published: Published, rows: Sequence[PublishedRow], readings: dict[str, int]
) -> PublishedLine:
    """Make a line of rows that print the same; new readings of conflicts get the next numbers."""
    first = rows[0]
    marks: dict[str, tuple[int, ...]] = {}
    for metric in first.values:
        disputes = {
            _reading(dispute): None for row in rows for dispute in published.disputes(row, metric)
        }
        if disputes:
            marks[metric] = tuple(
                readings.setdefault(reading, len(readings) + 1) for reading in disputes
            )
    method = published.method_by_id.get(first.method_id)
    name = method.names[0] if method else first.method
    return PublishedLine(
        name=f"{name} + re-ranking" if first.reranked else name,
        rows=tuple(rows),
        values=dict(first.values),
        source="; ".join(dict.fromkeys(published.citation(row) for row in rows)),
        conditions=_conditions(first),
        marks=marks,
    )


def _reading(dispute: PublishedConflict) -> str:
    return f"{'Most likely wrong. ' if dispute.suspect else ''}{dispute.reading}"


def _conditions(row: PublishedRow) -> str:
    known = [f"{row.gallery} galleries"] if row.gallery != "unknown" else []
    known += [f"{row.rerank} re-ranking"] if row.reranked else []
    known += ["flipped images added"] if row.flip == "yes" else []
    known += [f"model chosen on {row.selection} data"] if row.selection == "test" else []
    return ", ".join(known)


def _cell(line: PublishedLine, metric: str) -> str:
    marks = line.marks.get(metric, ())
    mark = f" [{','.join(map(str, marks))}]" if marks else ""
    return line.values.get(metric, "") + mark
