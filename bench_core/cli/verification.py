"""`bench data verify`: whether a copy of a dataset is what it must be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench_core.cli.options import json_option
from bench_core.cli.printing import print_json, print_table
from bench_core.contracts.errors import BenchError
from bench_core.system.escaping import terminal_name
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.contracts.dataset import DatasetSpec
    from bench_core.data.verification.counts import CameraCount, SubsetCount
    from bench_core.data.verification.findings import Finding
    from bench_core.data.verification.report import Report
    from bench_core.plugins import Registry

EXAMPLES_SHOWN = 10
COUNTS_SHOWN = 12
SUBSETS_SHOWN = 6
PUBLISHED_COLUMNS = ("published", "identities", "")

dataset_option = click.option(
    "--dataset",
    "dataset_id",
    metavar="ID",
    help="What ROOT holds; see 'bench list datasets'. [default: recognised by its folders]",
)


def find_dataset(registry: Registry, root: Path, dataset_id: str | None) -> DatasetSpec:
    """Return the dataset that a folder holds.

    Raises:
        UsageError: There is no dataset of that id.
        DataError: The folder is not there, or is no known dataset.
    """
    from bench_core.data.verification.recognition import recognize

    named = registry.dataset(dataset_id) if dataset_id else None
    return recognize(root, list(registry.datasets.values()), named)


@click.command()
@click.argument("root", type=click.Path(path_type=Path))
@dataset_option
@json_option
@click.pass_obj
def verify(registry: Registry, *, root: Path, dataset_id: str | None, as_json: bool) -> None:
    """Check the dataset in the folder ROOT, and print its fingerprint.

    Counts its images and compares with the published counts, opens every one, draws every trial.
    Exit 1 when something would change a score.
    """
    from bench_core.data.verification.report import verify as verify_dataset
    from bench_core.system.cache_folder import cache_directory

    spec = find_dataset(registry, root, dataset_id)
    protocols = [item for item in registry.protocols.values() if item.dataset == spec.id]
    report = verify_dataset(spec, protocols, root, cache_directory())
    if as_json:
        print_json(report)
    else:
        _print_report(spec.title, report)
    if report.num_problems:
        raise BenchError(
            f"{root}: {_number(report.num_problems, 'kind')} of problems that would change a "
            "score; see the report"
        )


def _print_report(title: str, report: Report) -> None:
    people = "" if report.num_identities is None else f" of {report.num_identities:,} people"
    root = terminal_name(str(report.root))
    echo(f"{title} in {root}: {report.num_images:,} images{people}")
    if report.synthetic:
        compared = "as full-scale ones they are compared" if report.compared else "not compared"
        echo(f"The people are synthetic: {compared} with the published counts.")
    if report.subsets:
        echo()
        _print_subsets(report.subsets)
        echo()
        _print_cameras(report.cameras)
    echo(f"\nfingerprint  {report.fingerprint or 'none, for the reasons below'}")
    for finding in report.findings:
        _print_finding(finding)
    notes = len(report.findings) - report.num_problems
    echo(f"\n{_number(report.num_problems, 'problem')}, {_number(notes, 'note')}")


def _print_subsets(counts: Sequence[SubsetCount]) -> None:
    """Print the counts, of many only those that are wrong and the first of the others."""
    right = [count for count in counts if count.agrees is not False]
    kept = right[: max(1, COUNTS_SHOWN - (len(counts) - len(right)))]
    shown = [count for count in counts if count.agrees is False or count in kept]
    compared = any(count.published for count in counts)
    print_table(
        ["subset", "modality", "images", "identities", *(PUBLISHED_COLUMNS if compared else ())],
        [
            [
                count.subset,
                count.modality or "both",
                f"{count.images:,}",
                f"{count.identities:,}",
                *(_published(count) if compared else ()),
            ]
            for count in shown
        ],
        text=("subset", "modality", ""),
    )
    if len(shown) < len(counts):
        rest = f"... and {len(counts) - len(shown)} more"
        echo(f"{rest}, in which nothing is different" if compared else rest)


def _print_cameras(counts: Sequence[CameraCount]) -> None:
    """Print the images by camera, and in which subsets they are where there are few subsets."""
    names = list(counts[0].subsets)
    subsets = names if len(names) <= SUBSETS_SHOWN else []
    print_table(
        ["camera", "modality", "images", "identities", *subsets],
        [
            [
                str(count.camera),
                count.modality,
                *(f"{number:,}" for number in (count.images, count.identities)),
                *(f"{count.subsets[name]:,}" for name in subsets),
            ]
            for count in counts
        ],
        text=("camera", "modality"),
    )


def _print_finding(finding: Finding) -> None:
    number = len(finding.examples)
    echo(f"\n{finding.severity.upper()}  {finding.kind} ({number:,}): {finding.message}")
    for example in finding.examples[:EXAMPLES_SHOWN]:
        echo(f"  {terminal_name(example)}")
    if number > EXAMPLES_SHOWN:
        echo(f"  ... and {number - EXAMPLES_SHOWN:,} more")


def _published(count: SubsetCount) -> tuple[str, str, str]:
    if count.published is None:
        return "", "", ""
    people = count.published.identities
    return (
        f"{count.published.images:,}",
        "" if people is None else f"{people:,}",
        "equal" if count.agrees else "DIFFERENT",
    )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
