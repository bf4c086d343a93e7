"""`bench export onnx`: which models it takes, and what it says."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from click.testing import Result

from bench_core.configuration import MethodConfig
from bench_core.pipeline import onnx_export, opened_models
from bench_core.pipeline.onnx_export import OnnxFile
from bench_core.pipeline.opened_models import OpenedModel
from bench_core.system.files import hash_file
from bench_core.testing import describe_training

Bench = Callable[..., Result]


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[OpenedModel]:
    """What is exported; how, its own tests say."""
    models: list[OpenedModel] = []

    def export(model: OpenedModel, output: Path, opset: int) -> tuple[OnnxFile, ...]:
        models.append(model)
        path = output.with_suffix(f".{opset}")
        file = OnnxFile(
            path=path, modalities=("visible",), num_bytes=2**20, shape=(2, 256), difference=None
        )
        return (file, replace(file, modalities=("infrared",), difference=2e-7))

    monkeypatch.setattr(onnx_export, "export_onnx", export)
    return models


def test_a_training_is_exported_with_its_identity(
    bench: Bench, exported: list[OpenedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    description = describe_training(method="xiv", variant="full")
    trained = SimpleNamespace(
        method=SimpleNamespace(metric="cosine"),
        config=MethodConfig(image_height=32, image_width=16),
        description=description,
    )
    models = {Path("xiv.st"): trained}
    monkeypatch.setattr(opened_models, "open_model", lambda _, path: models[path])
    result = bench("export", "onnx", "--model", "xiv.st", "--output", "xiv.onnx")
    assert result.exit_code == 0, result.stderr
    assert "visible images of 32x16 -> 2 views x 256 dimensions, cosine" in result.stdout
    assert "1.0 MiB, not checked: onnxruntime is not installed" in result.stdout
    assert "differs from the model by 2.0e-07 in onnxruntime" in result.stdout
    assert "onnx     xiv.18" in result.stdout
    (model,) = exported
    assert model.facts["training"] == description.identity
    assert (model.facts["method"], model.facts["variant"]) == ("xiv", "full")


def test_a_released_model_is_exported_with_its_weights(
    bench: Bench,
    released_model: Path,
    exported: list[OpenedModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, weights = released_model / "theirs.toml", released_model / "theirs.t"
    path.write_text('name = "theirs"\ntitle = "T"\n' + (released_model / "agw.toml").read_text())
    with monkeypatch.context() as patch:
        patch.syspath_prepend(released_model)
        network = importlib.import_module("model").embed_net(class_num=5)
    torch.save({"net": network.state_dict()}, weights)
    options = ("--method", path, "--weights", weights, "--set", "flip=true", "--opset", "20")
    result = bench("export", "onnx", *options, "--output", "theirs.onnx", "--json")
    assert result.exit_code == 0, result.stderr
    assert [file["path"] for file in json.loads(result.stdout)] == ["theirs.20"] * 2
    (model,) = exported
    assert model.facts["weights"] == hash_file(weights)
    assert model.config.model_dump()["flip"] is True
    loaded = model.method.networks["network"].state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --model FILE of a training, or a released model by --method and --weights"),
        (["--method", "xiv"], "give --model FILE of a training"),
        (["--method", "xiv", "--weights", "w.pth"], "--method xiv: it is trained; give --model"),
        (["--model", "a", "--method", "xiv"], "--method does not go with --model"),
        (["--model", "a", "--set", "epochs=1"], "--set does not go with --model"),
        (["--method", "xiv", "--weights", "imagenet"], "--method xiv: it is trained; give --model"),
    ],
)
def test_what_names_no_model_is_one_line(bench: Bench, options: list[str], message: str) -> None:
    result = bench("export", "onnx", *options, "--output", "some.onnx")
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_of_another_name_is_refused(bench: Bench) -> None:
    result = bench("export", "onnx", "--model", "a", "--output", "some.pt")
    assert result.exit_code == 2
    assert "--output some.pt: the name of an ONNX file ends in .onnx" in result.stderr
