from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial

import pytest
import torch

from bench_core.configuration import MethodChoice
from bench_core.contracts.images import MODALITIES
from bench_core.features.fast import in_format, relative_difference
from bench_core.pipeline.methods import build_method
from bench_core.profiling.modes import Mode, build_mode, images_for, measured_modes
from bench_core.system.devices import NumberFormat
from bench_core.training.method import Method

IMAGES = torch.rand(2, 3, 64, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def method(choose: Callable[..., MethodChoice]) -> Method:
    built = build_method(choose("xiv", "quick", "image_height=64", "image_width=32"), 4)
    built.networks.eval()
    return built


def test_a_processor_is_measured_in_what_needs_no_compiler() -> None:
    device = torch.device("cpu")
    assert measured_modes(device, compiled=False) == ("eager", "channels-last", "folded")
    assert measured_modes(device, compiled=True)[-1] == "compiled"


def test_an_accelerator_is_measured_through_graphs_too() -> None:
    assert "cuda-graph" in measured_modes(torch.device("cuda"), compiled=False)


@pytest.mark.parametrize("number_format", ["float32", "bfloat16"])
@pytest.mark.parametrize("mode", ["eager", "channels-last", "folded"])
def test_every_mode_gives_the_features(
    method: Method, mode: Mode, number_format: NumberFormat
) -> None:
    embed = build_mode(method, mode, number_format)
    tolerance = 1e-5 if number_format == "float32" else 1e-2
    for modality in MODALITIES:
        expected = in_format(method, "float32")(IMAGES, modality)
        assert relative_difference(embed(images_for(mode, IMAGES), modality), expected) < tolerance


def test_modes_differ_in_the_layout_of_images() -> None:
    assert images_for("eager", IMAGES).is_contiguous()
    assert images_for("folded", IMAGES).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_traced_extraction_gives_the_features(
    method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_code = partial(torch.compile, backend="eager")  # C++ would take a minute
    monkeypatch.setattr(torch, "compile", without_code)
    embed = build_mode(method, "compiled", "float32")
    for modality in MODALITIES:
        expected = in_format(method, "float32")(IMAGES, modality)
        features = embed(images_for("compiled", IMAGES), modality)
        assert relative_difference(features, expected) < 1e-5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores")  # float32 is meant
@pytest.mark.parametrize(
    "mode",
    [
        "cuda-graph",
        pytest.param(
            "compiled",
            marks=pytest.mark.skipif(
                not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler"
            ),
        ),
    ],
)
def test_a_graph_on_cuda_gives_the_features_of_each_batch(method: Method, mode: Mode) -> None:
    expected = in_format(method, "float32")(IMAGES, "visible")
    method.networks.cuda()
    embed = build_mode(method, mode, "float32")
    for images, features in ((IMAGES, expected), (IMAGES.flip(0), expected.flip(0))):
        embedded = embed(images_for(mode, images.cuda()), "visible")
        assert relative_difference(embedded.cpu(), features) < 1e-5
