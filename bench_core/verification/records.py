"""Records whose features are at hand, held to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench_core.contracts.errors import BenchError
from bench_core.results.store import ClaimedResult
from bench_core.system.progress import progress
from bench_core.verification.features_at_hand import feature_files, features_among
from bench_core.verification.inputs import InputsAtHand
from bench_core.verification.rescoring import verify_result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry


@dataclass(frozen=True, kw_only=True)
class RecordsVerification:
    """What became of the records of a folder.

    Attributes:
        recomputed: Digests of the records that their features give to the last digit.
        failed: What is wrong with each of the others whose features are at hand, by their file.
        notes: What kept features that are at hand from being scored, one line each.
        features: The features of each record that has them at hand, in the order of trials.
    """

    recomputed: frozenset[str]
    failed: Mapping[Path, str]
    notes: tuple[str, ...]
    features: Mapping[Path, tuple[Path, ...]]


def verify_records(
    registry: Registry,
    stored: Mapping[Path, ResultRecord],
    features: Sequence[Path],
    splits: Sequence[Path] = (),
) -> RecordsVerification:
    """Hold every record to its features, where they are at hand.

    Records of schema 1, which name no features, and galleries as given are left out.

    Args:
        registry: The plugins.
        stored: The records by their files.
        features: Files, and folders below which features lie; they are known by their hash.
        splits: Folders of split files, or roots of datasets; rendered people need none.

    Raises:
        UsageError: A folder of split files is none.
    """
    at_hand = InputsAtHand(registry, splits)
    may_be = {
        path: record
        for path, record in stored.items()
        if record.features and record.digest and record.origin.kind != "given"
    }
    files = [file for path in features for file in feature_files(path)]
    found = features_among(registry, files, list(may_be.values()))
    chosen = {path: found.of(record) for path, record in may_be.items() if found.of(record)}
    recomputed, failed, notes = set(), {}, []
    for path, own in progress(chosen.items(), description="recomputing", unit="record"):
        record = stored[path]
        try:
            inputs = at_hand.find(record)
            if inputs is None:
                notes.append(_without_splits(path, record))
                continue
            outcome = verify_result(registry, path, ClaimedResult(record, ()), own, inputs)
        except BenchError as error:
            failed[path] = str(error)
            continue
        if outcome.recomputed:
            recomputed.add(str(record.digest))
        else:
            failed[path] = outcome.sentence
    return RecordsVerification(
        recomputed=frozenset(recomputed), failed=failed, notes=tuple(notes), features=chosen
    )


def _without_splits(path: Path, record: ResultRecord) -> str:
    return (
        f"{path} is not recomputed: its features are at hand, but the split files of "
        f"{record.dataset.id} that it was scored with are not; name them with --splits"
    )
