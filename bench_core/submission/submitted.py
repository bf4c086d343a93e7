"""Results that are submitted: read, checked against all others, and held to their features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import DataError
from bench_core.results.store import find_results, read_result
from bench_core.submission.checks import check_record
from bench_core.submission.tables import TableChanges, table_changes
from bench_core.system.files import hash_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry
    from bench_core.verification.records import RecordsVerification

RECOMPUTED = "recomputed from its features: every score is the same to the last digit"


@dataclass(frozen=True, kw_only=True)
class SubmittedRecord:
    """A result with what was found of it.

    Attributes:
        path: Its file.
        record: What it holds.
        problems: What keeps it from being submitted, one line each.
        passed: What was checked and is as it must be.
        disclosed: What is to be said of it.
        recomputed: Whether its features were scored again, with the same scores.
    """

    path: Path
    record: ResultRecord
    problems: tuple[str, ...]
    passed: tuple[str, ...]
    disclosed: tuple[str, ...]
    recomputed: bool = False

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "result": str(self.path),
            "method": self.record.label,
            "protocol": self.record.protocol.id,
            "recomputed": self.recomputed,
            "problems": list(self.problems),
            "checked": list(self.passed),
            "disclosed": list(self.disclosed),
        }

    def held_to_features(self, found: RecordsVerification) -> SubmittedRecord:
        """Return it with what its features say, where they were at hand."""
        if self.path in found.failed:
            return replace(self, problems=(*self.problems, found.failed[self.path]), passed=())
        if self.record.digest not in found.recomputed:
            return self
        passed = () if self.problems else (*self.passed, RECOMPUTED)
        return replace(self, recomputed=True, passed=passed)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """Results that are submitted together.

    Attributes:
        records: Each with what was found of it.
        changes: The tables that they change.
    """

    records: tuple[SubmittedRecord, ...]
    changes: TableChanges

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps them from being submitted, one line each."""
        return tuple(f"{one.path}: {text}" for one in self.records for text in one.problems)

    def held_to_features(self, found: RecordsVerification) -> Submission:
        """Return it with what the features of its results say."""
        return replace(self, records=tuple(one.held_to_features(found) for one in self.records))

    def as_document(self) -> dict[str, Any]:
        """Return what `bench submit --json` prints, but the files that it wrote."""
        return {
            "records": [one.as_document() for one in self.records],
            "tables": self.changes.as_document(),
        }


def read_submitted(paths: Sequence[Path]) -> dict[Path, ResultRecord]:
    """Read the records that are submitted.

    Raises:
        DataError: One is no whole record, or two are of the same run.
    """
    records = {path: read_result(path) for path in paths}
    first: dict[str, Path] = {}
    for path, record in records.items():
        other = first.setdefault(hash_json(record.row_key), path)
        if other is not path:
            raise DataError(f"{other} and {path} hold the same run; leave one of them out")
    return records


def check_submission(
    registry: Registry, submitted: Mapping[Path, ResultRecord], results: Path
) -> Submission:
    """Check results against each other and against those of a folder.

    Args:
        registry: The plugins.
        submitted: The results by their file, which may lie in the folder.
        results: The results folder; one that does not exist holds none.

    Raises:
        DataError: The folder is a file.
    """
    own = {path.resolve() for path in submitted}
    found = find_results(results).records
    before = {path: record for path, record in found.items() if path.resolve() not in own}
    replaced = {hash_json(record.row_key) for record in submitted.values()}
    kept = {
        path: record for path, record in before.items() if hash_json(record.row_key) not in replaced
    }
    return Submission(
        records=checked(registry, submitted, {**before, **submitted}),
        changes=table_changes(before, {**kept, **submitted}),
    )


def checked(
    registry: Registry,
    submitted: Mapping[Path, ResultRecord],
    everything: Mapping[Path, ResultRecord],
) -> tuple[SubmittedRecord, ...]:
    """Check each of some results against all the others.

    Args:
        registry: The plugins.
        submitted: The results to check.
        everything: All results, with them.
    """
    reports = []
    for path, record in submitted.items():
        others = {other: found for other, found in everything.items() if other != path}
        checks = check_record(registry, record, others)
        reports.append(
            SubmittedRecord(
                path=path,
                record=record,
                problems=checks.problems,
                passed=checks.passed,
                disclosed=checks.disclosed,
            )
        )
    return tuple(reports)
