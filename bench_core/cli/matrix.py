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
    from bench_core.pipeline.matrix.launchers import Launcher
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
    plot: Annotated[Path | None, Option(
        "--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="Draw scores over the values of a setting that the matrix sweeps, with their spread "
        "over seeds, from the cells that are done, into a .png or .svg; start nothing.",
    )]  # fmt: skip
    over: Annotated[str | None, Option(
        "--over", metavar="KEY", help="With --plot: the setting, where several are swept over."
    )]  # fmt: skip
    launcher: Annotated[LauncherName | None, Option(
        "--launcher", type=click.Choice(LAUNCHERS),
        help="Where jobs run: one after another on this machine, or on a SLURM cluster. "
        "[default: the file's, else local]",
    )]  # fmt: skip
    as_json: AsJson

    def __post_init__(self) -> None:
        if self.over is not None and self.plot is None:
            raise UsageError("--over chooses what --plot shows; add --plot FILE")
        if self.plot is not None and self.plot.suffix not in (".png", ".svg"):
            raise UsageError(f"--plot {self.plot}: a picture is a .png or .svg")

    @property
    def starts_nothing(self) -> bool:
        """Whether jobs are only shown, drawn, submitted or cancelled: what lacks is no failure."""
        return self.cancel or self.status or self.submit or self.plot is not None


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
    from bench_core.pipeline.matrix.running import make_launcher
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
    if options.plot is not None:
        _plot(before, options.plot, options.over)
    elif options.cancel:
        cancelled = launcher.cancel(before.all_jobs())
        click.echo(f"{len(cancelled)} jobs are taken out of the queue.", err=True)
    elif not options.status:
        _run(plan, before, launcher, wait=not options.submit)
    after = survey(plan, launcher)
    if options.as_json:
        print_json(survey_document(plan, after))
    elif options.plot is None:
        print_survey(plan, after)
    if after.undone and not options.starts_nothing:
        raise click.exceptions.Exit(1)


def _run(plan: Plan, before: Survey, launcher: Launcher, *, wait: bool) -> None:
    """Start what is missing, and wait for it."""
    from bench_core.pipeline.matrix.running import follow

    jobs = before.jobs()
    launcher.start(jobs)
    if jobs and wait:
        if plan.launcher != "local":
            click.echo(GOES_ON, err=True)
        follow(plan, before, launcher)


def _check_one(options: MatrixOptions) -> None:
    """Refuse what excludes each other.

    Raises:
        UsageError: More than one thing is to be done.
    """
    names = ("dry_run", "status", "cancel", "submit", "plot")
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(options, name)]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other; give one of them")


def _warn(state: Survey) -> None:
    """Name files of the results folder that are no good records; their cells are run again."""
    for defect in state.defects:
        click.echo(f"Warning: {terminal_line(str(defect))}", err=True)


def _plot(state: Survey, path: Path, key: str | None) -> None:
    """Draw scores over a swept setting."""
    from bench_core.figures.drawing import png_bytes, svg_bytes
    from bench_core.figures.sweep import draw_sweep
    from bench_core.pipeline.matrix.sweep import sweep_of
    from bench_core.system.files import write_bytes

    sweep = sweep_of(state.cells, key)
    figure = draw_sweep(sweep.panels, sweep.key, sweep.values)
    write_bytes(path, svg_bytes(figure) if path.suffix == ".svg" else png_bytes(figure))
    click.echo(f"plot {path}", err=True)
    if sweep.num_missing:
        cells = "cell has" if sweep.num_missing == 1 else "cells have"
        click.echo(f"not in the picture: {sweep.num_missing} {cells} no result yet", err=True)


def _tell_costs(plan: Plan, state: Survey, *, as_json: bool) -> None:
    from bench_core.pipeline.matrix.estimates import estimate_trainings

    estimates = estimate_trainings(state.needed, plan.results().records.values())
    if as_json:
        print_json(survey_document(plan, state, estimates))
    else:
        print_costs(plan, state, estimates)
