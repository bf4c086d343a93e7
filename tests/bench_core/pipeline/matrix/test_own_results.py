"""The matrix of this repository's own results holds all that is committed, and every method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.pipeline.matrix.cells import Cell, expand
from bench_core.pipeline.matrix.file import MatrixFile, read_matrix
from bench_core.plugins import Registry
from bench_core.results.store import find_results

RESULTS = Path(__file__).parents[4] / "results"
FILE = RESULTS / "matrix.toml"
DRAWING_NOTHING = ("hog", "lomo")


@pytest.fixture(scope="module")
def file() -> MatrixFile:
    return read_matrix(FILE)


@pytest.fixture(scope="module")
def cells(registry: Registry, file: MatrixFile) -> tuple[Cell, ...]:
    return expand(registry, file, FILE)


def _of_cell(cell: Cell) -> tuple[object, ...]:
    choice = cell.trained.choice
    used = None if cell.reranked is None else cell.reranked.choice.used.row_key
    scored = (cell.protocol.id, cell.convention, used)
    return (choice.name, choice.preset.name, cell.trained.seed, *scored)


def _of_record(record: ResultRecord) -> tuple[object, ...]:
    method, protocol = record.method, record.protocol
    used = protocol.reranker.row_key if protocol.reranker else None
    scored = (protocol.id, protocol.convention, used)
    return (method.label, method.preset, method.seed, *scored)


def _agree(one: Any, other: Any) -> bool:
    """Whether two configurations have the same values of what both know.

    A record keeps the configuration of its day; settings have come and gone since.
    """
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return bool(one == other)
    return all(_agree(one[key], other[key]) for key in one.keys() & other.keys())


def test_every_committed_result_is_a_cell(cells: tuple[Cell, ...], file: MatrixFile) -> None:
    found = find_results(RESULTS).records.values()
    asked = [(_of_cell(cell), cell.trained.choice.config.model_dump(mode="json")) for cell in cells]
    others = [
        record.label
        for record in found
        if not any(
            _of_record(record) == cell and _agree(record.method.config, config)
            for cell, config in asked
        )
    ]
    assert others == []
    assert {record.provenance.training_threads for record in found} == {file.threads}
    assert {record.provenance.selection for record in found} == {file.select}


def test_every_method_is_there_with_three_seeds_unless_it_draws_nothing(
    cells: tuple[Cell, ...], registry: Registry
) -> None:
    seeds = {
        (cell.trained.choice.spec.id, cell.trained.seed)
        for cell in cells
        if cell.trained.choice.variant is cell.trained.choice.spec.variants[0]
    }
    assert seeds == {
        (method, seed)
        for method in registry.methods
        for seed in range(1 if method in DRAWING_NOTHING else 3)
    }
