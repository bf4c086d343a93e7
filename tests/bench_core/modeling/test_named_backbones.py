"""Networks of torchvision and timm by name: their features, their weights, clear refusals."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

from bench_core import CheckpointError, UsageError
from bench_core.methods import PretrainedWeights, named_backbone


@pytest.mark.parametrize(
    ("name", "features"),
    [("resnet18", 512), ("densenet121", 1024), ("mobilenet_v3_small", 1024), ("swin_t", 768)],
)
def test_a_network_of_torchvision_gives_what_its_classifier_would_see(
    name: str, features: int
) -> None:
    torch.manual_seed(0)
    backbone = named_backbone(f"torchvision:{name}").eval()
    torch.manual_seed(0)
    whole: Any = models.get_model(name).eval()
    seen: list[torch.Tensor] = []
    last = [layer for layer in whole.modules() if isinstance(layer, nn.Linear)][-1]
    last.register_forward_hook(lambda _layer, given, _output: seen.append(given[0]))
    images = torch.rand(2, 3, 64, 32)
    whole(images)
    assert torch.equal(backbone(images), seen[0])
    assert backbone.num_features == features == seen[0].shape[1]


def test_options_go_to_the_library() -> None:
    backbone = named_backbone("torchvision:vit_b_32", image_size=64).eval()
    assert backbone(torch.rand(1, 3, 64, 64)).shape == (1, backbone.num_features) == (1, 768)


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_imagenet_weights_of_torchvision_fit_but_for_the_classifier(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its DenseNet file has names of old."""
    whole: Any = models.get_model(name)
    state = {
        key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2.")
        if name == "densenet121" and "denselayer" in key else key: value
        for key, value in whole.state_dict().items()
    }  # fmt: skip
    kind = type(models.get_model_weights(name).DEFAULT)
    monkeypatch.setattr(kind, "get_state_dict", lambda *_, **__: state)
    backbone = named_backbone(f"torchvision:{name}").eval()
    backbone.load_pretrained(PretrainedWeights("imagenet"))
    loaded = backbone.body.state_dict()
    assert all(torch.equal(value, loaded[key]) for key, value in whole.state_dict().items()
               if key in loaded)  # fmt: skip
    assert len(whole.state_dict()) - len(loaded) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("keras:vgg", "unknown library of backbones 'keras'"),
        (
            "torchvision:resnet19",
            "torchvision has no network 'resnet19'; it has resnet1.* and others",
        ),
        ("torchvision:squeezenet1_0", "does not end in a linear classifier"),
    ],
)
def test_a_name_that_is_none_is_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        named_backbone(name)


class Stand(nn.Module):
    """A network as timm builds it."""

    num_features = 4

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images).mean((2, 3))


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Put a module with the three functions that are called in timm's place."""
    trained = Stand()

    def create_model(name: str, *, pretrained: bool, num_classes: int, **options: Any) -> Stand:
        made.calls.append((name, pretrained, num_classes, options))
        if made.offline:
            raise OSError("no route")
        return copy.deepcopy(trained) if pretrained else Stand()

    made = SimpleNamespace(
        create_model=create_model,
        list_models=lambda: ["stand"],
        calls=[],
        trained=trained,
        offline=False,
    )
    monkeypatch.setitem(sys.modules, "timm", made)
    return made


def test_a_network_of_timm_is_built_without_its_classifier(timm: Any, tmp_path: Path) -> None:
    backbone = named_backbone("timm:stand", img_size=32)
    assert timm.calls == [("stand", False, 0, {"img_size": 32})]
    assert backbone(torch.rand(2, 3, 8, 4)).shape == (2, backbone.num_features) == (2, 4)
    random = backbone.body.layer.weight.clone()
    backbone.load_pretrained(PretrainedWeights("none"))
    assert torch.equal(backbone.body.layer.weight, random)
    backbone.load_pretrained(PretrainedWeights("imagenet"))
    assert torch.equal(backbone.body.layer.weight, timm.trained.layer.weight)
    torch.save({"layer.weight": random}, tmp_path / "file.pth")
    with pytest.raises(CheckpointError, match=r"1 of 2 tensors are missing, such as layer\.bias"):
        backbone.load_pretrained(PretrainedWeights("file", tmp_path / "file.pth"))


def test_what_timm_cannot_give_is_one_line(timm: Any) -> None:
    with pytest.raises(UsageError, match="timm has no network 'other'; it has stand and others"):
        named_backbone("timm:other")
    backbone = named_backbone("timm:stand")
    timm.offline = True
    with pytest.raises(
        CheckpointError, match=r"timm's weights of stand \(no route\); use --weights"
    ):
        backbone.load_pretrained(PretrainedWeights("imagenet"))


def test_without_timm_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match=r"pip install 'vireid-bench\[timm\]'"):
        named_backbone("timm:resnet18")
