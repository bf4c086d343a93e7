"""Several seeds of one configuration: one row, seeds and trials told apart."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.pipeline.matrix.seeds import rows_over_seeds

RECORD = Path(__file__).parents[2] / "contracts" / "records" / "schema-1.json"


def _cell(seed: int, rank_1: float, std: float, *, epochs: int = 1, done: bool = True) -> Any:
    example = ResultRecord.from_json(RECORD.read_text())
    scores = example.scores.model_copy(
        update={
            "mean": example.scores.mean.model_copy(update={"rank_1": rank_1}),
            "std": example.scores.std.model_copy(update={"rank_1": std}),
        }
    )
    config = {**example.method.config, "epochs": epochs}
    method = example.method.model_copy(update={"seed": seed, "config": config})
    record = example.model_copy(update={"method": method, "scores": scores})
    pair = (Path("record.json"), record) if done else None
    return SimpleNamespace(record=pair)


def test_mean_and_both_spreads() -> None:
    cells = [
        _cell(0, 0.5, 0.01),
        _cell(1, 0.6, 0.03),
        _cell(2, 0.7, 0.02),
        _cell(0, 0.1, 0, epochs=9),
    ]
    (row,) = rows_over_seeds(cells)
    assert row.seeds == (0, 1, 2)
    spread = row.metrics["rank-1"]
    assert spread.mean == pytest.approx(0.6)
    assert spread.over_seeds == pytest.approx(math.sqrt((0.1**2 + 0.1**2) / 2))
    assert spread.over_trials == pytest.approx(0.02)


def test_one_result_has_no_spread() -> None:
    assert rows_over_seeds([_cell(0, 0.5, 0.01), _cell(1, 0.6, 0.03, done=False)]) == ()
