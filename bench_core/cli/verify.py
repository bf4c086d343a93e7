"""`bench verify`: whether a result is what its features give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import AsJson, Option, receives
from bench_core.cli.printing import print_json
from bench_core.cli.split_files import read_splits
from bench_core.contracts.errors import BenchError, UsageError
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry
    from bench_core.verification.inputs import ScoringInputs


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """What a result is held to; each option says what it means."""

    features: Annotated[tuple[Path, ...], Option(
        "--features", type=click.Path(path_type=Path), metavar="FILE...", multiple=True,
        help="Features of the result, in any format that 'bench eval' reads; of several models a "
        "file for each, or a folder. [default: those below --runs]",
    )]  # fmt: skip
    runs: Annotated[Path | None, Option(
        "--runs", type=click.Path(path_type=Path), metavar="DIR",
        help="Where features are looked for, by their hash. [default: runs]",
    )]  # fmt: skip
    splits: Annotated[Path | None, Option(
        "--splits", type=click.Path(path_type=Path), metavar="DIR",
        help="Folder with the dataset's split files.",
    )]  # fmt: skip
    root: Annotated[Path | None, Option(
        "--data", type=click.Path(path_type=Path), metavar="ROOT",
        help="Root folder of the dataset, instead of --splits: its images are compared, too. "
        "Without either, rendered people are rendered again.",
    )]  # fmt: skip
    as_json: AsJson

    def __post_init__(self) -> None:
        if self.features and self.runs is not None:
            raise UsageError("--runs and --features contradict each other; give one")
        if self.runs is not None and not self.runs.is_dir():
            raise UsageError(f"--runs {self.runs} is not a folder")


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.argument("more", type=click.Path(path_type=Path), metavar="[FILE]...", nargs=-1)
@receives(VerifyOptions)
@click.pass_obj
def verify(
    registry: Registry, options: VerifyOptions, *, result: Path, more: tuple[Path, ...]
) -> None:
    """Score the features of RESULT again and compare to the last digit.

    Compared are every trial, means, deviations and intervals, the scores of each query, and the
    hashes of features, split files and images. Exit 1 with what differs. What follows a file of
    --features is one more of them.
    """
    if more and not options.features:
        raise UsageError(f"{more[0]}: one result at a time; features stand behind --features")

    from bench_core.results.store import read_claimed
    from bench_core.verification.rescoring import check_rescorable, verify_result

    claimed = read_claimed(result)
    check_rescorable(result, claimed.record)
    inputs = find_inputs(registry, result, claimed.record, options.splits, options.root)
    files = (*options.features, *more) or _look_for(registry, result, claimed.record, options.runs)
    outcome = verify_result(registry, result, claimed, files, inputs)
    for note in outcome.notes:
        click.echo(f"Note: {note}", err=True)
    if options.as_json:
        print_json(outcome)
    elif outcome.recomputed:
        echo(terminal_line(outcome.sentence))
    if not outcome.recomputed:
        raise BenchError(outcome.sentence)


def find_inputs(
    registry: Registry, path: Path, record: ResultRecord, splits: Path | None, root: Path | None
) -> ScoringInputs:
    """Return what a record is scored again with.

    Args:
        registry: The plugins.
        path: The record's file.
        record: What it says.
        splits: That of `--splits`.
        root: That of `--data`.

    Raises:
        UsageError: Neither is given and the record is not of rendered people, or both are.
        DataError: A split file is missing or malformed, or nothing registers the protocol.
    """
    from bench_core.verification.inputs import inputs_of_root, inputs_of_splits
    from bench_core.verification.rescoring import protocol_of

    protocol = protocol_of(registry, path, record)
    if splits is None and root is None and not record.dataset.synthetic:
        raise UsageError(
            f"{path} is of real images of {record.dataset.id}: give --splits DIR or --data ROOT"
        )
    if splits is not None or root is not None:
        read_splits(registry, protocol, splits, root)  # which says what is wrong with them
    if splits is not None:
        return inputs_of_splits(registry, protocol.dataset, splits)
    return inputs_of_root(registry, protocol, root)


def _look_for(
    registry: Registry, path: Path, record: ResultRecord, runs: Path | None
) -> tuple[Path, ...]:
    """Return the features of a record that lie below the folder of runs."""
    from bench_core.verification.features_at_hand import feature_files, features_among

    folder = runs or Path("runs")
    found: tuple[Path, ...] = ()
    if folder.is_dir() and record.features:
        found = features_among(registry, feature_files(folder), [record]).of(record)
    if not found:
        raise UsageError(
            f"the features of {path} are not below {folder}; give --features FILE, or --runs DIR"
        )
    return found
