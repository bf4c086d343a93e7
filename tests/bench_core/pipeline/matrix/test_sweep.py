"""What is drawn over a setting: the cells that are done, told apart by all else they differ in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.contracts.result import ResultRecord
from bench_core.pipeline.matrix.cells import expand
from bench_core.pipeline.matrix.file import MatrixFile
from bench_core.pipeline.matrix.sweep import Sweep, sweep_of
from bench_core.plugins import Registry

RECORD = Path(__file__).parents[2] / "contracts" / "records" / "schema-1.json"
Swept = Callable[..., Sweep]


@pytest.fixture
def swept(registry: Registry) -> Swept:
    """Sweep a matrix of which some cells are done."""
    record = ResultRecord.from_json(RECORD.read_text())

    def of(key: str | None = None, *, undone: int = 0, **keys: Any) -> Sweep:
        file = MatrixFile.model_validate({
            "methods": ["xiv"], "protocols": ["sysu-all-single"], **keys,
        })  # fmt: skip
        cells: list[Any] = [
            SimpleNamespace(
                planned=SimpleNamespace(cell=cell),
                record=None if number < undone else (RECORD, record),
            )
            for number, cell in enumerate(expand(registry, file, Path("some.toml")))
        ]
        return sweep_of(cells, key)

    return of


def test_a_value_has_the_scores_of_its_seeds(swept: Swept) -> None:
    sweep = swept(set={"epochs": [2, 1]}, seeds=[0, 1, 2])
    assert (sweep.key, sweep.values) == ("epochs", (2, 1))
    ((panel,),) = [sweep.panels]
    ((line,),) = [panel.lines]
    assert line.label == "xiv"
    assert {value: len(seeds) for value, seeds in line.scores.items()} == {2: 3, 1: 3}


def test_protocols_have_panels_and_methods_lines(swept: Swept) -> None:
    sweep = swept(
        methods=["xiv", "xiv:baseline"],
        protocols=["sysu-all-single", "sysu-all-multi"],
        rerank=[False, True],
        set={"epochs": [1, 2]},
    )
    assert [panel.title for panel in sweep.panels] == [
        "sysu-all-single, official galleries",
        "sysu-all-single, official galleries, k-reciprocal",
        "sysu-all-multi, official galleries",
        "sysu-all-multi, official galleries, k-reciprocal",
    ]
    for panel in sweep.panels:
        assert [line.label for line in panel.lines] == ["xiv", "xiv:baseline"]


def test_of_several_settings_one_is_chosen_and_the_others_are_lines(swept: Swept) -> None:
    settings = {"epochs": [1, 2], "optimizer": {"kind": ["adam", "sgd"]}}
    with pytest.raises(UsageError, match=r"over epochs and optimizer.kind; name one with --over"):
        swept(set=settings)
    sweep = swept("optimizer.kind", set=settings)
    assert sweep.values == ("adam", "sgd")
    assert [line.label for line in sweep.panels[0].lines] == ["xiv, epochs=1", "xiv, epochs=2"]
    with pytest.raises(UsageError, match="unknown setting that is swept over 'epoch'"):
        swept("epoch", set=settings)


def test_a_method_without_the_setting_has_no_value(swept: Swept) -> None:
    own = {"name": "xiv", "set": {"cross_modality_weight": [0.1, 0.2]}}
    sweep = swept(methods=[own, "xiv:baseline"])
    values = {line.label: list(line.scores) for line in sweep.panels[0].lines}
    assert values == {"xiv": [0.1, 0.2], "xiv:baseline": [None]}


def test_cells_that_are_not_done_are_counted(swept: Swept) -> None:
    sweep = swept(set={"epochs": [1, 2, 3]}, undone=1)
    assert sweep.values == (1, 2, 3)
    assert list(sweep.panels[0].lines[0].scores) == [2, 3]
    assert sweep.num_missing == 1
    with pytest.raises(BenchError, match="no cell has a result yet"):
        swept(set={"epochs": [1, 2, 3]}, undone=3)


def test_without_a_list_there_is_nothing_to_draw(swept: Swept) -> None:
    with pytest.raises(UsageError, match=r"no setting of this matrix has several; give one a list"):
        swept(set={"epochs": 1}, seeds=[0, 1])
