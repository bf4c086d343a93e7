"""What a method costs, whether or not it can be counted on tensors without data."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TypeAlias

import pytest
import torch

from bench_core.configuration import MethodChoice, choose_method
from bench_core.contracts.errors import PluginError
from bench_core.contracts.result import Cost
from bench_core.pipeline.costs import count_cost, count_costs
from bench_core.plugins import Registry, load_registry

CPU = torch.device("cpu")
SPEC = """
from bench_core import MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

@hookimpl
def bench_register_methods():
    return [
        MethodSpec(
            id="stranger",
            title="Stranger",
            paper=Paper(title="A Title", authors="A. Author", venue="Venue", year=2026),
            variants=(VariantSpec(name="full", summary="all"),),
            presets=(PresetSpec(name="paper", summary="p"), PresetSpec(name="quick", summary="q")),
            method="stranger_method:Stranger",
            config="bench_core.methods:MethodConfig",
        )
    ]
"""
METHOD = """
import torch
from torch import nn

class Stranger:
    metric = "cosine"

    def __init__(self, config, *, num_identities):
        self.networks = nn.ModuleDict({{"layer": nn.Linear(3, 4)}})

    def load_pretrained(self, weights):
        pass

    def train(self, data, run):
        pass

    def extract(self, images, modality):
        pooled = images.mean((2, 3))
        {line}
        return self.networks["layer"](pooled)[:, None]
"""

Install: TypeAlias = Callable[[str], Registry]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a method beside XIV; its `extract` has one line more."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(line: str) -> Registry:
        (tmp_path / "stranger.py").write_text(SPEC)
        (tmp_path / "stranger_method.py").write_text(METHOD.format(line=line))
        (xiv,) = (point for point in entry_points(group="bench") if point.name == "xiv")
        return load_registry([xiv, EntryPoint("stranger", "stranger", "bench")])

    yield make
    for name in ("stranger", "stranger_method"):
        sys.modules.pop(name, None)


def test_the_document_says_what_was_counted(choice: MethodChoice) -> None:
    cost = count_cost(choice, CPU)
    document = cost.as_document()
    assert (document["method"], document["preset"]) == ("xiv", "quick")
    assert (document["image_size"], document["num_identities"]) == ([32, 16], 395)
    assert "sampling.identities" in document["overrides"]
    assert document["inference"]["macs"] == max(cost.inference.macs.values())
    training = document["training_only"]
    assert training["parameters"] == 256 * 395
    assert training["flops"] == 2 * training["macs"] == 2 * training["stages"][0]["macs"]
    assert training["stages"][0]["images"] == 2 * 4 * 2


def test_a_classifier_grows_with_the_identities(choice: MethodChoice) -> None:
    cost = count_cost(choice, CPU, num_identities=7, training=False)
    assert cost.inference.training_only_parameters == 256 * 7
    assert cost.stages is None


@pytest.mark.slow
def test_the_training_of_a_method_costs_what_its_costliest_stage_does(registry: Registry) -> None:
    small = ("image_height=64", "image_width=32")
    cost = count_cost(choose_method(*registry.method("ts-gan"), "quick", small), CPU)
    assert cost.stages is not None
    assert [stage.name for stage in cost.stages] == ["teacher", "joint"]
    assert cost.training_macs == cost.stages[1].macs > cost.stages[0].macs


def test_counting_is_exact_where_a_method_reads_values(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = install("assert bool((pooled >= 0).all())")
    cost = count_cost(choose_method(*registry.method("stranger"), "quick"), CPU)
    assert cost.inference.macs == {"visible": 12, "infrared": 12}
    note = capsys.readouterr().err
    assert note.startswith("Note: stranger cannot be counted on tensors without data")
    assert note.endswith("it is run on cpu\n")


def test_a_method_with_a_loop_of_its_own_has_no_stages(install: Install) -> None:
    cost = count_cost(choose_method(*install("pass").method("stranger"), "quick"), CPU)
    assert (cost.stages, cost.training_macs) == (None, None)
    assert cost.as_document()["training_only"] == {
        "macs": None,
        "flops": None,
        "parameters": 0,
        "stages": None,
    }


def test_a_step_that_fails_is_named_and_the_rest_is_counted(
    choice: MethodChoice, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no\nbatch")

    monkeypatch.setattr("bench_xiv.method.XIV.step", fail)
    cost = count_cost(choice, CPU)
    assert cost.stages is None
    assert cost.inference.parameters > 0
    warning = "Warning: a training step of xiv was not counted: ValueError: no batch"
    assert warning in capsys.readouterr().err.splitlines()


def test_every_method_is_counted_but_one_that_is_broken(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    costs = count_costs(install("raise ValueError('out of paint')"), training=False)
    assert [cost.choice.name for cost in costs] == ["xiv"]
    assert costs[0].choice.preset.name == "paper"
    warning = "Warning: the cost of stranger could not be counted: ValueError: out of paint"
    assert warning in capsys.readouterr().err


def test_a_row_has_the_names_of_a_result_record(choice: MethodChoice) -> None:
    row = count_cost(choice, CPU).as_row()
    assert set(row) - {"method", "image_size"} <= set(Cost.model_fields)


def test_a_method_that_cannot_be_built_is_an_error_of_one_line(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = install("this is no Python")
    with pytest.raises(PluginError, match="cannot load stranger_method:Stranger: SyntaxError"):
        count_cost(choose_method(*registry.method("stranger"), "quick"), CPU)
    assert capsys.readouterr().err == ""
