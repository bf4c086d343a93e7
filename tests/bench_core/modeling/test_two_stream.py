"""Two streams: a stem for each modality before layers that both share."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bench_core import CheckpointError
from bench_core.methods import (
    Backbone,
    MethodConfig,
    PretrainedWeights,
    StagedMethod,
    TwoStream,
    build_backbone,
    load_pretrained,
)
from bench_core.modeling.backbones import SplitStage


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for parameter in nn.ModuleList(modules).parameters())


@pytest.mark.parametrize(
    ("name", "stem"), [("resnet50", 9408 + 128), ("densenet121", 9408 + 128), ("small", 864 + 64)]
)
def test_a_backbone_is_split_behind_its_stem(name: Any, stem: int) -> None:
    """A 7x7 convolution of 3 to 64 channels and its normalisation; the small one's is 3x3 to 32."""
    with torch.device("meta"):
        backbone = build_backbone(name)
        first, second = backbone.split(0)
        maps = first(torch.empty(2, 3, 64, 32))
        assert count(first) == stem
        assert count(first, second) == count(backbone)
        side = 2 if name == "small" else 4
        assert maps.shape == (2, backbone.stem_channels, 64 // side, 32 // side)
        assert second(maps).shape == backbone.body(torch.empty(2, 3, 64, 32)).shape


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_each_modality_goes_through_its_own_first_layers(stage: SplitStage) -> None:
    backbone = build_backbone("small").eval()
    whole = copy.deepcopy(backbone)
    streams = TwoStream(backbone, stage).eval()
    visible, infrared = torch.rand(2, 2, 3, 32, 16)
    assert count(streams) == count(whole) + count(whole.split(stage)[0])
    for images, modality in ((visible, "visible"), (infrared, "infrared")):
        assert torch.equal(streams(images, modality), whole.body(images))
    both = torch.cat([whole.body(visible), whole.body(infrared)])
    torch.testing.assert_close(streams.both(visible, infrared), both)

    with torch.no_grad():
        for parameter in streams.stems["infrared"].parameters():
            parameter.mul_(2)
    assert torch.equal(streams(visible, "visible"), whole.body(visible))
    assert not torch.equal(streams(infrared, "infrared"), whole.body(infrared))


def test_a_state_has_each_layer_once() -> None:
    streams = TwoStream(build_backbone("small"))
    names = streams.state_dict().keys()
    assert {name.partition(".")[0] for name in names} == {"stems", "shared"}
    pointers = [value.data_ptr() for value in streams.parameters()]
    assert len(pointers) == len(set(pointers))


class Net(nn.Module):
    """A network of a method's own."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(2, 3), nn.Linear(3, 1)

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        load_pretrained(self.body, weights)


class Method(StagedMethod[MethodConfig]):
    metric = "euclidean"

    def __init__(self, **networks: nn.Module) -> None:
        super().__init__(MethodConfig(), num_identities=2)
        self.networks = nn.ModuleDict(networks)

    def stages(self) -> list[Any]:
        return []

    def extract(self, images: torch.Tensor, modality: Any) -> torch.Tensor:
        return images


def saved(path: Path, module: nn.Module) -> PretrainedWeights:
    torch.save(module.state_dict(), path)
    return PretrainedWeights("file", path)


def test_weights_of_a_backbone_start_both_stems(tmp_path: Path) -> None:
    trained: Backbone = build_backbone("small").eval()
    streams = TwoStream(build_backbone("small")).eval()
    Method(streams=nn.Sequential(streams)).load_pretrained(saved(tmp_path / "w.pth", trained.body))
    images = torch.rand(2, 3, 32, 16)
    for modality in ("visible", "infrared"):
        assert torch.equal(streams(images, modality), trained.body(images))


def test_an_own_network_loads_weights_in_a_line(tmp_path: Path) -> None:
    weights, net = nn.Linear(2, 3), Net()
    head = net.head.weight.clone()
    method = Method(net=nn.Sequential(net))
    method.load_pretrained(PretrainedWeights("none"))
    assert not torch.equal(net.body.weight, weights.weight)
    method.load_pretrained(saved(tmp_path / "w.pth", weights))
    assert torch.equal(net.body.weight, weights.weight)
    assert torch.equal(net.head.weight, head)
    with pytest.raises(CheckpointError, match=r"w\.pth: does not fit this backbone: .*weight"):
        method.load_pretrained(saved(tmp_path / "w.pth", nn.Linear(3, 3)))


def test_what_of_a_file_fits_is_said_as_of_the_backbone() -> None:
    backbone = build_backbone("small")
    tensors = {"0.weight": torch.zeros(32, 3, 3, 3), "other": torch.zeros(1)}
    expected = backbone.fit(tensors)
    found = TwoStream(copy.deepcopy(backbone)).fit(tensors)
    assert found == expected
    assert found.difference is not None
