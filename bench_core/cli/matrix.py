"""`bench matrix`: many runs from one file, each training once, here or on a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.matrix_tables import print_costs, print_survey, survey_document
from bench_core.cli.options import AsJson, Option, receives
from bench_core.cli.printing import print_json
from bench_core.contracts.errors import UsageError
from bench_core.pipeline.matrix import LAUNCHERS, LauncherName
from bench_core.system.escaping import terminal_line

if TYPE_CHECKING:
    from bench_core.pipeline.matrix.plan import Plan
    from bench_core.pipeline.matrix.survey import Survey
    from bench_core.plugins import Registry

GOES_ON = "The jobs go on without this command: --status shows them, --cancel ends them."


@dataclass(frozen=True, kw_only=True)
class MatrixOptions:
    """What is to be done with the matrix; each option says what it means."""

    dry_run: Annotated[bool, Option(
        "--dry-run", is_flag=True,
        help="Print the cells, the trainings and how long these will take; start nothing.",
    )]  # fmt: skip
    status: Annotated[bool, Option(
        "--status", is_flag=True, help="Print how far each cell is, with its job and log."
    )]  # fmt: skip
    cancel: Annotated[bool, Option(
        "--cancel", is_flag=True, help="Take the jobs that wait or run out of the cluster's queue."
    )]  # fmt: skip
    submit: Annotated[bool, Option(
        "--submit", is_flag=True, help="Hand the jobs to the cluster and do not wait for them."
    )]  # fmt: skip
    launcher: Annotated[LauncherName | None, Option(
        "--launcher", type=click.Choice(LAUNCHERS),
        help="Where jobs run: one after another on this machine, or on a SLURM cluster. "
        "[default: the file's, else local]",
    )]  # fmt: skip
    as_json: AsJson


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@receives(MatrixOptions)
@click.pass_obj
def matrix(registry: Registry, options: MatrixOptions, file: Path) -> None:
    """Run all that FILE, in TOML, asks for: methods x settings x seeds x protocols.

    A training is done once and serves all its protocols; what has a result already is skipped. What
    was stopped goes on when the command is given again. docs/matrix.md shows a file.
    """
    _check_one(options)

    from bench_core.pipeline.matrix.plan import make_plan
    from bench_core.pipeline.matrix.running import follow, make_launcher
    from bench_core.pipeline.matrix.survey import survey
    from bench_core.system.cache_folder import cache_directory

    plan = make_plan(registry, file, cache_directory(), options.launcher)
    if options.submit and plan.launcher == "local":
        raise UsageError("--submit is for a cluster; add --launcher slurm, or leave it out")
    launcher = make_launcher(plan)
    before = survey(plan, launcher)
    _warn(before)
    if options.dry_run:
        _tell_costs(plan, before, as_json=options.as_json)
        return
    if options.cancel:
        cancelled = launcher.cancel(before.all_jobs())
        click.echo(f"{len(cancelled)} jobs are taken out of the queue.", err=True)
    elif not options.status:
        jobs = before.jobs()
        launcher.start(jobs)
        if jobs and not options.submit:
            if plan.launcher != "local":
                click.echo(GOES_ON, err=True)
            follow(plan, before, launcher)
    after = survey(plan, launcher)
    if options.as_json:
        print_json(survey_document(plan, after))
    else:
        print_survey(plan, after)
    asked = options.cancel or options.status or options.submit
    if after.undone and not asked:
        raise click.exceptions.Exit(1)


def _check_one(options: MatrixOptions) -> None:
    """Refuse what excludes each other.

    Raises:
        UsageError: More than one thing is to be done.
    """
    names = ("dry_run", "status", "cancel", "submit")
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(options, name)]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other; give one of them")


def _warn(state: Survey) -> None:
    """Name files of the results folder that are no good records; their cells are run again."""
    for defect in state.defects:
        click.echo(f"Warning: {terminal_line(str(defect))}", err=True)


def _tell_costs(plan: Plan, state: Survey, *, as_json: bool) -> None:
    from bench_core.pipeline.matrix.estimates import estimate_trainings

    estimates = estimate_trainings(state.needed, plan.results().records.values())
    if as_json:
        print_json(survey_document(plan, state, estimates))
    else:
        print_costs(plan, state, estimates)
