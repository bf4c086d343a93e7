"""Holds the published numbers to what a reader relies on; each defect names file and line."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from bench_core.contracts.errors import DataError
from bench_core.contracts.protocol import ProtocolSpec
from bench_core.published.printed import about_the_same
from bench_core.published.reading import (
    CONFLICTS,
    METHODS,
    PAPERS,
    SOURCES,
    TABLES,
    read_published,
)
from bench_core.published.registry import Published
from bench_core.published.schema import UNKNOWN, PublishedConflict, PublishedRow


def check_published(
    folder: Path, protocols: Mapping[str, ProtocolSpec]
) -> tuple[Published, tuple[DataError, ...]]:
    """Read a folder of published numbers and check all of it.

    Args:
        folder: Such as `results/published`.
        protocols: Those that rows may name.

    Returns:
        What can be used, and a defect for each part that is not what it must be.
    """
    found = read_published(folder)
    published = found.published
    defects = [
        *found.defects,
        *_row_defects(published, folder, protocols),
        *_duplicates(published, folder),
        *_unsorted(published, folder),
        *_disagreements(published, folder),
        *_conflict_defects(published, folder),
        *_paper_defects(published, folder),
        *_unused(published, folder),
    ]
    return published, tuple(defects)


def row_file(folder: Path, row: PublishedRow) -> Path:
    """Return the file that a row is in."""
    return folder / TABLES / f"{row.source}.csv"


def _at(folder: Path, row: PublishedRow, what: str) -> DataError:
    return DataError(f"{row_file(folder, row)}:{row.line}: {what}")


def _row_defects(
    published: Published, folder: Path, protocols: Mapping[str, ProtocolSpec]
) -> Iterator[DataError]:
    """Yield what is wrong with rows by themselves: unknown names, and a contradicted direction."""
    for row in published.rows:
        if row.method_id not in published.method_by_id:
            hint = _nearest(row.method_id, published.method_by_id)
            yield _at(folder, row, f"{METHODS} has no method [{row.method_id}]{hint}")
        if row.protocol is None:
            continue
        if row.protocol not in protocols:
            hint = _nearest(row.protocol, protocols)
            yield _at(folder, row, f"unknown protocol '{row.protocol}'{hint}; leave it empty and "
                      "fill setting where the source states none of ours")  # fmt: skip
            continue
        spec = protocols[row.protocol]
        direction = f"{spec.query_modality}-to-{spec.gallery_modality}"
        if row.direction not in (direction, UNKNOWN):
            yield _at(folder, row, f"{row.protocol} is {direction}, not {row.direction}")


def _nearest(name: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


def _duplicates(published: Published, folder: Path) -> Iterator[DataError]:
    first: dict[tuple[str | None, ...], PublishedRow] = {}
    for row in published.rows:
        key = (row.source, *_order(row))
        other = first.setdefault(key, row)
        if other is not row:
            yield _at(folder, row, f"the same row as line {other.line}; remove one of them")


def _order(row: PublishedRow) -> tuple[str, ...]:
    return row.table, row.method, row.protocol or "", row.setting, row.row, row.rerank


def _unsorted(published: Published, folder: Path) -> Iterator[DataError]:
    last: dict[str, PublishedRow] = {}
    for row in published.rows:
        before = last.get(row.source)
        if before is not None and _order(row)[:4] < _order(before)[:4]:
            yield _at(folder, row, "rows are sorted by table, method, protocol and setting; move "
                      f"it above line {before.line}")  # fmt: skip
        last[row.source] = row


def _disagreements(published: Published, folder: Path) -> Iterator[DataError]:
    """Yield numbers that contradict another source's, of which no conflict tells."""
    same = defaultdict(list)
    for row in published.rows:
        for metric in row.values if row.protocol else ():
            same[row.method, row.protocol, row.reranker, metric].append(row)
    for (method, protocol, _, metric), rows in same.items():
        for number, row in enumerate(rows):
            other = next((
                other for other in rows[:number]
                if not about_the_same(other.values[metric], row.values[metric])
                and not any(published.disputes(row, metric))
                and not any(published.disputes(other, metric))
            ), None)  # fmt: skip
            if other is not None:
                yield _at(
                    folder,
                    row,
                    f"{metric} of {method} on {protocol} is {row.values[metric]} here and "
                    f"{other.values[metric]} in {row_file(folder, other)}:{other.line}; mend one, "
                    f"or tell of it in {CONFLICTS}",
                )


def _conflict_defects(published: Published, folder: Path) -> Iterator[DataError]:
    for conflict in published.conflicts:
        for what in _empty_claims(published, conflict):
            yield DataError(f"{folder / CONFLICTS}:{conflict.line}: {what}")


def _empty_claims(published: Published, conflict: PublishedConflict) -> Iterator[str]:
    """Yield what a conflict names and no row has."""
    about = [
        row
        for row in published.rows
        if any(conflict.is_about(row, metric) for metric in row.values)
    ]
    for method in conflict.methods:
        if method not in {row.method for row in about}:
            yield f"no row of {method} on {conflict.protocol} has a number that it is about"
    for place in conflict.places:
        if place not in {row.place for row in about}:
            yield f"no row of '{place}' has a number that it is about"
    belongs = conflict.belongs_to_method
    if belongs is not None and belongs.partition(":")[0] not in published.method_by_id:
        yield f"{METHODS} has no method [{belongs}]"


def _paper_defects(published: Published, folder: Path) -> Iterator[DataError]:
    """Yield rows that a paper's tables name and lack, and the other way round."""
    for paper in published.papers:
        printed = {
            (row.table, row.protocol, row.row): row
            for row in published.rows
            if row.source == paper.id and row.protocol
        }
        listed = {
            (table.table, protocol, row)
            for table in paper.tables
            for protocol in table.protocols
            for row in table.rows
        }
        at = f"{folder / PAPERS}: [{paper.id}]"
        for place, row in printed.items():
            if place not in listed:
                yield DataError(
                    f"{at} has no row '{row.row}' of {row.table} on {row.protocol}, which "
                    f"{row_file(folder, row)}:{row.line} has"
                )
        names = {(table, row) for table, _, row in printed}
        for table, name in sorted({(table, row) for table, _, row in listed} - names):
            yield DataError(f"{at} has the row '{name}' of {table}, which {TABLES} has not")
        for label in paper.without_variant.keys() - {row.method for row in printed.values()}:
            yield DataError(f"{at} says why {label} is no variant, of which it has no row")


def _unused(published: Published, folder: Path) -> Iterator[DataError]:
    """Yield sources and methods without rows."""
    with_rows = {row.source for row in published.rows}
    for source in published.sources:
        if source.id not in with_rows:
            yield DataError(f"{folder / SOURCES}: [{source.id}] has no rows in {TABLES}")
        for method in source.introduces:
            if method not in published.method_by_id:
                yield DataError(
                    f"{folder / SOURCES}: [{source.id}] introduces {method}, which is not in "
                    f"{METHODS}"
                )
    methods = {row.method_id for row in published.rows}
    for known in published.method_by_id:
        if known not in methods:
            yield DataError(f"{folder / METHODS}: [{known}] has no rows in {TABLES}")
