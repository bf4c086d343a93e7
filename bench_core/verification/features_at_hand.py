"""Feature files below a folder, found by what records say of their content."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from bench_core.contracts.errors import BenchError
from bench_core.features.digest import features_digest
from bench_core.features.table import read_features
from bench_core.pipeline.run_folder import EXTRACTION_FILE, FEATURES_FILE
from bench_core.system.files import hash_file
from bench_core.system.foreign_files import read_regular
from bench_core.verification.recorded_features import read_recorded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry

SUFFIXES = frozenset({".npz", ".npy", ".mat"})
LARGEST_REPORT_BYTES = 1 << 20


@dataclass(frozen=True)
class FeaturesAtHand:
    """Features that were found.

    Attributes:
        files: A file, or a folder of one file a camera, by the SHA-256 of its features.
    """

    files: Mapping[str, Path]

    def of(self, record: ResultRecord) -> tuple[Path, ...]:
        """Return the features of a record, in the order of trials; none where one is missing."""
        files = [self.files.get(digest) for digest in record.features]
        found = tuple(file for file in files if file is not None)
        return found if len(found) == len(files) else ()


def features_among(
    registry: Registry, files: Sequence[Path], records: Collection[ResultRecord]
) -> FeaturesAtHand:
    """Look for the features of records among files.

    Their content is compared, whatever they are called: `.npz` files by the digest of their
    features, those of other formats first by the hash of the file.

    Args:
        registry: The plugins.
        files: Files, or folders of one file a camera.
        records: Whose features are looked for.
    """
    wanted = {digest for record in records for digest in record.features}
    found: dict[str, Path] = {}
    for path in files:
        if path.suffix == ".npz" and _may_be(path, wanted):
            digest = _digest_of_npz(path)
            if digest is not None and digest in wanted:
                found.setdefault(digest, path)
    missing = [record for record in records if set(record.features) - set(found)]
    return FeaturesAtHand(found | _by_hash_of_file(registry, files, missing))


def feature_files(path: Path) -> list[Path]:
    """Return a file itself, and of a folder all files below it that may be features, sorted."""
    if not path.is_dir():
        return [path]
    return [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix in SUFFIXES and not file.name.endswith(".queries.npz")
        if not any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.is_file()
    ]


def _may_be(path: Path, wanted: Collection[str]) -> bool:
    """Whether the report of a run on its features names wanted ones; without one they may be."""
    if path.name != FEATURES_FILE:
        return True
    try:
        report = json.loads(read_regular(path.with_name(EXTRACTION_FILE), LARGEST_REPORT_BYTES))
    except (OSError, ValueError, RecursionError):
        return True
    return not isinstance(report, dict) or report.get("features") in wanted


def _by_hash_of_file(
    registry: Registry, files: Iterable[Path], records: Collection[ResultRecord]
) -> dict[str, Path]:
    """Find features of other formats, whose files the records name."""
    brought = [record for record in records if record.origin.kind == "features"]
    named = set(chain.from_iterable(record.origin.files for record in brought))
    paths: dict[str, list[Path]] = {}
    for path in files if named else ():
        paths.setdefault(hash_file(path), []).append(path)
    found: dict[str, Path] = {}
    for record in brought:
        known = [paths[digest] for digest in record.origin.files if digest in paths]
        candidates = list(chain.from_iterable(known))
        for path in dict.fromkeys((*candidates, *(path.parent for path in candidates))):
            digest = _digest_as_recorded(registry, path, record)
            if digest is not None and digest in record.features:
                found.setdefault(digest, path)
    return found


def _digest_of_npz(path: Path) -> str | None:
    """Return the digest of a feature file; None of an .npz that is none."""
    try:
        return features_digest(read_features(path))
    except (BenchError, OSError):
        return None


def _digest_as_recorded(registry: Registry, path: Path, record: ResultRecord) -> str | None:
    """Return the digest of what may be the features of a record; None of what is none."""
    try:
        return read_recorded(registry.dataset(record.dataset.id), path, record).digest
    except (BenchError, OSError):
        return None
