"""Which cells a matrix has, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.pipeline.matrix.cells import Cell, expand
from bench_core.pipeline.matrix.file import MatrixFile
from bench_core.plugins import Registry

Cells = Callable[..., tuple[Cell, ...]]
SINGLE, MULTI = "sysu-all-single", "sysu-all-multi"


@pytest.fixture
def cells(registry: Registry) -> Cells:
    def of(**keys: Any) -> tuple[Cell, ...]:
        given = {"methods": ["xiv"], "protocols": [SINGLE], **keys}
        return expand(registry, MatrixFile.model_validate(given), Path("some.toml"))

    return of


def test_scores_of_one_training_are_neighbours(cells: Cells) -> None:
    found = cells(protocols=[SINGLE, MULTI], seeds=[1, 0], rerank=[False, True])
    order = [(cell.trained.seed, cell.protocol.id, cell.reranked is not None) for cell in found]
    assert order == [
        (seed, protocol, rerank)
        for seed in (1, 0)
        for protocol in (SINGLE, MULTI)
        for rerank in (False, True)
    ]


def test_a_star_stands_for_all_variants(registry: Registry, cells: Cells) -> None:
    spec, _ = registry.method("xiv")
    names = [cell.trained.choice.name for cell in cells(methods=["xiv:*"])]
    assert names == [spec.label(variant) for variant in spec.variants]


def test_lists_are_swept_over_in_the_order_of_the_file(cells: Cells) -> None:
    values = {"epochs": [2, 1], "optimizer": {"learning_rate": [0.1, 0.2]}, "image_width": 16}
    found = [cell.trained.assignments for cell in cells(set=values)]
    assert found == [
        (f"epochs={epochs}", f"optimizer.learning_rate={rate}", "image_width=16")
        for epochs in (2, 1)
        for rate in (0.1, 0.2)
    ]


def test_a_method_is_scored_in_its_own_way(cells: Cells) -> None:
    found = cells(
        methods=[
            "xiv",
            {"name": "xiv", "protocols": [MULTI]},
            {"name": "xiv", "conventions": ["agw"]},
            {"name": "xiv:baseline", "rerank": [False, True]},
        ]
    )
    described = [(c.protocol.id, c.convention, c.reranked is not None) for c in found]
    assert described == [
        (SINGLE, "official", False),
        (MULTI, "official", False),
        (SINGLE, "agw", False),
        (SINGLE, "official", False),
        (SINGLE, "official", True),
    ]


def test_a_method_has_settings_of_its_own(cells: Cells) -> None:
    first, second, third = cells(
        methods=["xiv", {"name": "xiv:baseline", "set": {"epochs": [3, 4]}}], set={"epochs": 1}
    )
    assert first.trained.choice.config.model_dump()["epochs"] == 1
    assert [c.trained.choice.config.model_dump()["epochs"] for c in (second, third)] == [3, 4]


def test_a_method_that_draws_nothing_has_one_seed(cells: Cells) -> None:
    found = cells(methods=["xiv", {"name": "xiv:baseline", "seeds": [7]}], seeds=[1, 2])
    assert [cell.trained.seed for cell in found] == [1, 2, 7]


def test_a_value_that_is_a_list_stands_in_one(cells: Cells) -> None:
    (cell,) = cells(set={"weights": ["none"]})
    assert cell.trained.assignments == ("weights=none",)
    with pytest.raises(UsageError, match=r"methods.0 \(xiv\): --set epochs=\[1, 2\]"):
        cells(set={"epochs": [[1, 2]]})


def test_synthetic_people_have_quick_trainings(
    cells: Cells, sysu_root: Path, tmp_path: Path
) -> None:
    assert [cell.trained.choice.preset.name for cell in cells()] == ["quick"]
    (cell,) = cells(data={"*": str(sysu_root)})
    assert (cell.trained.choice.preset.name, cell.root) == ("quick", sysu_root)
    (cell,) = cells(data={"sysu-mm01": str(tmp_path)})
    assert cell.trained.choice.preset.name == "paper"


def test_the_convention_is_the_first_of_each_protocol(cells: Cells) -> None:
    found = cells(protocols=[SINGLE, "llcm-visible-to-infrared"])
    assert [cell.convention for cell in found] == [c.protocol.conventions[0] for c in found]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"methods": ["xvi"]}, r"methods.0 \(xvi\): unknown method 'xvi'; did you mean 'xiv'"),
        ({"methods": ["xiv:nothing"]}, "unknown variant of xiv 'nothing'"),
        ({"protocols": ["sysu-all"]}, "protocols: unknown protocol 'sysu-all'"),
        ({"presets": ["fast"]}, "unknown preset of xiv 'fast'"),
        ({"set": {"epoch": 1}}, "unknown configuration key 'epoch'; did you mean 'epochs'"),
        ({"set": {"epochs": []}}, "set.epochs is an empty list, so that no cell is left"),
        ({"methods": ["xiv", "xiv:full"]}, "xiv with the preset 'quick' is asked for twice"),
        ({"set": {"epochs": [1, 1]}}, "epochs=1 is asked for twice under sysu-all-single"),
        (
            {"methods": ["xiv", {"name": "xiv", "protocols": [MULTI, SINGLE]}]},
            "is asked for twice under sysu-all-single",
        ),
        (
            {"methods": [{"name": "xiv", "protocols": ["sysu-all"]}]},
            r"methods.0 \(xiv\): protocols: unknown protocol 'sysu-all'",
        ),
        (
            {"methods": [{"name": "xiv", "protocols": [MULTI], "conventions": ["agw"]}]},
            r"methods.0 \(xiv\): conventions: sysu-all-multi does not define 'agw'",
        ),
        ({"protocols": [SINGLE, MULTI], "conventions": ["agw"]}, "does not define 'agw'"),
        ({"rerank": ["no-such"]}, r"rerank.0 \(no-such\): unknown re-ranker 'no-such'"),
        (
            {"rerank": [{"name": "k-reciprocal", "set": {"k3": 1}}]},
            r"rerank.0 \(k-reciprocal\): unknown setting of the re-ranker 'k3'",
        ),
        (
            {"rerank": [True, {"name": "k-reciprocal", "set": {"k1": 20}}]},
            "k-reciprocal with the same settings under sysu-all-single twice",
        ),
        ({"data": {"sysu": "x"}}, "unknown key 'data.sysu'; did you mean 'data.sysu-mm01'"),
        (
            {"protocols": [SINGLE, "regdb-visible-to-thermal"], "data": {"*": "x"}},
            r"data: the protocols are of sysu-mm01 and regdb.*\[data\]",
        ),
        (
            {"protocols": [SINGLE, "regdb-visible-to-thermal"], "data": {"regdb": "x"}},
            "data has no folder for sysu-mm01",
        ),
    ],
)
def test_what_contradicts_is_named_with_the_file(
    keys: dict[str, Any], said: str, cells: Cells
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        cells(**keys)
    assert str(caught.value).startswith("some.toml: ")


def test_a_method_has_a_configuration_file_of_its_own(cells: Cells, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('method = "xiv"\npreset = "paper"\n[set]\nepochs = 7\nimage_width = 64\n')
    entry = {"name": "xiv", "config": str(path)}
    (cell,) = cells(methods=[entry], set={"epochs": 3})
    assert cell.trained.choice.preset.name == "paper"
    assert cell.trained.choice.config.model_dump()["epochs"] == 3
    assert cell.trained.choice.overridden_keys == ("epochs", "image_width")
    assert cell.trained.configuration == path
    (other,) = cells(methods=[entry], presets=["quick"])
    assert other.trained.choice.preset.name == "quick"
    path.write_text('method = "jsia"')
    with pytest.raises(
        UsageError, match=r"some\.toml: methods\.0 \(xiv\): .*mine\.toml: method: it"
    ):
        cells(methods=[entry])


def test_a_released_model_is_named_by_its_file(cells: Cells, released_model: Path) -> None:
    path = released_model / "theirs.toml"
    path.write_text('name = "theirs"\ntitle = "T"\n' + (released_model / "agw.toml").read_text())
    entry = {"name": str(path), "weights": "theirs.t"}
    first, second, third = cells(methods=[entry, {**entry, "set": {"flip": True}}, "xiv"])
    assert (first.trained.name, first.trained.choice.name) == (str(path), "theirs")
    assert first.trained.weights == second.trained.weights == "theirs.t"
    assert third.trained.weights is None
    assert second.trained.choice.overridden_keys == ("flip", "weights")


def test_one_model_with_two_weights_files_is_two_cells(cells: Cells) -> None:
    entries = [{"name": "xiv", "weights": weights} for weights in ("a.pth", "b.pth")]
    assert [cell.trained.weights for cell in cells(methods=entries)] == ["a.pth", "b.pth"]
    with pytest.raises(UsageError, match="asked for twice"):
        cells(methods=[entries[0], entries[0]])
