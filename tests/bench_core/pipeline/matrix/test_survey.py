"""How far a matrix is, by what lies in the results folder."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.pipeline.matrix.launchers import JobStatus
from bench_core.pipeline.matrix.plan import PlannedCell
from bench_core.pipeline.matrix.survey import Survey, survey

RECORD = Path(__file__).parents[2] / "contracts" / "records" / "schema-1.json"
HERE = Path("results/here.json")


def surveyed(**changes: object) -> Survey:
    """Survey one cell, whose result lies there but for what changed."""
    record = ResultRecord.from_json(RECORD.read_text())
    expected: dict[str, Any] = {**record.row_key, **changes}
    del expected["origin"]
    job: Any = SimpleNamespace(name="cell")
    cell = PlannedCell(cell=None, expected=expected, trainings=(), job=job)  # type: ignore[arg-type]
    stored = {HERE: record}
    plan: Any = SimpleNamespace(
        cells=(cell,),
        trainings={},
        results=lambda: SimpleNamespace(records=stored, defects=()),
        records=lambda _: {"cell": (HERE, record)} if cell.is_of(record) else {},
    )
    launcher: Any = SimpleNamespace(status=lambda _: {"cell": JobStatus(state="to do")})
    return survey(plan, launcher)


def test_a_result_of_the_same_training_is_done() -> None:
    (cell,) = surveyed().cells
    assert (cell.state, cell.record is not None, cell.other_training) == ("done", True, None)


def test_a_result_of_another_training_is_named_and_not_done() -> None:
    (cell,) = surveyed(training_identities=["9" * 64]).cells
    assert (cell.state, cell.record, cell.other_training) == ("to do", None, HERE)


@pytest.mark.parametrize("change", [{"weights": "other"}, {"protocol": {"id": "other"}}])
def test_a_result_of_something_else_is_not_named(change: dict[str, object]) -> None:
    (cell,) = surveyed(**change, training_identities=["9" * 64]).cells
    assert (cell.record, cell.other_training) == (None, None)
