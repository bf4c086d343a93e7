"""How `bench matrix` shows a matrix: tables of 80 columns, and one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.cli.printing import print_table
from bench_core.leaderboard.cells import percent
from bench_core.system.escaping import terminal_name
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.pipeline.matrix.cells import Cell
    from bench_core.pipeline.matrix.estimates import Estimate
    from bench_core.pipeline.matrix.jobs import Job
    from bench_core.pipeline.matrix.launchers import JobStatus
    from bench_core.pipeline.matrix.plan import Plan
    from bench_core.pipeline.matrix.seeds import SeedRow
    from bench_core.pipeline.matrix.survey import CellStatus, Survey, TrainingStatus
    from bench_core.results.seeds import Spread

TEXT = frozenset({
    "method", "config", "weights", "preset", "protocol", "convention", "re-ranked", "state",
    "split", "training", "takes about",
})  # fmt: skip
"""Columns aligned to the left."""
TAKEN = TEXT | {"seed", "job", "rank-1", "mAP"}
"""Names of columns that none of a setting takes."""
SPREAD = ("rank-1", "mAP")
"""Metrics that the table over seeds shows; JSON has all of them."""
SHORT = 8
"""Digits of an identity that a table shows."""


def print_costs(plan: Plan, state: Survey, estimates: dict[str, Estimate]) -> None:
    """Print what `--dry-run` tells: cells, trainings, and how long these take, by identity."""
    from bench_core.pipeline.matrix.estimates import UNKNOWN

    _print_cells(state, scores=False)
    echo()
    swept = _swept([cell.planned.cell for cell in state.cells])
    rows = []
    for identity, training in state.trainings.items():
        cell, description = training.planned.cell, training.planned.description
        needed = identity in state.needed
        rows.append({
            "training": identity[:SHORT],
            **_words(cell, swept),
            "split": description.split,
            "state": training.status.state if needed or _is_done(training) else "not needed",
            "takes about": _takes(estimates.get(identity, UNKNOWN)) if needed else "",
        })  # fmt: skip
    hidden = {"protocol", "convention", "re-ranked"}
    rows = [{name: word for name, word in row.items() if name not in hidden} for row in rows]
    _print_varying(rows, {"training", "method", "state", "takes about"})
    echo()
    _print_paragraph(f"{_summary(plan, state)} {_total(estimates)}")
    _print_other_trainings(state)


def _is_done(training: TrainingStatus) -> bool:
    return training.status.state == "done"


def _takes(estimate: Estimate) -> str:
    from bench_core.pipeline.estimates import show_duration

    if estimate.seconds is None:
        return "unknown"
    seconds = estimate.seconds
    shown = f"{max(1, round(seconds))} s" if seconds < 120 else show_duration(seconds)
    if estimate.of_variants:
        return f"{shown}, as other variants"
    return f"{shown}, as measured" if estimate.measured else shown


def _total(estimates: dict[str, Estimate]) -> str:
    from bench_core.pipeline.matrix.estimates import Estimate

    known = [one.seconds for one in estimates.values() if one.seconds is not None]
    if not estimates:
        return "No training is needed."
    if not known:
        return "How long they take is not known before one of them has run on that device."
    unknown = len(estimates) - len(known)
    rest = f", and {unknown} of unknown length" if unknown else ""
    total = _takes(Estimate(seconds=sum(known)))
    return f"Trainings take about {total} one after another{rest}; scoring comes on top."


def print_survey(plan: Plan, state: Survey) -> None:
    """Print how far a matrix is: cells, means over seeds, what failed, and where its log is."""
    _print_cells(state, scores=True)
    _print_seeds(state)
    _print_jobs(state)
    echo()
    _print_paragraph(_summary(plan, state))
    _print_other_trainings(state)


def _print_other_trainings(state: Survey) -> None:
    """Name results that look like those of cells and are of another training."""
    others = [cell.other_training for cell in state.cells if cell.other_training]
    if not others:
        return
    echo()
    _print_paragraph(
        f"{len(others)} of the cells that are not done have a result of another training, by other "
        "code, threads or number format. It does not count, and stays beside the new one until you "
        f"remove it: {terminal_name(str(others[0]))}{' and so on' if len(others) > 1 else ''}"
    )


def _print_seeds(state: Survey) -> None:
    """Print the mean over seeds, with its spread over them and that over galleries."""
    from bench_core.pipeline.matrix.seeds import rows_over_seeds

    swept = _swept([cell.planned.cell for cell in state.cells])
    rows = []
    for row in rows_over_seeds(state.cells):
        words = _words(row.first.planned.cell, swept)
        words["seeds"] = str(len(row.seeds))
        del words["seed"]
        rows.append(words | {name: _shown_spread(row.metrics[name]) for name in SPREAD})
    if not rows:
        return
    numbers = {row["seeds"] for row in rows}
    several = f"{next(iter(numbers))} " if len(numbers) == 1 else ""
    echo()
    _print_paragraph(
        f"Mean over {several}seeds, \N{PLUS-MINUS SIGN} its standard deviation over seeds, and in "
        "parentheses that over the trials of a seed:"
    )
    echo()
    _print_varying(rows, {"method", "protocol", *SPREAD}, common_too=False)


def _shown_spread(spread: Spread) -> str:
    seeds, trials = percent(spread.over_seeds), percent(spread.over_trials)
    return f"{percent(spread.mean)} \N{PLUS-MINUS SIGN} {seeds} ({trials})"


def _print_jobs(state: Survey) -> None:
    """Print what became of each job that has begun and left no result, and where its log is."""
    cells: dict[str, list[str]] = {}
    statuses: dict[str, tuple[Job, JobStatus]] = {}
    for number, cell in enumerate(state.cells, start=1):
        if cell.job is not None and (cell.status.error or cell.job.log.exists()):
            cells.setdefault(cell.job.name, []).append(str(number))
            statuses[cell.job.name] = cell.job, cell.status
    for name, (job, status) in statuses.items():
        echo()
        reason = f": {status.error}" if status.error else ""
        several = "s" if len(cells[name]) > 1 else ""
        _print_paragraph(f"cell{several} {', '.join(cells[name])}, {status.state}{reason}")
        if job.log.exists():
            echo(f"log      {terminal_name(str(job.log))}")


def _print_cells(state: Survey, *, scores: bool) -> None:
    swept = _swept([cell.planned.cell for cell in state.cells])
    rows = []
    for number, cell in enumerate(state.cells, start=1):
        row = {"": str(number), **_words(cell.planned.cell, swept), "state": cell.state}
        row |= {"job": cell.status.number or ""}
        rows.append(row | (_scores(cell) if scores else {}))
    if not any(row["job"] for row in rows):
        rows = [{name: word for name, word in row.items() if name != "job"} for row in rows]
    first = state.cells[0].planned.cell.trained.assignments
    common = [word for word in first if word.partition("=")[0] not in swept]
    if common:
        _print_paragraph(f"All with {', '.join(common)}.")
    _print_varying(rows, {"", "method", "protocol", "state", "job", "rank-1", "mAP"})


def _swept(cells: Sequence[Cell]) -> dict[str, str]:
    """Return the keys of settings that not all cells have alike, with what a column calls them."""
    from bench_core.pipeline.matrix.sweep import swept_keys

    keys = swept_keys(cells)
    short = [key.rpartition(".")[2] for key in keys]
    return {
        key: name if short.count(name) == 1 and name not in TAKEN else key
        for key, name in zip(keys, short, strict=True)
    }


def _words(cell: Cell, swept: dict[str, str]) -> dict[str, str]:
    """Return what tells a cell from others, by the names of columns."""
    trained = cell.trained
    values = {key: value for key, _, value in (w.partition("=") for w in trained.assignments)}
    return {
        "method": trained.choice.name,
        "config": str(trained.configuration or ""),
        "weights": trained.weights or "",
        "preset": trained.choice.preset.name,
        **{name: values.get(key, "") for key, name in swept.items()},
        "seed": str(trained.seed),
        "protocol": cell.protocol.id,
        "convention": cell.convention,
        "re-ranked": _reranked_words(cell),
    }


def _reranked_words(cell: Cell) -> str:
    """Return "no", "yes" for the usual re-ranker, and what re-ranks for another."""
    if cell.reranked is None:
        return "no"
    return "yes" if cell.reranked.choice.used.is_usual else cell.reranked.words


def _scores(cell: CellStatus) -> dict[str, str]:
    if cell.record is None:
        return {"rank-1": "", "mAP": ""}
    mean = cell.record[1].scores.mean
    return {"rank-1": percent(mean.rank_1), "mAP": percent(mean.mean_average_precision)}


def _print_varying(
    rows: Sequence[dict[str, str]], always: set[str], *, common_too: bool = True
) -> None:
    """Print a table of what differs between its rows; what all have in common stands above."""
    values = {name: {row[name] for row in rows} for name in rows[0]}
    shown = [name for name in rows[0] if name in always or len(values[name]) > 1]
    common = [
        f"{name} {next(iter(values[name]))}"
        for name in rows[0]
        if name not in shown and values[name] != {""}
    ]
    if common and common_too:
        _print_paragraph(f"All with {', '.join(common)}.")
        echo()
    table = [[row[name] for name in shown] for row in rows]
    print_table(shown, table, text=[name for name in shown if name in TEXT])


def _print_paragraph(text: str) -> None:
    from bench_core.system.text_layout import terminal_paragraph

    for line in terminal_paragraph(text):
        echo(line)


def _summary(plan: Plan, state: Survey) -> str:
    cells, undone = len(state.cells), len(state.undone)
    trainings = list(state.trainings.values())
    done = sum(_is_done(training) for training in trainings)
    failed = sum(cell.state == "failed" for cell in state.cells)
    return (
        f"{cells - undone} of {cells} cells are done{f', {failed} failed' if failed else ''}; "
        f"{done} of {len(trainings)} trainings are there, {len(state.needed)} are needed. "
        f"Results are in {terminal_name(str(plan.file.results))}."
    )


def survey_document(
    plan: Plan, state: Survey, estimates: dict[str, Estimate] | None = None
) -> dict[str, Any]:
    """Return what `--json` says.

    Args:
        plan: The matrix.
        state: How far it is.
        estimates: How long trainings will take, by identity, where that was asked for.
    """
    from bench_core.pipeline.matrix.seeds import rows_over_seeds

    trainings = []
    for identity, training in state.trainings.items():
        job = training.planned.job
        document = {
            "training": identity,
            "split": training.planned.description.split,
            "model": training.planned.model,
            "needed": identity in state.needed,
            **_job_document(training.status, job.log),
        }
        if estimates is not None:
            estimate = estimates.get(identity)
            document["estimated_seconds"] = None if estimate is None else estimate.seconds
        trainings.append(document)
    return {
        "matrix": plan.path,
        "launcher": plan.launcher,
        "device": plan.device,
        "cells": [_cell_document(cell) for cell in state.cells],
        "over_seeds": [_seeds_document(row) for row in rows_over_seeds(state.cells)],
        "trainings": trainings,
    }


def _seeds_document(row: SeedRow) -> dict[str, Any]:
    document = _what(row.first.planned.cell)
    del document["seed"]
    return {**document, "seeds": list(row.seeds), "metrics": row.metrics}


def _what(cell: Cell) -> dict[str, Any]:
    """Return what is run, as JSON."""
    trained = cell.trained
    return {
        "method": trained.choice.name,
        "config": trained.configuration,
        "weights": trained.weights,
        "preset": trained.choice.preset.name,
        "settings": list(trained.assignments),
        "seed": trained.seed,
        "protocol": cell.protocol.id,
        "convention": cell.convention,
        "rerank": cell.reranked is not None,
        "reranker": cell.reranked.choice.used.model_dump(include={"id", "config"}, mode="json")
        if cell.reranked
        else None,
    }


def _cell_document(cell: CellStatus) -> dict[str, Any]:
    log = None if cell.job is None else cell.job.log
    path, record = cell.record or (None, None)
    return {
        **_what(cell.planned.cell),
        "trainings": list(cell.planned.trainings),
        "command": ["bench", *cell.planned.job.arguments],
        **_job_document(cell.status, log),
        "state": cell.state,
        "result": path,
        "other_training": cell.other_training,
        "mean": None if record is None else record.scores.mean.by_name(),
    }


def _job_document(status: JobStatus, log: Path | None) -> dict[str, Any]:
    return {
        "state": status.state,
        "job": status.number,
        "error": status.error,
        "log": log if log is not None and log.exists() else None,
    }
