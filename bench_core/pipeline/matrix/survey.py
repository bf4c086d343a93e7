"""How far a matrix is: its cells and trainings, by records, models and what a launcher knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench_core.contracts.errors import DataError
from bench_core.contracts.result import ResultRecord
from bench_core.pipeline.matrix.jobs import Job
from bench_core.pipeline.matrix.launchers import JobStatus, Launcher
from bench_core.pipeline.matrix.plan import Plan, PlannedCell, PlannedTraining
from bench_core.system.files import hash_json

DONE = JobStatus(state="done")


@dataclass(frozen=True, kw_only=True)
class CellStatus:
    """How far a cell is.

    Attributes:
        planned: The cell.
        state: In a word: that of its job or, before that, of a training that it waits for.
        job: The job which that is about; None for what is done, or not begun.
        status: What is known of that job.
        record: Its result and the result's file, where it is done.
        other_training: Where it is not done, the file of a result that differs in its training
            alone: by other code, threads or number format. It does not count as done.
    """

    planned: PlannedCell
    state: str
    job: Job | None
    status: JobStatus
    record: tuple[Path, ResultRecord] | None
    other_training: Path | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingStatus:
    """How far a training is."""

    planned: PlannedTraining
    status: JobStatus


@dataclass(frozen=True, kw_only=True)
class Survey:
    """How far a matrix is.

    Attributes:
        cells: Its cells, in order.
        trainings: Its trainings by identity, in the order of need.
        defects: Files of the results folder that are no good records.
    """

    cells: tuple[CellStatus, ...]
    trainings: Mapping[str, TrainingStatus]
    defects: tuple[DataError, ...]

    @property
    def undone(self) -> tuple[CellStatus, ...]:
        """The cells without a record."""
        return tuple(cell for cell in self.cells if cell.record is None)

    @property
    def needed(self) -> dict[str, PlannedTraining]:
        """The trainings that must still be done, by identity, in the order of need."""
        needed = dict.fromkeys(i for cell in self.undone for i in cell.planned.trainings)
        return {
            identity: self.trainings[identity].planned
            for identity in needed
            if self.trainings[identity].status.state != "done"
        }

    def all_jobs(self) -> list[Job]:
        """Return the jobs of all trainings and cells, each behind those that it needs."""
        trainings = [training.planned.job for training in self.trainings.values()]
        return [*trainings, *(cell.planned.job for cell in self.cells)]

    def jobs(self) -> list[Job]:
        """Return what is to be run: each training that is needed and, behind it, its cells."""
        needed = self.needed
        jobs: dict[str, Job] = {}
        for cell in self.undone:
            for identity in cell.planned.trainings:
                if identity in needed:
                    job = needed[identity].job
                    jobs[job.name] = job
            jobs[cell.planned.job.name] = cell.planned.job
        return list(jobs.values())


def survey(plan: Plan, launcher: Launcher) -> Survey:
    """Find out how far a matrix is.

    Raises:
        BenchError: The launcher cannot say it.
    """
    found = plan.results()
    records = plan.records(found)
    jobs = [training.job for training in plan.trainings.values()]
    known = launcher.status([*jobs, *(cell.job for cell in plan.cells)])
    trainings = {
        identity: TrainingStatus(
            planned=planned,
            status=DONE if planned.model.exists() else _not_done(known[planned.job.name]),
        )
        for identity, planned in plan.trainings.items()
    }
    others = _by_all_but_the_training(found.records)
    cells = tuple(
        replace(status, other_training=others.get(_but_for_the_training(status.planned.expected)))
        if status.record is None
        else status
        for cell in plan.cells
        for status in [
            _cell_status(cell, trainings, known[cell.job.name], records.get(cell.job.name))
        ]
    )
    return Survey(cells=cells, trainings=trainings, defects=found.defects)


def _by_all_but_the_training(records: Mapping[Path, ResultRecord]) -> dict[str, Path]:
    return {
        _but_for_the_training(record.row_key): path
        for path, record in records.items()
        if record.origin.kind == "trained-here"
    }


def _but_for_the_training(made: Mapping[str, Any]) -> str:
    """Return what a result is of, whichever the code, threads and number format of its training."""
    left_out = ("training_identities", "origin")
    return hash_json({name: value for name, value in made.items() if name not in left_out})


def _cell_status(
    cell: PlannedCell,
    trainings: Mapping[str, TrainingStatus],
    status: JobStatus,
    record: tuple[Path, ResultRecord] | None,
) -> CellStatus:
    if record is not None:
        return CellStatus(planned=cell, state="done", job=None, status=DONE, record=record)
    status = _not_done(status)
    needs = [trainings[identity] for identity in cell.trainings]
    if status.state in ("left out", "waiting", "to do", "cancelled"):
        for need in sorted(needs, key=lambda need: _urgency(need.status)):
            if _urgency(need.status) < LEAST_URGENT:
                state = _of_training(need.status)
                job = need.planned.job
                return CellStatus(
                    planned=cell, state=state, job=job, status=need.status, record=None
                )
    begun = None if status.state == "to do" else cell.job
    state = "scoring" if status.state == "running" else status.state
    return CellStatus(planned=cell, state=state, job=begun, status=status, record=None)


LEAST_URGENT = 3


def _urgency(status: JobStatus) -> int:
    """Order what a reader must know first: a failure, then what runs, then what was interrupted."""
    ranks = {"failed": 0, "running": 1, "stopped": 2, "cancelled": 2, "left out": 2}
    return ranks.get(status.state, LEAST_URGENT)


def _of_training(status: JobStatus) -> str:
    return "training" if status.state == "running" else status.state


def _not_done(status: JobStatus) -> JobStatus:
    """Return the status of what has left nothing: what was done once is to be done again."""
    return JobStatus(state="to do") if status.state == "done" else status
