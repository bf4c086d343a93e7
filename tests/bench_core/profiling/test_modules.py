"""The cost of extraction is split so that every part belongs to extraction or to training."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from bench_core import INFRARED, VISIBLE
from bench_core.profiling.counting import recorded
from bench_core.profiling.modules import OUTSIDE_LABEL, ModuleCost, module_costs


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
    return {part.name: part for part in module_costs(networks, records)}


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
