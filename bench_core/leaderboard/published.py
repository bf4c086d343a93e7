"""Published numbers on the leaderboard: tables of their own, and what measured rows differ by.

They never share a table, a rank or a gap with measured rows, and stand in no synthetic part.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from bench_core.contracts.metrics import METRICS
from bench_core.contracts.reranker import K_RECIPROCAL
from bench_core.leaderboard.settings import reranker_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from bench_core.contracts.result import ResultRecord
    from bench_core.leaderboard.rows import Section
    from bench_core.published.registry import Published
    from bench_core.published.schema import PublishedRow, PublishedSource

COMPARED = ("rank-1", "mAP")
"""The metrics of which a measured row says what its paper printed."""
TITLE = "Published numbers"
GALLERIES: Mapping[str, str] = MappingProxyType(
    {
        "official": "official galleries",
        "agw": "AGW's galleries",
        "repository": "galleries drawn its own way",
    }
)
RERANKERS: Mapping[str, str] = MappingProxyType({"aim": "AIM"})
SHOWN = ("rank-1", "mAP", "mINP")
"""The metrics that short tables have: those of the measured ones."""


@dataclass(frozen=True)
class PublishedLine:
    """What one or more sources print alike.

    Attributes:
        name: The method, as tables call it.
        rows: The rows that print it, at least one.
        sources: Where they stand, each once.
        values: Digits as printed, by metric.
        source: Where it stands.
        conditions: What is known of galleries, re-ranking, flips and selection.
        marks: Numbers of the notes to a value, by metric.
    """

    name: str
    rows: tuple[PublishedRow, ...]
    sources: tuple[PublishedSource, ...]
    values: dict[str, str]
    source: str
    conditions: str
    marks: dict[str, tuple[int, ...]]

    @property
    def unchecked(self) -> bool:
        """Whether nobody has seen the numbers in a source that was at hand."""
        return all(source.evidence == "unchecked" for source in self.sources)


@dataclass(frozen=True)
class PublishedTable:
    """The published numbers of a protocol.

    Attributes:
        protocol: Its id.
        metrics: Those that are asked for and that a row has, in their order.
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
    published: Published | None,
    protocols: Collection[str] | None = None,
    metrics: Sequence[str] = METRICS,
) -> tuple[PublishedTable, ...]:
    """Return the tables of published numbers, sorted by protocol.

    Args:
        published: The registry; None for no published numbers.
        protocols: Those to return; None for all.
        metrics: Those to show; what prints none of them is left out.
    """
    rows = published.rows if published else ()
    known = sorted({row.protocol for row in rows if row.protocol})
    wanted = [name for name in known if protocols is None or name in protocols]
    tables = [_table(published, protocol, metrics) for protocol in wanted if published]
    return tuple(table for table in tables if table.lines)


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
            reranker=reranker_id(record),
            metric=metric,
        )
        if row is not None:
            printed = row.values[metric]
            difference = record.scores.mean.by_name()[metric] - float(printed) / 100
            citation = published.citation(row)
            numbers.append(PaperNumber(metric, printed, citation, difference))
    return tuple(numbers)


def split_tables(
    real: Sequence[Section], published: Published | None, metrics: Sequence[str] = SHOWN
) -> tuple[list[tuple[Section, tuple[PublishedTable, ...]]], tuple[PublishedTable, ...]]:
    """Put published tables to the measured ones of their protocol.

    Args:
        real: Sections of real data, those of a protocol behind each other.
        published: The registry; None for no published numbers.
        metrics: Those to show.

    Returns:
        Each section with the published tables that stand below it, which only the last section of
        a protocol has; and the tables of protocols without sections.
    """
    tables = {table.protocol: table for table in published_tables(published, None, metrics)}
    last = {section.key.protocol: section for section in real}
    beside = []
    for section in real:
        protocol = section.key.protocol
        below = [tables[protocol]] if section is last[protocol] and protocol in tables else []
        beside.append((section, tuple(below)))
    return beside, tuple(table for name, table in tables.items() if name not in last)


def cited_sources(published: Published) -> tuple[tuple[PublishedSource, str], ...]:
    """Return the sources of all tables, each with its authors, sorted by their ids."""
    lines = (line for table in published_tables(published) for line in table.lines)
    sources = {source.id: source for line in lines for source in line.sources}
    return tuple((source, published.authors_of(source)) for _, source in sorted(sources.items()))


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
            yield f"{row.record.label}, paper: {said} ({sources})"


def _table(published: Published, protocol: str, wanted: Sequence[str]) -> PublishedTable:
    groups: dict[tuple[object, ...], list[PublishedRow]] = {}
    for row in published.rows_of(protocol):
        values = tuple((name, row.values[name]) for name in wanted if name in row.values)
        if row.variant is None and values:
            key = (row.method, row.rerank, _conditions(row), values)
            groups.setdefault(key, []).append(row)
    readings: dict[str, int] = {}
    lines = [_line(published, rows, wanted, readings) for rows in groups.values()]
    lines.sort(key=lambda line: (line.name.casefold(), line.conditions, line.source))
    metrics = tuple(name for name in wanted if any(name in line.values for line in lines))
    return PublishedTable(protocol, metrics, tuple(lines), tuple(readings))


def _line(
    published: Published,
    rows: Sequence[PublishedRow],
    wanted: Sequence[str],
    readings: dict[str, int],
) -> PublishedLine:
    """Make a line of rows that print the same; new readings of conflicts get the next numbers."""
    first = rows[0]
    names = dict.fromkeys(row.source for row in rows)
    values = {name: first.values[name] for name in wanted if name in first.values}
    marks: dict[str, tuple[int, ...]] = {}
    for metric in values:
        disputes = {
            dispute.said: None for row in rows for dispute in published.disputes(row, metric)
        }
        if disputes:
            marks[metric] = tuple(
                readings.setdefault(reading, len(readings) + 1) for reading in disputes
            )
    method = published.method_by_id.get(first.method_id)
    name = method.names[0] if method else first.method
    return PublishedLine(
        name=f"{name}{_reranking(first)}",
        rows=tuple(rows),
        sources=tuple(published.source_by_id[name] for name in names),
        values=values,
        source="; ".join(dict.fromkeys(published.citation(row) for row in rows)),
        conditions=_conditions(first),
        marks=marks,
    )


def _reranking(row: PublishedRow) -> str:
    """Return what follows a name, as in tables of measured rows: k-reciprocal is not named."""
    if row.reranker is None:
        return ""
    known = "" if row.reranker == K_RECIPROCAL else f"{RERANKERS.get(row.reranker, row.reranker)} "
    return f" + {known}re-ranking"


def _conditions(row: PublishedRow) -> str:
    known = [GALLERIES[row.gallery]] if row.gallery in GALLERIES else []
    known += [f"{RERANKERS.get(row.rerank, row.rerank)} re-ranking"] if row.reranked else []
    known += ["flipped images added"] if row.flip == "yes" else []
    known += [f"model chosen on {row.selection} data"] if row.selection == "test" else []
    return ", ".join(known)
