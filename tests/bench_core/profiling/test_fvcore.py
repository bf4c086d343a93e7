"""fvcore, which counts by another mechanism, agrees; where it differs, the reason is known."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import nn

from bench_core.modeling.backbones import build_backbone
from bench_core.modeling.generators import ResidualGenerator
from bench_core.profiling.counting import Record, recorded
from bench_xiv.generator import LearnedX

Analyse = Callable[[nn.Module, torch.Tensor], "Counter[str]"]


@pytest.fixture(scope="module")
def analyse() -> Analyse:
    """Count with fvcore, by operator; it uses parts of PyTorch that warn of their age."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fvcore.nn import FlopCountAnalysis

    def run(network: nn.Module, images: torch.Tensor) -> Counter[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            analysis = FlopCountAnalysis(network, images).unsupported_ops_warnings(enabled=False)
            counted: Counter[str] = analysis.by_operator()
        return counted

    return run


def record(network: nn.Module, images: torch.Tensor) -> Record:
    with recorded(nn.ModuleDict({"network": network})) as noted:
        network(images)
    return noted


@pytest.mark.parametrize("stride", [1, 2])
def test_resnet_50_differs_by_normalisation_and_pooling_alone(
    analyse: Analyse, stride: int
) -> None:
    network = build_backbone("resnet50", last_stride=stride).eval()
    images = torch.rand(1, 3, 256, 128)
    theirs, ours = analyse(network, images), record(network, images)
    assert theirs["conv"] == ours.macs.total()
    # fvcore takes two operations for each element of batch normalisation, and one for each that
    # average pooling reads; we list both operators as uncounted.
    assert theirs["batch_norm"] == 2 * ours.uncounted["aten.native_batch_norm"].elements
    assert theirs["adaptive_avg_pool2d"] == 2048 * (256 // 16) * (128 // 16) // stride**2
    assert set(theirs) == {"conv", "batch_norm", "adaptive_avg_pool2d"}


def test_the_generator_of_xiv_is_the_same(analyse: Analyse) -> None:
    network, images = LearnedX(), torch.rand(1, 3, 256, 128)
    assert analyse(network, images).total() == record(network, images).macs.total() == 196_608


def test_a_residual_generator_differs_by_normalisation_alone(analyse: Analyse) -> None:
    network, images = ResidualGenerator(width=8), torch.rand(1, 3, 64, 32)
    theirs, ours = analyse(network, images), record(network, images)
    assert theirs["conv"] == ours.macs.total()
    # Five operations for each element of instance normalisation.
    assert theirs["instance_norm"] == 5 * ours.uncounted["aten.native_batch_norm"].elements
    assert set(theirs) == {"conv", "instance_norm"}


def test_linear_layers_and_matrix_products_are_the_same(analyse: Analyse) -> None:
    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 5)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            embedded = self.layer(rows)
            return embedded @ embedded.t()

    network, rows = Product(), torch.rand(4, 6)
    expected = 4 * 6 * 5 + 4 * 5 * 4
    assert analyse(network, rows).total() == record(network, rows).macs.total() == expected
