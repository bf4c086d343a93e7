"""Running what a matrix lacks, with progress over its cells."""

from __future__ import annotations

import sys

from bench_core.pipeline.matrix.jobs import Job
from bench_core.pipeline.matrix.launchers import ENDED, JobStatus, Launcher
from bench_core.pipeline.matrix.local import LocalLauncher
from bench_core.pipeline.matrix.plan import Plan
from bench_core.pipeline.matrix.slurm import SlurmLauncher
from bench_core.pipeline.matrix.survey import Survey
from bench_core.system.escaping import terminal_line
from bench_core.system.progress import progress


def make_launcher(plan: Plan) -> Launcher:
    """Return the launcher of a plan.

    Raises:
        UsageError: It needs what is not installed here.
    """
    if plan.launcher == "slurm":
        return SlurmLauncher(plan.folder, plan.file.slurm, plan.path)
    return LocalLauncher(plan.folder)


def follow(plan: Plan, before: Survey, launcher: Launcher) -> None:
    """Follow the jobs of a launcher to their end; show progress over cells, and name failures.

    Args:
        plan: The matrix.
        before: How far it was.
        launcher: What was started.
    """
    cells = {cell.planned.job.name for cell in before.undone}
    with progress(
        total=len(plan.cells),
        initial=len(plan.cells) - len(cells),
        description="matrix",
        unit="cell",
    ) as bar:
        for job, status in launcher.follow():
            if status.state == "running":
                bar.set_description_str(job.title)
            elif status.state in ENDED:
                _tell(job, status)
                bar.update(job.name in cells)


def _tell(job: Job, status: JobStatus) -> None:
    """Name a job that failed, as soon as that is known; those left out follow from it."""
    if status.state == "failed":
        line = f"Failed: {job.title}: {status.error}; see {job.log}"
        sys.stderr.write(f"{terminal_line(line, longest=None)}\n")
