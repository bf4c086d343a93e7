"""ONNX files give the features of their model, say what they are, and are else not written."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from bench_core.configuration import MethodConfig
from bench_core.contracts.errors import BenchError, UsageError
from bench_core.contracts.images import Modality
from bench_core.pipeline import onnx_export
from bench_core.pipeline.onnx_export import OnnxFile, export_onnx
from bench_core.pipeline.opened_models import OpenedModel

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

Extract = Callable[[nn.ModuleDict, torch.Tensor, Modality], torch.Tensor]


class Exported:
    """A method of one convolution that extracts as a function says."""

    metric = "cosine"

    def __init__(self, extract: Extract) -> None:
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.BatchNorm2d(4))
        self.networks = nn.ModuleDict({"layers": layers})
        self._extract = extract

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        return self._extract(self.networks, images, modality)


def plain(networks: nn.ModuleDict, images: torch.Tensor, modality: Modality) -> torch.Tensor:
    features: torch.Tensor = networks["layers"](images - 0.5).mean((2, 3))
    return features[:, None]


def by_modality(networks: nn.ModuleDict, images: torch.Tensor, modality: Modality) -> torch.Tensor:
    return plain(
        networks, images if modality == "visible" else images[:, :1].repeat(1, 3, 1, 1), modality
    )


def model_of(extract: Extract) -> OpenedModel:
    method: Any = Exported(extract)
    config = MethodConfig(image_height=32, image_width=16)
    return OpenedModel(method=method, config=config, facts={"training": "a1b2"})


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[OpenedModel, OnnxFile]:
    """A model that has been exported."""
    model = model_of(plain)
    (file,) = export_onnx(model, tmp_path_factory.mktemp("exported") / "some.onnx", 18)
    return model, file


@pytest.fixture
def again(exported: tuple[OpenedModel, OnnxFile], monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracing takes a second, and gives what it gave before."""
    content = exported[1].path.read_bytes()
    monkeypatch.setattr(onnx_export, "_exported", lambda *_: content)


def test_a_file_gives_the_features_of_the_model_for_any_batch(
    exported: tuple[OpenedModel, OnnxFile],
) -> None:
    model, file = exported
    assert file.path.name == "some.onnx"
    assert (file.modalities, file.shape) == (("visible", "infrared"), (1, 4))
    assert file.difference is not None
    assert file.difference < 1e-6
    session = onnxruntime.InferenceSession(file.path, providers=["CPUExecutionProvider"])
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape[1:], made.name) == ("images", [3, 32, 16], "features")
    images = torch.rand(5, 3, 32, 16)
    with torch.inference_mode():
        expected = model.method.extract(images, "visible")
    (features,) = session.run(None, {"images": images.numpy()})
    torch.testing.assert_close(torch.from_numpy(features), expected)


def test_where_the_modality_counts_each_has_a_file_that_says_what_it_is(tmp_path: Path) -> None:
    files = export_onnx(model_of(by_modality), tmp_path / "some.onnx", 18)
    names = {file.path.name: file.modalities for file in files}
    assert names == {"some-visible.onnx": ("visible",), "some-infrared.onnx": ("infrared",)}
    document = onnx.load(tmp_path / "some-infrared.onnx")
    onnx.checker.check_model(document)
    said = {entry.key: entry.value for entry in document.metadata_props}
    assert (said["training"], said["modalities"]) == ("a1b2", "infrared")
    assert "(batch, 3, 32, 16)" in said["input"]
    assert said["metric"] == "cosine, summed over views"
    assert [each.version for each in document.opset_import if not each.domain] == [18]


def test_what_onnx_lacks_is_one_line_and_no_file(tmp_path: Path) -> None:
    def singular(networks: nn.ModuleDict, images: torch.Tensor, _: Modality) -> torch.Tensor:
        return torch.linalg.svd(images[:, 0] + networks["layers"][0].bias.sum())[1][:, None]

    with pytest.raises(BenchError, match="visible images cannot be exported as ONNX") as caught:
        export_onnx(model_of(singular), tmp_path / "some.onnx", 18)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_file_of_other_features_is_not_written(
    tmp_path: Path, again: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(plain)
    nn.init.ones_(model.method.networks["layers"][0].bias)  # type: ignore[index,arg-type]
    with pytest.raises(BenchError, match=r"differ from the model's by .* nothing is written"):
        export_onnx(model, tmp_path / "some.onnx", 18)
    assert not list(tmp_path.iterdir())


def test_without_what_runs_it_nothing_is_claimed(
    tmp_path: Path, again: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "onnxruntime")
    (file,) = export_onnx(model_of(plain), tmp_path / "some.onnx", 18)
    assert file.difference is None


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_without_what_writes_it_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    hide(monkeypatch, package)
    with pytest.raises(UsageError, match=rf"needs {package}.*'vireid-bench\[onnx\]'"):
        export_onnx(model_of(plain), tmp_path / "some.onnx", 18)


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Let a package be none that is installed."""
    find = importlib.util.find_spec
    finder = SimpleNamespace(find_spec=lambda name: None if name == package else find(name))
    monkeypatch.setattr(onnx_export.importlib, "util", finder)
