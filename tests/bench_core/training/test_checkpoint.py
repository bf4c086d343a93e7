"""Checkpoints: what they hold, and which files are refused."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from bench_core import CheckpointError
from bench_core.training.checkpoint import (
    FORMAT,
    Kept,
    Position,
    TrainingReport,
    load_model,
    load_networks,
    load_progress,
    restore_optimizer,
    save_model,
    save_progress,
)
from bench_core.training.identity import TrainingDescription
from bench_core.training.selection import Selected

REPORT = TrainingReport(seconds=12.5, waiting_for_data=0.01, device="cpu")


def networks() -> nn.ModuleDict:
    return nn.ModuleDict({"conv": nn.Conv2d(3, 4, 3), "norm": nn.BatchNorm2d(4)})


def test_a_model_comes_back_with_the_training_that_made_it(
    tmp_path: Path, description: TrainingDescription
) -> None:
    saved, loaded = networks(), networks()
    path = tmp_path / "model.safetensors"
    save_model(path, saved, description, REPORT)
    state, found, report = load_model(path)
    load_networks(loaded, state, path)
    assert (found, report) == (description, REPORT)
    for name, tensor in saved.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name])


def test_a_model_comes_back_from_a_folder_whose_name_is_no_unicode(
    tmp_path: Path, description: TrainingDescription
) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9") / "model.safetensors"
    save_model(path, networks(), description, REPORT)
    assert load_model(path)[1:] == (description, REPORT)


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
def test_progress_comes_back_with_optimizers_and_position(
    tmp_path: Path, kind: type[torch.optim.Optimizer]
) -> None:
    def step(module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        module["conv"](torch.ones(2, 3, 5, 5)).square().mean().backward()
        optimizer.step()

    def make(module: nn.Module) -> torch.optim.Optimizer:
        extra = {"momentum": 0.9} if kind is torch.optim.SGD else {}
        return kind(module.parameters(), lr=0.1, **extra)

    module = networks()
    optimizer = make(module)
    step(module, optimizer)
    position = Position(stage=1, epoch=2, step=3, loss_sums={"total": 0.1})
    path = tmp_path / "checkpoint.safetensors"
    save_progress(path, module, {"all": optimizer}, position, "id", "a line\n")
    step(module, optimizer)

    resumed = networks()
    progress = load_progress(path, resumed, "id")
    other = make(resumed)
    restore_optimizer(other, progress.optimizers["all"])
    step(resumed, other)

    assert (progress.position, progress.log) == (position, "a line\n")
    assert progress.kept.selected is None
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_optimizer_state_is_laid_out_as_its_parameter(tmp_path: Path) -> None:
    module = networks().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(module.parameters())
    module["conv"](torch.ones(2, 3, 5, 5)).mean().backward()
    optimizer.step()
    path = tmp_path / "checkpoint.safetensors"
    save_progress(path, module, {"all": optimizer}, Position(), "id")
    progress = load_progress(path, module, "id")
    other = torch.optim.Adam(module.parameters())
    restore_optimizer(other, progress.optimizers["all"])
    weight = module["conv"].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert other.state[weight]["exp_avg"].stride() == weight.stride()


def test_the_best_networks_so_far_come_back_beside_the_present_ones(tmp_path: Path) -> None:
    present, best, resumed = networks(), networks(), networks()
    path = tmp_path / "checkpoint.safetensors"
    selected = Selected(epoch=4, score=0.1 + 0.2, state=best.state_dict())
    save_progress(path, present, {}, Position(), "id", kept=Kept(selected=selected))
    found = load_progress(path, resumed, "id").kept.selected
    assert found is not None
    assert (found.epoch, found.score) == (4, 0.1 + 0.2)
    assert found.state.keys() == best.state_dict().keys()
    for name, tensor in found.state.items():
        assert torch.equal(tensor, best.state_dict()[name]), name
    assert torch.equal(resumed["conv"].weight, present["conv"].weight)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_progress(path, networks(), {}, Position(), "one")
    with pytest.raises(CheckpointError, match="belongs to another training"):
        load_progress(path, networks(), "two")


def test_other_networks_are_refused(tmp_path: Path, description: TrainingDescription) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, nn.ModuleDict({"other": nn.Linear(2, 2)}), description, REPORT)
    state, _, _ = load_model(path)
    with pytest.raises(CheckpointError, match="does not fit the method's networks"):
        load_networks(networks(), state, path)


def test_foreign_and_damaged_files_are_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.ones(2)}, foreign)
    with pytest.raises(
        CheckpointError, match=r"not written by this version of bench .*; remove it"
    ):
        load_model(foreign)
    text = tmp_path / "text.safetensors"
    text.write_text("no checkpoint")
    with pytest.raises(CheckpointError, match="no readable checkpoint"):
        load_model(text)
    with pytest.raises(CheckpointError, match="does not exist"):
        load_model(tmp_path / "nowhere.safetensors")


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (str(tmp_path / "exploded"),)

    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError):
        load_model(path)
    assert not (tmp_path / "exploded").exists()


DESCRIPTIONS = [
    {},
    [],
    None,
    3,
    {"training": 3, "report": {}},
    {"training": {}, "report": {}},
    {"report": {}},
]


def with_entry(path: Path, entry: str) -> None:
    """Write a file of tensors with this text as what bench says of it."""
    save_file({"networks.conv.weight": torch.ones(1)}, path, {FORMAT: entry})


@pytest.mark.parametrize("document", DESCRIPTIONS, ids=str)
def test_a_model_with_another_description_is_refused_on_one_line(
    tmp_path: Path, document: object
) -> None:
    path = tmp_path / "model.safetensors"
    with_entry(path, json.dumps(document))
    with pytest.raises(CheckpointError, match=r"is not what bench writes .*; ask its author") as e:
        load_model(path, "ask its author")
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("text", ["{", "", "[" * 100_000, "\x00"], ids=["{", "", "depth", "zero"])
def test_a_model_whose_description_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.safetensors"
    with_entry(path, text)
    with pytest.raises(CheckpointError, match="is not what bench writes"):
        load_model(path)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "0"},
        {"seed": None},
        {"config": []},
        {"precision": "float16"},
        {"num_identities": 1.5},
        {"threads": "two"},
        {"validation": 3},
    ],
    ids=str,
)
def test_a_field_of_another_type_is_named(
    tmp_path: Path, description: TrainingDescription, change: dict[str, object]
) -> None:
    path = tmp_path / "model.safetensors"
    document = {"training": {**description.document(), **change}, "report": asdict(REPORT)}
    with_entry(path, json.dumps(document))
    (field,) = change
    with pytest.raises(CheckpointError, match=f"the training description: {field}: "):
        load_model(path)


@pytest.mark.parametrize(
    "document",
    [
        {"identity": "id"},
        {"identity": "id", "param_groups": [], "position": {}, "log": ""},
        {"identity": "id", "param_groups": {}, "position": [], "log": ""},
        {"identity": "id", "param_groups": {}, "position": {"stage": "1"}, "log": ""},
        {"identity": "id", "param_groups": {}, "position": {}, "log": 3},
        {"identity": "id", "param_groups": {}, "position": {}, "log": "", "selected": {"a": 1}},
    ],
    ids=str,
)
def test_a_checkpoint_of_another_form_is_refused(
    tmp_path: Path, document: dict[str, object]
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    tensors = {f"networks.{name}": tensor for name, tensor in networks().state_dict().items()}
    save_file(tensors, path, {FORMAT: json.dumps(document)})
    with pytest.raises(CheckpointError, match=r"is not what bench writes .*; remove it to train"):
        load_progress(path, networks(), "id")
