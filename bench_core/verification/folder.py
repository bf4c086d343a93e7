"""All records of a results folder whose features are at hand, held to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench_core.contracts.errors import BenchError
from bench_core.results.store import ClaimedResult
from bench_core.system.progress import progress
from bench_core.verification.features_at_hand import find_features
from bench_core.verification.inputs import InputsAtHand
from bench_core.verification.rescoring import verify_result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry


@dataclass(frozen=True, kw_only=True)
class FolderVerification:
    """What became of the records of a folder.

    Attributes:
        recomputed: Digests of the records that their features give to the last digit.
        failed: What is wrong with each of the others whose features are at hand, by their file.
        notes: What kept features that are at hand from being scored, one line each.
    """

    recomputed: frozenset[str]
    failed: Mapping[Path, str]
    notes: tuple[str, ...]


def verify_folder(
    registry: Registry,
    stored: Mapping[Path, ResultRecord],
    features: Path,
    splits: Sequence[Path] = (),
) -> FolderVerification:
    """Hold every record to its features, where they lie below a folder.

    Args:
        registry: The plugins.
        stored: The records by their files.
        features: Where features lie; they are known by their hash.
        splits: Folders of split files, or roots of datasets; rendered people need none.

    Raises:
        UsageError: What is given is no folder.
    """
    at_hand = InputsAtHand(registry, splits)
    may_be = {
        path: record
        for path, record in stored.items()
        if record.features and record.digest and record.origin.kind != "given"
    }
    found = find_features(registry, features, list(may_be.values()))
    chosen = {path: files for path, record in may_be.items() if (files := found.of(record))}
    recomputed, failed, notes = set(), {}, []
    for path, files in progress(chosen.items(), description="recomputing", unit="record"):
        record = stored[path]
        try:
            inputs = at_hand.find(record)
            if inputs is None:
                notes.append(
                    f"{path} is not recomputed: its features are at hand, but the split files of "
                    f"{record.dataset.id} that it was scored with are not; name them with --splits"
                )
                continue
            outcome = verify_result(registry, path, ClaimedResult(record, ()), files, inputs)
        except BenchError as error:
            failed[path] = str(error)
            continue
        if outcome.recomputed:
            recomputed.add(str(record.digest))
        else:
            failed[path] = outcome.sentence
    return FolderVerification(recomputed=frozenset(recomputed), failed=failed, notes=tuple(notes))
