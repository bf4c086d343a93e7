"""A package that wraps a released model: it works as it is, and what cannot be wrapped is named."""

from __future__ import annotations

import ast
import importlib
import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
import torch
from click.testing import CliRunner

from bench_core.cli.main import build_cli
from bench_core.configuration import choose_method
from bench_core.contracts.errors import PluginError, UsageError
from bench_core.contracts.method import MethodSpec
from bench_core.plugins import Registry
from bench_core.released.method import ReleasedMethod
from bench_core.scaffolding import released_model
from bench_core.scaffolding.naming import PackageName
from bench_core.scaffolding.package import render, write_package
from bench_core.scaffolding.released_model import find_model
from bench_core.testing import MethodBuilder, method_checks, registration_checks
from bench_core.testing.conformance import DeedError

Wrap: TypeAlias = Callable[[str], MethodSpec]
PACKAGE = PackageName("my-wrap")
NETWORK = """
from torch import nn


def build() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


@pytest.fixture
def wrap(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wrap]:
    """Write a package that wraps a model, and return what it registers."""
    folder = tmp_path / "my-wrap"
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def written(model: str) -> MethodSpec:
        write_package("my-wrap", folder, registry, model)
        importlib.invalidate_caches()
        (spec,) = importlib.import_module("my_wrap").bench_register_methods()
        return spec

    yield written
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_wrap"]:
        del sys.modules[name]


def test_a_file_of_ones_own_works_as_it_is(wrap: Wrap, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(NETWORK)
    spec = wrap(f"{tmp_path / 'theirs.py'}:build")
    copied = tmp_path / "my-wrap" / "my_wrap" / "network.py"
    assert copied.read_text() == NETWORK
    size = ["image_height=32", "image_width=16"]
    for check in [*registration_checks("my_wrap"), *method_checks(spec, spec.variants[0], size)]:
        check.run()
    config = choose_method(spec, spec.variants[0], "paper").config.model_dump()
    assert config["source"].startswith("sha256:")
    copied.write_text(NETWORK + "\n# changed")
    changed = choose_method(spec, spec.variants[0], "paper").config.model_dump()
    assert changed["source"] != config["source"]


def test_a_file_comes_with_what_it_imports_from_its_folder(
    wrap: Wrap, released_model: Path, tmp_path: Path
) -> None:
    spec = wrap(f"{released_model / 'model.py'}:embed_net")
    network = importlib.import_module("my_wrap.network").embed_net(class_num=3)
    assert isinstance(network, torch.nn.Module)
    before = choose_method(spec, spec.variants[0], "paper").config.model_dump()["source"]
    with (tmp_path / "my-wrap" / "my_wrap" / "resnet.py").open("a") as file:
        file.write("\n# changed")
    assert choose_method(spec, spec.variants[0], "paper").config.model_dump()["source"] != before


def test_what_a_network_does_is_told_with_its_place_in_the_package(
    wrap: Wrap, tmp_path: Path
) -> None:
    line = "    __import__('socket').getaddrinfo('weights.example', 80)\n"
    (tmp_path / "theirs.py").write_text(NETWORK.replace("    return", f"{line}    return"))
    spec = wrap(f"{tmp_path / 'theirs.py'}:build")
    size = ["image_height=32", "image_width=16"]
    checks = {check.rule: check for check in method_checks(spec, spec.variants[0], size)}
    with pytest.raises(PluginError, match=r"the network is refused .*; if it fetches"):
        checks["the-networks-can-be-built"].run()
    with pytest.raises(DeedError) as caught:
        checks["the-network-is-not-used"].run()
    assert Path(caught.value.place.file) == tmp_path / "my-wrap" / "my_wrap" / "network.py"


def test_a_network_of_torchvision_gives_what_its_classifier_would_get(wrap: Wrap) -> None:
    spec = wrap("torchvision:resnet18")
    method = MethodBuilder(spec, ["image_height=64", "image_width=32"]).build()
    assert isinstance(method, ReleasedMethod)
    method.networks.eval()
    with torch.inference_mode():
        assert method.extract(torch.rand(2, 3, 64, 32), "visible").shape == (2, 1, 512)
    assert method.config.image_size == (64, 32)
    assert method.config.source.startswith("torchvision ")


@pytest.mark.parametrize(
    ("name", "classifier", "size"),
    [("resnet18", "fc", (256, 128)), ("vit_b_16", "heads.head", (224, 224))],
)
def test_what_only_the_network_knows_is_declared(
    name: str, classifier: str, size: tuple[int, int]
) -> None:
    model = find_model(f"torchvision:{name}", PACKAGE)
    assert (model.passed_through, model.unused) == ((classifier,), (f"{classifier}.*",))
    assert model.image_size == size


def test_a_module_that_is_installed_is_named_and_not_copied(released_model: Path) -> None:
    model = find_model("torchvision.models:resnet18", PACKAGE)
    assert (model.network, model.code) == ("torchvision.models:resnet18", {})


def test_a_network_of_timm_is_made_without_its_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    class Timm:
        list_models = staticmethod(lambda: ["vit_tiny"])

    monkeypatch.setitem(sys.modules, "timm", Timm)  # type: ignore[arg-type]
    model = find_model("timm:vit_tiny", PACKAGE)
    assert model.network == "timm:create_model"
    assert model.arguments == {"model_name": "vit_tiny", "num_classes": 0}
    declared = tomllib.loads(render(PACKAGE, model)["my_wrap/model.toml"])
    assert declared["arguments"] == model.arguments


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("resnet50", "expected package.module:factory, FILE.py:factory, torchvision:NAME"),
        ("torchvision:resnet5", "torchvision has no network 'resnet5'; it has resnet50"),
        ("nowhere.at.all:build", "there is no module nowhere"),
        ("torchvision.nowhere:build", "there is no module torchvision.nowhere"),
        ("sys:path", "module of Python itself"),
        ("absent.py:build", "absent.py:build: No such file"),
    ],
)
def test_what_is_not_there_is_one_line(
    given: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=says) as caught:
        find_model(given, PACKAGE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "factory", "says"),
    [
        (NETWORK, "bild", "defines no bild, but build"),
        (NETWORK, "", "defines no name, but build"),
        ("x = 1", "build", "defines no build, but nothing"),
        ("def (", "build", "no Python file"),
    ],
)
def test_a_file_without_the_factory_is_refused(
    text: str, factory: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "theirs.py").write_text(text)
    with pytest.raises(UsageError, match=says):
        find_model(f"{tmp_path / 'theirs.py'}:{factory}", PACKAGE)


def test_files_are_what_they_are_called() -> None:
    for path, text in render(PACKAGE, released_model.WrappedModel(network="a.b:c")).items():
        assert "<<" not in text
        if path.endswith(".py"):
            ast.parse(text)
            assert max(map(len, text.splitlines())) <= 100
        if path.endswith(".toml"):
            tomllib.loads(text)


def test_a_declaration_without_a_title_is_the_packages_fault(wrap: Wrap, tmp_path: Path) -> None:
    wrap("torchvision:resnet18")
    path = tmp_path / "my-wrap" / "my_wrap" / "model.toml"
    for text, says in [("network = 'a:b'", "expected title"), ("title = ", "is not TOML")]:
        path.write_text(text)
        with pytest.raises(PluginError, match=rf"model\.toml.*{says}"):
            sys.modules["my_wrap"].bench_register_methods()


def test_an_extract_only_method_that_trains_does_not_pass(wrap: Wrap, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(NETWORK)
    spec = wrap(f"{tmp_path / 'theirs.py'}:build")
    liar = tmp_path / "my-wrap" / "my_wrap" / "liar.py"
    liar.write_text(
        "from bench_core.released.method import ReleasedMethod\n\n\n"
        "class Liar(ReleasedMethod):\n"
        "    def train(self, data, run):\n"
        "        for each in self.networks.parameters():\n"
        "            each.data += 1\n"
    )
    importlib.invalidate_caches()
    lying = replace(spec, method="my_wrap.liar:Liar")
    size = ["image_height=32", "image_width=16"]
    checks = {check.rule: check for check in method_checks(lying, lying.variants[0], size)}
    with pytest.raises(PluginError, match="it is extract_only, and its train changes"):
        checks["training-changes-the-networks"].run()


def test_the_command_writes_one_and_says_what_comes_next(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    new = ["plugin", "new", "my-wrap", "--module", "torchvision:resnet18"]
    refused = CliRunner().invoke(build_cli(registry), new)
    assert refused.exit_code == 2
    assert "add --extract-only" in refused.stderr
    written = CliRunner().invoke(build_cli(registry), [*new, "--extract-only", "--json"])
    document = json.loads(written.stdout)
    assert "my_wrap/model.toml" in document["files"]
    assert "bench run --method my-wrap --weights WEIGHTS" in document["next_commands"][2]
