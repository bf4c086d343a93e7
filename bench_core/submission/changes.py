"""What one checkout changes in the results of another: for the check of a pull request.

Both are data here: nothing of them is imported or run.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import UsageError
from bench_core.results.store import find_results
from bench_core.submission.description import describe_changes
from bench_core.submission.folder import FEATURES, RESULTS
from bench_core.submission.submitted import SubmittedRecord, checked
from bench_core.submission.tables import TableChanges, table_changes
from bench_core.system.files import hash_json
from bench_core.verification.features_at_hand import feature_files
from bench_core.verification.records import verify_records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry


@dataclass(frozen=True, kw_only=True)
class ResultChanges:
    """What changes.

    Attributes:
        records: The results that are new or changed, checked.
        tables: The tables that change.
        defects: What is wrong besides, such as a record that cannot be read.
        notes: What could not be recomputed, and why.
    """

    records: tuple[SubmittedRecord, ...]
    tables: TableChanges
    defects: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def num_problems(self) -> int:
        """Of how many problems is told."""
        return len(self.defects) + sum(len(one.problems) for one in self.records)

    @property
    def markdown(self) -> str:
        """All of it as Markdown."""
        return describe_changes(self.records, self.tables, self.defects, self.notes)

    def as_document(self) -> dict[str, Any]:
        """Return what `bench submit --changes --json` prints."""
        return {
            "records": [one.as_document() for one in self.records],
            "tables": self.tables.as_document(),
            "problems": list(self.defects),
            "notes": list(self.notes),
        }


def result_changes(
    registry: Registry, base: Path, head: Path, splits: Sequence[Path] = ()
) -> ResultChanges:
    """Compare two checkouts, check what is new or changed, and recompute what has its features.

    Args:
        registry: The plugins.
        base: A checkout with the folder `results`, or such a folder, as it was.
        head: The same as it shall be. Features below its folder `features` are scored.
        splits: Folders of split files, or roots of datasets; rendered people need none.

    Raises:
        UsageError: One of the two is no folder.
    """
    before, after = (find_results(_results_of(folder)) for folder in (base, head))
    changed = _changed(before.records, after.records)
    records = checked(registry, changed, after.records)
    features, notes = head / FEATURES, list[str]()
    if features.is_dir():
        found = verify_records(registry, changed, [features], splits)
        records = tuple(one.held_to_features(found) for one in records)
        notes += found.notes
        used = [*chain.from_iterable(found.features.values())]
        notes += _unused(feature_files(features), used)
    return ResultChanges(
        records=records,
        tables=table_changes(before.records, after.records),
        defects=tuple(map(str, after.defects)),
        notes=tuple(notes),
    )


def _results_of(folder: Path) -> Path:
    if not folder.is_dir():
        raise UsageError(f"--changes: {folder} is not a folder; name a checkout or its results")
    inner = folder / RESULTS
    return inner if inner.is_dir() else folder


def _changed(
    before: Mapping[Path, ResultRecord], after: Mapping[Path, ResultRecord]
) -> dict[Path, ResultRecord]:
    """Return the results that are not, or not so, among earlier ones, wherever they lie."""
    known = {hash_json(record.as_document()) for record in before.values()}
    return {
        path: record
        for path, record in after.items()
        if hash_json(record.as_document()) not in known
    }


def _unused(files: Sequence[Path], used: Sequence[Path]) -> list[str]:
    """Say which attached files are no features of a result that is new or changed."""
    return [
        f"{path} holds no features of a result that is new or changed"
        for path in files
        if not any(path.is_relative_to(other) for other in used)
    ]
