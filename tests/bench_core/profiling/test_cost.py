"""The cost of extraction: the papers' figures, what holds for every method, its parts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bench_core import INFRARED, VISIBLE
from bench_core.configuration import MethodChoice
from bench_core.methods import Method
from bench_core.pipeline.methods import build_method
from bench_core.plugins import load_registry
from bench_core.profiling.cost import (
    OUTSIDE_LABEL,
    InferenceCost,
    ModuleCost,
    cost_of,
    inference_cost,
)
from bench_core.profiling.counting import recorded, simulated

Choose = Callable[..., MethodChoice]

METHODS = tuple(load_registry().methods)
DOCUMENT = Path(__file__).parents[3] / "docs" / "cost.md"
CPU = torch.device("cpu")

GENERATOR = 196_608
STRIDE_1 = 4_053_270_528
STRIDE_2 = 2_669_150_208


COUNTED: dict[tuple[str, str], InferenceCost] = {}
"""Every configuration is counted once."""


def count(choice: MethodChoice) -> InferenceCost:
    key = choice.name, choice.config.model_dump_json()
    if key not in COUNTED:
        with simulated():
            method: Method = build_method(choice, 395)
            COUNTED[key] = inference_cost(method, choice.config.image_size, CPU)
    return COUNTED[key]


def part(cost: InferenceCost, name: str) -> dict[str, int]:
    (found,) = [module for module in cost.modules if module.name == name]
    return dict(found.macs)


def test_the_generator_of_xiv_costs_what_its_paper_says(choose: Choose) -> None:
    cost = count(choose("xiv", "paper"))
    assert part(cost, "x_source") == {VISIBLE: GENERATOR, INFRARED: 0}
    assert round(GENERATOR / 1e9, 4) == 0.0002
    # A pixel of 256x128: three products into one channel, three out of it.
    assert GENERATOR == 256 * 128 * (3 * 1 + 1 * 3)


@pytest.mark.slow
@pytest.mark.parametrize(("stride", "macs", "giga"), [(1, STRIDE_1, 4.1), (2, STRIDE_2, 2.7)])
def test_the_papers_figure_for_resnet_50_fits_a_last_stride_of_2(
    choose: Choose, stride: int, macs: int, giga: float
) -> None:
    cost = count(choose("xiv:baseline", "paper", f"last_stride={stride}"))
    assert cost.macs == {VISIBLE: macs, INFRARED: macs}
    assert round(macs / 1e9, 1) == giga
    assert cost.parameters == 23_508_032


def test_xiv_embeds_a_visible_image_twice_and_an_infrared_one_once(choose: Choose) -> None:
    cost = count(choose("xiv", "paper"))
    assert cost.macs == {VISIBLE: 2 * STRIDE_1 + GENERATOR, INFRARED: STRIDE_1}
    assert cost.costlier == VISIBLE
    assert cost.training_only_parameters == 2 * 2048 + 2048 * 395  # the neck


def test_aligngan_translates_visible_images_first(choose: Choose) -> None:
    cost = count(choose("aligngan", "paper"))
    translated = cost.macs[VISIBLE] - cost.macs[INFRARED]
    assert part(cost, "generator_to_infrared") == {VISIBLE: translated, INFRARED: 0}
    assert translated > 0
    assert part(cost, "encoder") == {VISIBLE: cost.macs[INFRARED], INFRARED: cost.macs[INFRARED]}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jsia", "ts-gan"])
def test_methods_that_generate_in_training_alone_extract_by_the_backbone(
    choose: Choose, name: str
) -> None:
    cost = count(choose(name, "paper"))
    assert cost.macs == {VISIBLE: STRIDE_1, INFRARED: STRIDE_1}
    assert cost.parameters == 23_508_032
    assert cost.training_only_parameters > cost.parameters


@pytest.mark.parametrize("name", METHODS)
def test_the_parts_sum_up_to_the_whole(choose: Choose, name: str) -> None:
    document: dict[str, Any] = count(choose(name)).as_document()
    whole, parts = document["inference"], document["modules"]
    for key in ("macs", "flops", "macs_visible", "macs_infrared"):
        assert sum(module[key] for module in parts) == whole[key] > 0
    used = [module["parameters"] for module in parts if module["inference"]]
    assert sum(used) == whole["parameters"]
    assert whole["flops"] == 2 * whole["macs"]
    assert whole["macs"] == max(whole["macs_visible"], whole["macs_infrared"])


HANDCRAFTED = ("hog", "lomo")
HISTOGRAMS = {
    "aten.amin", "aten.atan2", "aten.avg_pool2d", "aten.eq", "aten.floor", "aten.gt", "aten.log1p",
    "aten.lt", "aten.maximum", "aten.minimum", "aten.remainder", "aten.round", "aten.scatter_add",
    "aten.where",
}  # fmt: skip
"""What hand-crafted descriptors quantise and count by."""


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_all_that_goes_uncounted_is_named_and_is_no_movement_of_data(
    choose: Choose, name: str
) -> None:
    document = count(choose(name)).as_document()
    expected = {
        "aten.add", "aten.div", "aten.max_pool2d_with_indices", "aten.mean", "aten.mul",
        "aten.native_batch_norm", "aten.relu", "aten.sub", "aten.tanh", "aten.upsample_bilinear2d",
        "aten.clamp_min", "aten.linalg_vector_norm", "aten.pow", "aten.sum", "aten.sqrt",
        "aten.rsub", "aten.clamp", "aten.amax", "aten.sigmoid", "aten.hardswish", "aten._softmax",
        "aten._adaptive_avg_pool2d", "aten.gelu", "aten.native_layer_norm",
        "aten._upsample_bilinear2d_aa",
    }  # fmt: skip
    if name in HANDCRAFTED:
        expected |= HISTOGRAMS
    else:
        assert "aten.native_batch_norm" in document["uncounted"]
    assert set(document["uncounted"]) <= expected
    assert document["uncounted"] == list(document["uncounted_work"])


@pytest.mark.parametrize("name", METHODS)
def test_tensors_without_data_give_the_counts_of_real_ones(choose: Choose, name: str) -> None:
    choice = choose(name)
    method = build_method(choice, 395)
    assert count(choice) == inference_cost(method, choice.config.image_size, CPU)


def documented_costs() -> dict[str, list[str]]:
    rows = re.findall(r"^\| `([\w-]+)` \|(.*)\|$", DOCUMENT.read_text(), re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


@pytest.mark.parametrize("name", METHODS)
def test_the_documentation_has_the_figures_of_every_method(choose: Choose, name: str) -> None:
    choice = choose(name, "paper")
    cost = count(choice)
    assert documented_costs()[name][:-1] == [
        "x".join(map(str, choice.config.image_size)),
        f"{cost.parameters:,}",
        f"{cost.training_only_parameters:,}",
        *(f"{cost.macs[modality] / 1e9:.4f}" for modality in (VISIBLE, INFRARED)),
    ]


class Student(nn.Module):
    """A body, a classifier that extraction leaves out, and a scale of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(4, 3, bias=False)
        self.classifier = nn.Linear(3, 10)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.scale * self.body(images)


