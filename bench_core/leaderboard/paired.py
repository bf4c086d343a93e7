"""Which rows can be told apart: a paired test on the scores of their queries."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from bench_core.results.joined import load_mean_table, members_of
from bench_core.system.files import hash_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord
    from bench_core.evaluation.query_table import QueryTable
    from bench_core.evaluation.uncertainty import Rank1Test
    from bench_core.results.remembered import RememberedAnswers


class PairedTests:
    """Tells two stored results apart by the paired permutation test of their rank-1.

    Of several seeds that were joined, the scores of a query are the means over the seeds.

    Args:
        stored: The records by their path; the scores of their queries lie beside them.
        remembered: Knows pairs that were tested before, and learns of those that are.

    Attributes:
        defects: A line on each pair that could not be tested.
    """

    def __init__(
        self,
        stored: Mapping[Path, ResultRecord],
        remembered: RememberedAnswers | None = None,
    ) -> None:
        self._paths = {hash_json(record.row_key): path for path, record in stored.items()}
        self._remembered = remembered
        self._tables: dict[str, QueryTable] = {}
        self.defects: list[str] = []

    def __call__(self, first: ResultRecord, second: ResultRecord) -> bool:
        """Return whether the test tells the two apart at 5 %.

        Two whose queries are missing, changed or not the same cannot be tested: that becomes a
        defect, and they share no rank.
        """
        from bench_core.contracts.errors import DataError

        pair = (first.query_scores, second.query_scores)
        known = None if self._remembered is None else self._remembered.get(*pair)
        if known is not None:
            return known
        try:
            decided = self._told_apart(first, second)
        except DataError as error:
            self.defects.append(f"{error}; the rank of {second.label} is its place, untested")
            return True
        if self._remembered is not None:
            self._remembered.keep(decided, *pair)
        return decided

    @cached_property
    def _test(self) -> Rank1Test:
        # Numerical libraries are loaded only where there is something to compare.
        from bench_core.evaluation.uncertainty import Rank1Test

        return Rank1Test()

    def _told_apart(self, first: ResultRecord, second: ResultRecord) -> bool:
        from bench_core.contracts.errors import DataError

        pair = {hash_json(record.row_key): record for record in (first, second)}
        # Of two pairs in a row one result mostly is the same.
        self._tables = {
            key: self._tables.get(key) or self._load(record) for key, record in pair.items()
        }
        try:
            return self._test.told_apart(*self._tables.values())
        except DataError as error:
            paths = [self._paths_of(record)[0] for record in (first, second)]
            raise DataError(f"{paths[0]} and {paths[1]}: {error}") from error

    def _load(self, record: ResultRecord) -> QueryTable:
        """Load the scores of the queries; of several seeds the means over them."""
        return load_mean_table(self._paths_of(record), members_of(record))

    def _paths_of(self, record: ResultRecord) -> list[Path]:
        return [self._paths[hash_json(member.row_key)] for member in members_of(record)]
