"""The published numbers together: what was printed for a method, by whom, and what disputes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bench_core.published.schema import (
    PaperTable,
    PublishedConflict,
    PublishedMethod,
    PublishedPaper,
    PublishedRow,
    PublishedSource,
)


@dataclass(frozen=True)
class Published:
    """All published numbers of a folder.

    Attributes:
        rows: In the order of their files and lines.
        sources: Where they stand.
        methods: What they are of.
        conflicts: What is disputed.
        papers: Those whose tables are known as a whole.
    """

    rows: tuple[PublishedRow, ...]
    sources: tuple[PublishedSource, ...]
    methods: tuple[PublishedMethod, ...]
    conflicts: tuple[PublishedConflict, ...]
    papers: tuple[PublishedPaper, ...] = ()

    @cached_property
    def source_by_id(self) -> dict[str, PublishedSource]:
        """The sources by their ids."""
        return {source.id: source for source in self.sources}

    @cached_property
    def method_by_id(self) -> dict[str, PublishedMethod]:
        """The methods by their ids."""
        return {method.id: method for method in self.methods}

    @cached_property
    def paper_by_id(self) -> dict[str, PublishedPaper]:
        """The papers by the ids of their sources."""
        return {paper.id: paper for paper in self.papers}

    def printed_rows(
        self, paper: PublishedPaper, table: PaperTable, protocol: str
    ) -> Iterator[PublishedRow]:
        """Yield the rows of a table of a paper under a protocol, as they follow each other."""
        found = {
            row.row: row
            for row in self.rows
            if (row.source, row.table, row.protocol) == (paper.id, table.table, protocol)
        }
        return (found[name] for name in table.rows if name in found)

    def rows_of(self, protocol: str) -> tuple[PublishedRow, ...]:
        """Return the rows of a protocol, sorted by method, source and table."""
        chosen = (row for row in self.rows if row.protocol == protocol)
        return tuple(sorted(chosen, key=lambda row: (row.method, row.source, row.line)))

    def own_row(
        self, method: str, protocol: str, *, reranker: str | None, metric: str
    ) -> PublishedRow | None:
        """Return what the method's own paper, else its repository, printed.

        Args:
            method: Its label, such as "xiv:baseline".
            protocol: Id of a protocol.
            reranker: By whose distances; None for those without re-ranking.
            metric: Which the row must have.

        Returns:
            The first row of the source with the best evidence; None where none is checked, and
            where the number is most likely wrong.
        """
        return self._own_rows.get((method, protocol, reranker, metric))

    @cached_property
    def _own_rows(self) -> dict[tuple[str, str, str | None, str], PublishedRow]:
        """What `own_row` returns; a leaderboard asks it of every record."""
        own: dict[tuple[str, str, str | None, str], PublishedRow] = {}
        for evidence in ("paper", "repository"):
            for row in self.rows:
                source = self.source_by_id[row.source]
                if source.evidence != evidence or row.method_id not in source.introduces:
                    continue
                for metric in row.values if row.protocol else ():
                    if self.suspicion(row, metric) is None:
                        key = (row.method, row.protocol or "", row.reranker, metric)
                        own.setdefault(key, row)
        return own

    def disputes(self, row: PublishedRow, metric: str) -> Iterator[PublishedConflict]:
        """Yield the conflicts that a number is part of."""
        return (conflict for conflict in self.conflicts if conflict.is_about(row, metric))

    def suspicion(self, row: PublishedRow, metric: str) -> PublishedConflict | None:
        """Return the conflict by which a number is most likely wrong where it stands."""
        disputes = self.disputes(row, metric)
        return next((dispute for dispute in disputes if row.place in dispute.suspect), None)

    def authors_of(self, source: PublishedSource) -> str:
        """Return who wrote a paper, as the method that it introduces says; else nothing."""
        introduced = (self.method_by_id.get(name) for name in source.introduces)
        papers = (method for method in introduced if method and method.title == source.title)
        return next((method.authors for method in papers if method.authors), "")

    def citation(self, row: PublishedRow) -> str:
        """Return where a row stands, such as "XIV, Table 4"."""
        source = self.source_by_id[row.source]
        table = "" if row.table == "unknown" else f", {row.table}"
        return f"{source.label}{table}"
