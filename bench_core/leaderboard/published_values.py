"""Published numbers for programs: rows of the flat tables, parts of the JSON and of the page."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bench_core.contracts.metrics import METRICS
from bench_core.leaderboard.published import COMPARED, paper_numbers, published_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench_core.contracts.result import ResultRecord
    from bench_core.leaderboard.published import PublishedLine, PublishedTable
    from bench_core.leaderboard.rows import Value
    from bench_core.published.registry import Published

KIND = "kind"
"""The column that tells measured rows from published ones."""
PAPER_COLUMNS = tuple(f"paper-{metric}" for metric in COMPARED)
PUBLISHED_COLUMNS = ("source", "conditions", *PAPER_COLUMNS)
"""What flat tables have behind the columns of measured rows."""


def published_rows(published: Published | None) -> Iterator[dict[str, Value]]:
    """Yield a flat row for each published line; scores are fractions, without a rank."""
    for table in published_tables(published) if published else ():
        for line in table.lines:
            first = line.rows[0]
            yield {
                KIND: "published",
                "synthetic": False,
                "dataset": dataset_of(table.protocol),
                "protocol": table.protocol,
                **({} if first.gallery == "unknown" else {"convention": first.gallery}),
                "rerank": first.reranked,
                "reranker": first.reranker,
                "method": first.method,
                "title": line.name,
                **{metric: fraction(printed) for metric, printed in line.values.items()},
                "source": line.source,
                **({"conditions": line.conditions} if line.conditions else {}),
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
                    "reranker": line.rows[0].reranker,
                    "printed": line.values,
                    "sources": [row.source for row in line.rows],
                    "source": line.source,
                    "unchecked": line.unchecked,
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


def page_block(table: PublishedTable) -> dict[str, Any]:
    """Return a published table for the page, whose rows sort and filter as measured ones do."""
    return {
        "metrics": list(table.metrics),
        "notes": list(table.notes),
        "rows": [
            _page_row(f"{table.protocol}.published-{number}", line)
            for number, line in enumerate(table.lines, start=1)
        ],
    }


def _page_row(name: str, line: PublishedLine) -> dict[str, Any]:
    values = {metric: float(fraction(printed)) for metric, printed in line.values.items()}
    first = line.rows[0]
    return {
        "id": name,
        "label": line.name,
        "words": [],
        "values": {
            "method": first.method,
            "rerank": first.reranked,
            "reranker": first.reranker,
            "source": line.source,
            "conditions": line.conditions,
            **values,
        },
        "printed": line.values,
        "marks": {metric: list(marks) for metric, marks in line.marks.items()},
        "unchecked": line.unchecked,
    }


def paper_values(record: ResultRecord, published: Published | None) -> dict[str, str]:
    """Return the `PAPER_COLUMNS` of a measured row that are known: fractions."""
    return {
        f"paper-{number.metric}": fraction(number.printed)
        for number in paper_numbers(record, published)
    }


def as_numbers(row: Mapping[str, Value]) -> dict[str, Value]:
    """Return a flat row whose printed fractions are numbers."""
    return {
        name: float(value) if name in FRACTIONS and isinstance(value, str) else value
        for name, value in row.items()
    }


def fraction(printed: str) -> str:
    """Return a printed percentage as a fraction, no digit more or less.

    Example:
        >>> fraction("49.90"), fraction("0.85")
        ('0.4990', '0.0085')
    """
    return format(Decimal(printed).scaleb(-2), "f")


def dataset_of(protocol: str) -> str:
    """Return the dataset of a protocol with published numbers, by the start of its id."""
    start = protocol.partition("-")[0]
    return "sysu-mm01" if start == "sysu" else start


FRACTIONS = frozenset((*METRICS, *PAPER_COLUMNS))
"""The columns of flat rows that hold printed fractions."""
