"""`bench weights info`: what a file holds, and what of it fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from click.testing import Result
from torch import nn
from torchvision import models

from bench_core.modeling.backbones import SmallResNet
from bench_core.modeling.named_backbones import NamedBackbone, named_backbone
from bench_core.system.files import hash_file

Bench = Callable[..., Result]
QUICK = ("--method", "xiv", "--preset", "quick")


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Save the body of the backbone of the preset "quick", changed."""

    def save(**changes: torch.Tensor) -> Path:
        state = {f"module.{name}": t for name, t in SmallResNet().body.state_dict().items()}
        path = tmp_path / "weights.pth"
        torch.save({"state_dict": {**state, **changes}, "epoch": 60}, path)
        return path

    return save


def test_a_file_is_described(bench: Bench, saved: Callable[..., Path]) -> None:
    path = saved()
    document = json.loads(bench("weights", "info", path, "--json").stdout)
    body = SmallResNet().body.state_dict()
    assert document["tensors"] == {name: list(t.shape) for name, t in body.items()}
    assert (document["key"], document["prefix"]) == ("state_dict", "module.")
    assert document["sha256"] == hash_file(path)
    assert document["others"] == {"epoch": "60"}
    assert document["fits"] == {}
    shown = bench("weights", "info", path).stdout
    assert "under the key 'state_dict', 'module.' taken off every name" in shown


def test_what_a_method_would_load_is_shown(bench: Bench, saved: Callable[..., Path]) -> None:
    result = bench("weights", "info", saved(), *QUICK)
    assert result.exit_code == 0
    assert "fits backbone" in result.stdout


def test_what_does_not_fit_is_listed_and_fails(bench: Bench, saved: Callable[..., Path]) -> None:
    path = saved(**{"module.extra": torch.zeros(3)})
    result = bench("weights", "info", path, *QUICK, "--json")
    (fit,) = json.loads(result.stdout)["fits"].values()
    assert result.exit_code == 1
    assert fit["unexpected"] == ["extra"]
    assert not fit["missing"]
    assert not fit["fits"]
    assert "unknown to the network      1  extra" in bench("weights", "info", path, *QUICK).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--key", "teacher"), "has no dictionary 'teacher', but state_dict, epoch"),
        (("--set", "epochs=3"), "--set changes a method; name it with --method"),
        (("--method", "absent.toml"), "cannot read absent.toml"),
    ],
)
def test_mistakes_are_one_line(
    bench: Bench, saved: Callable[..., Path], options: Any, message: str
) -> None:
    result = bench("weights", "info", saved(), *options)
    assert result.exit_code in (1, 2)
    assert message in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give --model FILE of a training, or --method FILE.toml with --python FILE"),
        (("--model", "m", "--python", "p"), "--python does not go with --model"),
        (("--model", "m", "--method", "p"), "--method does not go with --model"),
        (("--model", "m", "--timeout", "3"), "--timeout does not go with --model"),
        (("--method", "a.toml"), "give --model FILE"),
        (("--method", "a.toml", "--python", "absent"), "--python absent: no such program"),
        (("--method", "a.toml", "--python", "/bin/sh"), "--python: give --weights FILE"),
        (
            ("--method", "a.toml", "--python", "/bin/sh", "--weights", "imagenet"),
            "--weights imagenet: a released model is what its file holds",
        ),
        (
            ("--method", "a.toml", "--python", "/bin/sh", "--precision", "bfloat16"),
            "--precision: a script extracts in the format of its own",
        ),
    ],
)
def test_extraction_from_outside_names_the_option_that_is_wrong(
    bench: Bench, options: Any, message: str
) -> None:
    protocol = ("--protocol", "sysu-all-single", "--output", "f.npz")
    result = bench("extract", *options, *protocol)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.fixture
def named(small_library: None, monkeypatch: pytest.MonkeyPatch) -> NamedBackbone:
    """A network of torchvision, which every method that is built now has."""
    backbone = named_backbone("torchvision:squeezed")
    networks = nn.ModuleDict({"features": backbone})
    built = SimpleNamespace(networks=networks)
    monkeypatch.setattr("bench_core.pipeline.weights.build_method", lambda *_: built)
    return backbone


@pytest.fixture
def small_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that torchvision does not have, small as a test needs it."""
    made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 9))
    monkeypatch.setattr(models, "list_models", lambda **_: ["squeezed"])
    monkeypatch.setattr(models, "get_model", lambda *_, **__: made)
    monkeypatch.setattr(models, "get_model_weights", lambda _: SimpleNamespace(DEFAULT=None))


def test_a_named_network_is_held_against_the_file_without_its_classifier(
    bench: Bench, tmp_path: Path, named: NamedBackbone
) -> None:
    path = tmp_path / "theirs.pth"
    torch.save({**named.body.state_dict(), "3.weight": torch.zeros(9, 4)}, path)
    fits = json.loads(bench("weights", "info", path, *QUICK, "--json").stdout)["fits"]
    assert fits["features"]["fits"] is True
    assert fits["features"]["matched"] == ["0.weight", "0.bias"]
    torch.save({"0.weight": torch.zeros(4, 3, 5, 5)}, path)
    result = bench("weights", "info", path, *QUICK)
    assert result.exit_code == 1
    assert "does not fit features" in result.stdout
