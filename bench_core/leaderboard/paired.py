"""Which rows can be told apart: a paired test on the scores of their queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.system.files import hash_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord


class PairedTests:
    """Tells two stored results apart by the paired permutation test of their rank-1.

    Args:
        stored: The records by their path; the scores of their queries lie beside them.

    Attributes:
        defects: A line on each pair that could not be tested.
    """

    def __init__(self, stored: Mapping[Path, ResultRecord]) -> None:
        self._paths = {hash_json(record.row_key): path for path, record in stored.items()}
        self.defects: list[str] = []

    def __call__(self, first: ResultRecord, second: ResultRecord) -> bool:
        """Return whether the test tells the two apart at 5 %.

        Two whose queries are missing, changed or not the same cannot be tested: that becomes a
        defect, and they share no rank.
        """
        from bench_core.contracts.errors import DataError

        try:
            return self._told_apart(first, second)
        except DataError as error:
            self.defects.append(f"{error}; the rank of {second.label} is its place, untested")
            return True

    def _told_apart(self, first: ResultRecord, second: ResultRecord) -> bool:
        # Numerical libraries are loaded only where there is something to compare.
        from bench_core.contracts.errors import DataError
        from bench_core.evaluation.uncertainty import rank_1_told_apart
        from bench_core.results.query_scores import load_query_table

        paths = [self._paths[hash_json(record.row_key)] for record in (first, second)]
        tables = [
            load_query_table(path, record)
            for path, record in zip(paths, (first, second), strict=True)
        ]
        try:
            return rank_1_told_apart(*tables)
        except DataError as error:
            raise DataError(f"{paths[0]} and {paths[1]}: {error}") from error
