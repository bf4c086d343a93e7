"""What is looked at whenever a dataset is used, not only when it is verified: no pixels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench_core.contracts.dataset import (
    IMPORT_RECORD,
    SYNTHETIC_MARKER,
    Dataset,
    DatasetReader,
    DatasetSpec,
)
from bench_core.data.image_folders import import_records
from bench_core.data.verification.counts import (
    check_counts,
    count_subsets,
    read_marker,
    repeats_real_counts,
)
from bench_core.data.verification.findings import Finding
from bench_core.loading import load_object
from bench_core.system.escaping import terminal_name
from bench_core.system.foreign_files import read_regular

MOST_RECORD_BYTES = 1 << 16


def look_at(spec: DatasetSpec, dataset: Dataset) -> tuple[str, ...]:
    """Compare a dataset with the published one by its counts and by what its reader saw.

    Nothing here keeps a dataset from being scored: copies with other counts exist, and whoever
    trains on a part of one knows it. But nobody who reads the score may be left without it.

    Args:
        spec: The dataset as it is published; without published counts none are compared. Those
            of synthetic people are compared where they repeat the real ones.
        dataset: What was read.

    Returns:
        One line for each kind of difference, of characters that can be shown.
    """
    return tuple(map(_as_line, (*_check_published(spec, dataset), *check_what_was_read(dataset))))


def check_what_was_read(dataset: Dataset) -> Iterator[Finding]:
    """Report what the reader saw, a rendered dataset that is not whole, and an imported one."""
    doubts = read_doubts(dataset.root)
    if doubts:
        yield Finding(
            kind="imported",
            severity="problem",
            message="images that are not the dataset's own files; results on them say so",
            examples=("; ".join(doubts),),
        )
    if dataset.findings:
        yield Finding(
            kind="names",
            severity="problem",
            message="names that do not fit the place of a file, or this dataset; restore the files",
            examples=dataset.findings,
        )
    if dataset.synthetic and not doubts and (faults := tuple(_faults_of_marker(dataset))):
        yield Finding(
            kind="marker",
            severity="problem",
            message="rendered people of whom something is lost; render them again",
            examples=faults,
        )


def read_doubts(root: Path) -> tuple[str, ...]:
    """Return how an imported dataset differs from its owners' files; nothing where it is theirs.

    A record lies at its root and another one beside its split files, so that a copy that lost the
    first is not taken for the dataset.
    """
    record = next(import_records(root), None)
    if record is None:
        return ()
    try:
        doubts = json.loads(read_regular(record, MOST_RECORD_BYTES))["doubts"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        doubts = None
    if isinstance(doubts, list) and doubts and all(isinstance(doubt, str) for doubt in doubts):
        return tuple(doubts)
    return (f"it was imported, and {IMPORT_RECORD}, which said of what, is damaged",)


def _check_published(spec: DatasetSpec, dataset: Dataset) -> Iterator[Finding]:
    if spec.published and (not dataset.synthetic or repeats_real_counts(dataset.root)):
        reader: DatasetReader = load_object(spec.reader)()
        published = [replace(count, note="") for count in spec.published]  # a line stays short
        yield from check_counts(count_subsets(dataset.images, reader.subsets(dataset), published))


def _faults_of_marker(dataset: Dataset) -> Iterator[str]:
    """Say what a rendered dataset lost; one of full scale is compared with the real counts."""
    if not (dataset.root / SYNTHETIC_MARKER).exists():
        yield f"{SYNTHETIC_MARKER} is missing at the root"
    marker = read_marker(dataset.root)
    found = {"images": len(dataset.images), "identities": dataset.images["identity"].nunique()}
    for name, number in found.items():
        rendered = marker.get(name)
        if (
            isinstance(rendered, int)
            and number < rendered
            and not repeats_real_counts(dataset.root)
        ):
            yield f"{number:,} {name} of {rendered:,} that were rendered"


def _as_line(finding: Finding) -> str:
    more = f" (and {len(finding.examples) - 1} more)" if len(finding.examples) > 1 else ""
    return terminal_name(f"{finding.kind}: {finding.examples[0]}{more}")
