"""The rows of the flat tables (CSV, Parquet): measured ones, then published ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.leaderboard.corruption import GRID_COLUMNS, flat_robustness
from bench_core.leaderboard.published_values import (
    KIND,
    PUBLISHED_COLUMNS,
    paper_values,
    published_rows,
)
from bench_core.leaderboard.rows import FLAT_COLUMNS, flat_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench_core.leaderboard.rows import Section, Value
    from bench_core.published.registry import Published

FLAT_TABLE_COLUMNS = (KIND, *FLAT_COLUMNS, *GRID_COLUMNS, *PUBLISHED_COLUMNS)


def table_rows(
    tables: Sequence[Section], published: Published | None = None
) -> Iterator[dict[str, Value]]:
    """Yield a row for each measured and each published one, with what is known of it.

    Printed fractions are text, so that no digit is lost. Published rows have no rank.

    Args:
        tables: From `bench_core.leaderboard.rows.sections`.
        published: The registry; None for no published numbers.
    """
    records = (row.record for table in tables for row in table.rows)
    for values, record in zip(flat_rows(tables), records, strict=True):
        yield {
            KIND: "measured",
            **values,
            **flat_robustness(record),
            **paper_values(record, published),
        }
    yield from published_rows(published)
