"""`bench submit`: results made ready for a pull request, and the check of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import AsJson, Option, receives
from bench_core.cli.printing import print_json
from bench_core.contracts.errors import BenchError, UsageError
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry
    from bench_core.submission.submitted import Submission

DEFAULT_RESULTS = Path("results")


@dataclass(frozen=True, kw_only=True)
class SubmitOptions:
    """What is submitted and where to; each option says what it means."""

    output: Annotated[Path | None, Option(
        "--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
        help="New folder for the files of the pull request.",
    )]  # fmt: skip
    check: Annotated[bool, Option(
        "--check", is_flag=True, help="Check the results alone, and write nothing.",
    )]  # fmt: skip
    features: Annotated[tuple[Path, ...], Option(
        "--features", type=click.Path(path_type=Path), metavar="PATH", multiple=True,
        help="Features of the results, or a folder that holds them: they are scored again. May "
        "be repeated.",
    )]  # fmt: skip
    attach: Annotated[bool, Option(
        "--attach", is_flag=True, help="Put the features into DIR, too.",
    )]  # fmt: skip
    splits: Annotated[tuple[Path, ...], Option(
        "--splits", type=click.Path(path_type=Path), metavar="DIR", multiple=True,
        help="Folder of split files, or root of a dataset, for real people; may be repeated.",
    )]  # fmt: skip
    results: Annotated[Path | None, Option(
        "--results", type=click.Path(path_type=Path), metavar="DIR",
        help="Folder of the other results. [default: results]",
    )]  # fmt: skip
    changes: Annotated[tuple[Path, Path] | None, Option(
        "--changes", type=click.Path(path_type=Path), nargs=2, metavar="BASE HEAD",
        help="Instead of RESULT: check what the checkout HEAD changes over BASE, and print it as "
        "Markdown.",
    )]  # fmt: skip
    as_json: AsJson

    def __post_init__(self) -> None:
        if self.changes is not None:
            self._refuse_beside_changes()
        elif self.output is None and not self.check:
            raise UsageError("give --output DIR, a new folder, or --check, which writes nothing")
        if self.output is not None and self.check:
            raise UsageError("--check writes nothing: leave it or --output out")
        if self.attach and not (self.features and self.output):
            raise UsageError("--attach needs --features PATH and --output DIR; give both")
        if self.splits and not (self.features or self.changes):
            raise UsageError(f"--splits {self.splits[0]} goes with --features PATH; add it")
        for path in self.features:
            if not path.exists():
                raise UsageError(f"--features {path}: there is no such file or folder")
        if self.results is not None and not self.results.is_dir():
            raise UsageError(f"--results {self.results} is not a folder")

    def _refuse_beside_changes(self) -> None:
        for option, given in (
            ("--output", self.output),
            ("--check", self.check),
            ("--features", self.features),
            ("--attach", self.attach),
            ("--results", self.results),
        ):
            if given:
                raise UsageError(f"{option} does nothing beside --changes; leave it out")


@click.command()
@click.argument("paths", type=click.Path(path_type=Path), metavar="[RESULT]...", nargs=-1)
@receives(SubmitOptions)
@click.pass_obj
def submit(registry: Registry, options: SubmitOptions, *, paths: tuple[Path, ...]) -> None:
    """Check results and write the files of a pull request.

    Checked are form, digest, the scores of the queries, the counts of the protocol, provenance and
    duplicates among the other results; with --features every score is computed again. What is to
    be said of a result (re-ranked, selected on validation, gallery as given, own code) is said and
    is no reason to refuse it. Exit 1 with what is wrong.
    """
    if options.changes is not None:
        if paths:
            raise UsageError(f"{paths[0]} does nothing beside --changes; leave it out")
        _print_changes(registry, *options.changes, options)
        return
    if not paths:
        raise UsageError("name a RESULT, such as results/sysu-all-single/....json")

    from bench_core.submission.folder import write_submission
    from bench_core.submission.submitted import check_submission, read_submitted
    from bench_core.system.files import check_new_folder

    if options.output is not None:
        check_new_folder(options.output)
    submitted = read_submitted(paths)
    submission = check_submission(registry, submitted, options.results or DEFAULT_RESULTS)
    attached: Mapping[Path, Sequence[Path]] = {}
    if options.features:
        submission, attached = _held_to_features(registry, submission, submitted, options)
    _tell_problems(submission.problems)
    written = []
    if options.output is not None:
        chosen = attached if options.attach else {}
        written = write_submission(options.output, submission, chosen)
    if options.as_json:
        print_json({**submission.as_document(), "files": [str(path) for path in written]})
        return
    for one in submission.records:
        said = "; ".join(one.disclosed) or "nothing to disclose"
        proved = "recomputed" if one.recomputed else "checked"
        echo(terminal_line(f"{proved} {one.path}: {one.record.label}; {said}"))
    for path in written:
        echo(f"written {path}")


def _held_to_features(
    registry: Registry,
    submission: Submission,
    submitted: Mapping[Path, ResultRecord],
    options: SubmitOptions,
) -> tuple[Submission, Mapping[Path, Sequence[Path]]]:
    """Score the features again; return what was found, and the features of each result."""
    from bench_core.verification.records import verify_records

    found = verify_records(registry, submitted, options.features, options.splits)
    for path in submitted:
        if path not in found.features:
            raise BenchError(f"{path}: --features holds none of its features, by their hash")
    for note in found.notes:
        raise BenchError(note)
    return submission.held_to_features(found), found.features


def _tell_problems(problems: Sequence[str]) -> None:
    """Name what is wrong, one line each; the last ends the command."""
    for problem in problems[:-1]:
        click.echo(f"Error: {terminal_line(problem)}", err=True)
    if problems:
        raise BenchError(problems[-1])


def _print_changes(registry: Registry, base: Path, head: Path, options: SubmitOptions) -> None:
    from bench_core.submission.changes import result_changes

    found = result_changes(registry, base, head, options.splits)
    if options.as_json:
        print_json(found)
    else:
        echo(found.markdown, newline=False)
    if found.num_problems:
        number = "a problem" if found.num_problems == 1 else f"{found.num_problems} problems"
        raise BenchError(f"{head}: {number}, named above")