@pytest.fixture
def networks() -> nn.ModuleDict:
    return nn.ModuleDict(
        {"student": Student(), "painter": nn.Linear(4, 4), "critic": nn.Linear(4, 1)}
    )


def split(
    networks: nn.ModuleDict,
    visible: Callable[[torch.Tensor], object],
    infrared: Callable[[torch.Tensor], object],
) -> dict[str, ModuleCost]:
    records = {}
    for modality, run in ((VISIBLE, visible), (INFRARED, infrared)):
        with recorded(networks) as record:
            run(torch.rand(1, 4))
        records[modality] = record
    return {part.name: part for part in cost_of(networks, records).modules}


def test_a_network_that_extraction_uses_in_part_is_given_in_parts(networks: nn.ModuleDict) -> None:
    student, painter = networks["student"], networks["painter"]
    parts = split(networks, lambda images: student(painter(images)), student)
    assert list(parts) == ["student", "student.body", "student.classifier", "painter", "critic"]
    assert {name for name, part in parts.items() if not part.inference} == {
        "student.classifier",
        "critic",
    }
    assert parts["student"].parameters == 1  # the scale: parts are listed by themselves
    assert parts["student.body"].macs == {VISIBLE: 12, INFRARED: 12}
    assert parts["painter"].macs == {VISIBLE: 16, INFRARED: 0}


def test_every_parameter_is_in_one_part(networks: nn.ModuleDict) -> None:
    networks["tied"] = nn.Linear(4, 3, bias=False)
    networks["tied"].weight = networks["student"].body.weight
    networks["copy"] = networks["painter"]
    parts = split(networks, networks["student"], networks["student"])
    distinct = sum(parameter.numel() for parameter in networks.parameters())
    assert sum(part.parameters for part in parts.values()) == distinct
    assert parts["tied"].parameters == parts["copy"].parameters == 0


def test_a_network_without_parameters_is_of_extraction_if_it_runs() -> None:
    networks = nn.ModuleDict({"runs": nn.ReLU(), "rests": nn.ReLU()})
    parts = split(networks, networks["runs"], networks["runs"])
    assert (parts["runs"].inference, parts["rests"].inference) == (True, False)


def test_work_outside_the_networks_is_a_part_of_its_own(networks: nn.ModuleDict) -> None:
    parts = split(networks, lambda images: images @ torch.rand(4, 6), networks["critic"])
    assert parts[OUTSIDE_LABEL].macs == {VISIBLE: 24, INFRARED: 0}
    assert parts[OUTSIDE_LABEL].parameters == 0
