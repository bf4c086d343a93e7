"""Which tables of a leaderboard change, and how: the ranks before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from bench_core.leaderboard.cells import place
from bench_core.leaderboard.headings import heading
from bench_core.leaderboard.paired import PairedTests
from bench_core.leaderboard.rows import sections
from bench_core.system.files import hash_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord
    from bench_core.leaderboard.rows import Row, Section, SectionKey

Kind: TypeAlias = Literal["new", "replaced", "removed", "moved"]


@dataclass(frozen=True, kw_only=True)
class RowChange:
    """A row that changes.

    Attributes:
        kind: What becomes of it; of a moved one only the rank changes.
        label: The method, with all that was done besides.
        before: Its rank, such as "1" or "r2"; None where it was not there.
        after: Its rank now; None where it is gone.
        rank_1: Mean rank-1 in [0, 1], of the row as it is now or was last.
        mean_average_precision: mAP, likewise.
    """

    kind: Kind
    label: str
    before: str | None
    after: str | None
    rank_1: float
    mean_average_precision: float


@dataclass(frozen=True, kw_only=True)
class TableChange:
    """A table that changes.

    Attributes:
        heading: What it is of.
        is_new: Whether there was no such table.
        rows: The rows that change, from the best down; those that are gone stand last.
    """

    heading: str
    is_new: bool
    rows: tuple[RowChange, ...]


@dataclass(frozen=True)
class TableChanges:
    """The tables that change.

    Attributes:
        tables: In the order of the leaderboard.
        defects: What kept rows from being compared, one line each.
    """

    tables: tuple[TableChange, ...]
    defects: tuple[str, ...]

    def as_document(self) -> list[dict[str, Any]]:
        """Return the tables as JSON values."""
        return [
            {
                "heading": table.heading,
                "new": table.is_new,
                "rows": [
                    {
                        "change": row.kind,
                        "label": row.label,
                        "before": row.before,
                        "after": row.after,
                        "rank-1": row.rank_1,
                        "mAP": row.mean_average_precision,
                    }
                    for row in table.rows
                ],
            }
            for table in self.tables
        ]


def table_changes(
    before: Mapping[Path, ResultRecord], after: Mapping[Path, ResultRecord]
) -> TableChanges:
    """Compare the tables of two sets of results.

    Args:
        before: Results by their file, beside which the scores of their queries lie.
        after: The same with what is submitted.
    """
    tests = PairedTests(before), PairedTests(after)
    old = {table.key: table for table in sections(before.values(), tests[0])}
    new = {table.key: table for table in sections(after.values(), tests[1])}
    keys: list[SectionKey] = sorted({*old, *new})
    tables = [_table_change(old.get(key), new.get(key)) for key in keys]
    return TableChanges(
        tuple(table for table in tables if table.rows),
        tuple(dict.fromkeys(tests[1].defects)),
    )


def _table_change(old: Section | None, new: Section | None) -> TableChange:
    was, now = _by_run(old), _by_run(new)
    shown = new or old
    assert shown is not None  # noqa: S101  # a key is of one of them
    return TableChange(
        heading=heading(shown), is_new=old is None, rows=tuple(_row_changes(was, now))
    )


def _by_run(section: Section | None) -> dict[str, Row]:
    rows: Sequence[Row] = section.rows if section else ()
    return {hash_json(row.record.row_key): row for row in rows}


def _row_changes(was: Mapping[str, Row], now: Mapping[str, Row]) -> Iterator[RowChange]:
    for run, row in now.items():
        old = was.get(run)
        if old is None:
            yield _row_change("new", row, None, place(row))
        elif old.record.scores != row.record.scores or old.record.digest != row.record.digest:
            yield _row_change("replaced", row, place(old), place(row))
        elif old.rank != row.rank:
            yield _row_change("moved", row, place(old), place(row))
    for run, row in was.items():
        if run not in now:
            yield _row_change("removed", row, place(row), None)


def _row_change(kind: Kind, row: Row, before: str | None, after: str | None) -> RowChange:
    mean = row.record.scores.mean
    return RowChange(
        kind=kind,
        label=row.record.label,
        before=before,
        after=after,
        rank_1=mean.rank_1,
        mean_average_precision=mean.mean_average_precision,
    )
