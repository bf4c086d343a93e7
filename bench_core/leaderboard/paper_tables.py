"""A paper's tables as it prints them, with what was measured here beside each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench_core.contracts.errors import unknown_name
from bench_core.contracts.metrics import METRICS
from bench_core.leaderboard.notes import notes_of
from bench_core.leaderboard.settings import reranker_id, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench_core.contracts.result import ResultRecord
    from bench_core.published.registry import Published
    from bench_core.published.schema import (
        PaperTable,
        PublishedPaper,
        PublishedRow,
        PublishedSource,
    )

PAPER_PRESET = "paper"
"""The preset that holds a paper's settings as they are printed."""


@dataclass(frozen=True)
class Measured:
    """What was measured here of a row's method.

    Attributes:
        record: The run whose settings are nearest to the paper's.
        settings: How it was made, in a sentence.
        others: How many more runs there are.
    """

    record: ResultRecord
    settings: str
    others: int


@dataclass(frozen=True)
class ComparedRow:
    """A row of a paper's table.

    Attributes:
        printed: As it is printed.
        readings: What is said of its disputed numbers, by metric.
        measured: What was measured here; None for nothing.
        reason: Why nothing can be, where that is known.
    """

    printed: PublishedRow
    readings: dict[str, tuple[str, ...]]
    measured: Measured | None
    reason: str | None


@dataclass(frozen=True)
class ComparedTable:
    """A paper's table under one protocol.

    Attributes:
        layout: What it is, and its order.
        protocol: Id of the protocol.
        metrics: Those that it prints.
        rows: In the paper's order.
    """

    layout: PaperTable
    protocol: str
    metrics: tuple[str, ...]
    rows: tuple[ComparedRow, ...]


@dataclass(frozen=True)
class ComparedPaper:
    """All tables of a paper.

    Attributes:
        source: The paper.
        tables: In its order, each protocol by itself.
    """

    source: PublishedSource
    tables: tuple[ComparedTable, ...]

    @property
    def records(self) -> tuple[ResultRecord, ...]:
        """The runs that are shown, each once."""
        measured = (row.measured for table in self.tables for row in table.rows)
        shown = {id(each.record): each.record for each in measured if each is not None}
        return tuple(shown.values())


def compared_paper(
    name: str, published: Published, records: Iterable[ResultRecord]
) -> ComparedPaper:
    """Put what was measured on real data beside the rows of a paper's tables.

    Args:
        name: Id of the paper.
        published: The registry.
        records: Runs; those of synthetic people are no part of it.

    Raises:
        UsageError: The tables of no such paper are known.
    """
    paper = published.paper_by_id.get(name)
    if paper is None:
        raise unknown_name("paper", name, published.paper_by_id)
    real = [record for record in records if not record.dataset.synthetic]
    tables = []
    for table in paper.tables:
        for protocol in table.protocols:
            printed = list(published.printed_rows(paper, table, protocol))
            metrics = tuple(m for m in METRICS if any(m in row.values for row in printed))
            rows = tuple(_compared_row(row, paper, published, real) for row in printed)
            tables.append(ComparedTable(table, protocol, metrics, rows))
    return ComparedPaper(published.source_by_id[name], tuple(tables))


def _compared_row(
    row: PublishedRow, paper: PublishedPaper, published: Published, records: Sequence[ResultRecord]
) -> ComparedRow:
    readings = {
        metric: tuple(dispute.said for dispute in published.disputes(row, metric))
        for metric in row.values
    }
    return ComparedRow(
        printed=row,
        readings={metric: said for metric, said in readings.items() if said},
        measured=_nearest(row, records),
        reason=paper.without_variant.get(row.method),
    )


def _nearest(row: PublishedRow, records: Sequence[ResultRecord]) -> Measured | None:
    """Return the run of a row's method that was made most as the paper's; scores decide nothing."""
    found = [
        record
        for record in records
        if record.method.label == row.method
        and record.protocol.id == row.protocol
        and reranker_id(record) == row.reranker
    ]
    if not found:
        return None
    record = min(found, key=lambda record: _distance(record, row))
    words = (f"{record.protocol.convention} galleries", *settings_of([record]).usual)
    notes = (text for _, text in notes_of([record]).lines)
    return Measured(record, "; ".join((", ".join(words), *notes)), len(found) - 1)


def _distance(record: ResultRecord, row: PublishedRow) -> tuple[bool | int | str, ...]:
    """Return what a run has otherwise than the paper, the weightiest first."""
    method, convention = record.method, record.protocol.convention
    return (
        record.origin.kind != "trained-here",
        method.preset != PAPER_PRESET,
        bool(method.overrides),
        record.provenance.selection == "validation",
        convention != row.gallery,
        convention != "official",
        -1 if method.seed is None else method.seed,
        record.digest or record.model_dump_json(by_alias=True),
    )
