"""Verifying a root folder: everything that is checked, and the report of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench_core.contracts.dataset import Dataset, DatasetReader, DatasetSpec
from bench_core.contracts.errors import DataError
from bench_core.contracts.protocol import ProtocolSpec
from bench_core.data.fingerprint import (
    Snapshot,
    fingerprint_of_contents,
    remember_fingerprint,
    take_snapshot,
)
from bench_core.data.opening import open_dataset
from bench_core.data.verification import files
from bench_core.data.verification.counts import (
    CameraCount,
    SubsetCount,
    check_counts,
    count_cameras,
    count_subsets,
    repeats_real_counts,
)
from bench_core.data.verification.findings import Finding
from bench_core.data.verification.first_look import check_what_was_read
from bench_core.data.verification.inspection import ImageFacts, inspect_images
from bench_core.data.verification.splits import check_splits
from bench_core.data.verification.walking import walk
from bench_core.loading import load_object


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a verification found.

    Attributes:
        dataset: Id of the dataset.
        root: The folder.
        synthetic: Whether its images are rendered; None where it could not be read.
        compared: Whether counts were compared with the published ones: not those of synthetic
            people, unless they repeat the real counts.
        fingerprint: SHA-256 (hex) of the dataset; None where a file of it cannot be read.
        num_images: Number of images that the dataset lists, or of all below the root where it
            could not be read.
        num_identities: Number of people; None where it could not be read.
        subsets: Counts by subset and modality.
        cameras: Counts by camera and modality.
        findings: Problems, then notes.
    """

    dataset: str
    root: Path
    synthetic: bool | None
    compared: bool
    fingerprint: str | None
    num_images: int
    num_identities: int | None
    subsets: Sequence[SubsetCount]
    cameras: Sequence[CameraCount]
    findings: Sequence[Finding]

    @property
    def num_problems(self) -> int:
        """Number of findings that would change a score."""
        return sum(finding.severity == "problem" for finding in self.findings)

    def as_document(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "dataset": self.dataset,
            "root": str(self.root),
            "synthetic": self.synthetic,
            "compared_with_published": self.compared,
            "fingerprint": self.fingerprint,
            "images": self.num_images,
            "identities": self.num_identities,
            "problems": self.num_problems,
            "notes": len(self.findings) - self.num_problems,
            "subsets": [asdict(count) for count in self.subsets],
            "cameras": [asdict(count) for count in self.cameras],
            "findings": [
                {**asdict(finding), "count": len(finding.examples)} for finding in self.findings
            ],
        }


def verify(spec: DatasetSpec, protocols: Sequence[ProtocolSpec], root: Path, cache: Path) -> Report:
    """Check a copy of a dataset: read it, count it, open every image, draw every trial.

    Args:
        spec: Which dataset it should be.
        protocols: The dataset's protocols.
        root: Its folder.
        cache: Folder where the fingerprint is remembered.

    Returns:
        The report; a dataset that cannot be read is a problem in it, and the images below the
        root are checked all the same.

    Raises:
        BenchError: The cache cannot be written.
    """
    reader: DatasetReader = load_object(spec.reader)()
    try:
        dataset = open_dataset(spec, root)
    except DataError as error:
        return _report_of_files(spec, root, str(error))
    snapshot = _snapshot(dataset)
    subsets = reader.subsets(dataset)
    compared = not dataset.synthetic or repeats_real_counts(root)
    counts = count_subsets(dataset.images, subsets, spec.published if compared else ())
    found = walk(dataset.root)
    listed = frozenset(dataset.images["path"])
    facts = inspect_images(dataset.root, sorted(listed.union(found.images)))
    images = _with_facts(dataset, facts)
    findings = [
        *check_splits(dataset, protocols),
        *check_counts(counts),
        *check_what_was_read(dataset),
        *files.check_links(found),
        *files.check_decoding(facts, listed, found),
        *files.check_modality(images),
        *files.check_copies(images),
        *files.check_places(found, listed),
        *files.check_other_files(found),
    ]
    return Report(
        dataset=spec.id,
        root=root,
        synthetic=dataset.synthetic,
        compared=compared,
        fingerprint=_fingerprint(images, snapshot, cache),
        num_images=len(images),
        num_identities=images["identity"].nunique(),
        subsets=counts,
        cameras=count_cameras(images, subsets),
        findings=_problems_first(findings),
    )


def _report_of_files(spec: DatasetSpec, root: Path, why_unreadable: str) -> Report:
    """Report what can be said of a dataset that cannot be read: its files, without their people."""
    found = walk(root)
    facts = inspect_images(root, found.images)
    unreadable = Finding(
        kind="unreadable dataset",
        severity="problem",
        message=f"{spec.title} cannot be read; people, places and splits were not checked",
        examples=(why_unreadable,),
    )
    findings = [
        unreadable,
        *files.check_links(found),
        *files.check_decoding(facts, None, found),
        *files.check_copies_without_table(facts),
        *files.check_other_files(found),
    ]
    return Report(
        dataset=spec.id,
        root=root,
        synthetic=None,
        compared=False,
        fingerprint=None,
        num_images=len(found.images),
        num_identities=None,
        subsets=(),
        cameras=(),
        findings=_problems_first(findings),
    )


def _with_facts(dataset: Dataset, facts: Sequence[ImageFacts]) -> pd.DataFrame:
    """Return the image table with the columns `content` and `colour` of each image."""
    by_path = {fact.path: fact for fact in facts}
    own = [by_path[path] for path in dataset.images["path"]]
    return dataset.images.assign(
        content=pd.Series([fact.content for fact in own], index=dataset.images.index, dtype=object),
        colour=pd.Series([fact.colour for fact in own], index=dataset.images.index, dtype=float),
    )


def _snapshot(dataset: Dataset) -> Snapshot | None:
    """Take a snapshot of the images; None where one is missing, which the inspection reports."""
    try:
        return take_snapshot(dataset)
    except DataError:
        return None


def _fingerprint(images: pd.DataFrame, snapshot: Snapshot | None, cache: Path) -> str | None:
    contents = images["content"].tolist()
    if None in contents:
        return None
    value = fingerprint_of_contents(images, contents)
    if snapshot is not None:
        remember_fingerprint(snapshot, cache, value)
    return value


def _problems_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: finding.severity != "problem"))
