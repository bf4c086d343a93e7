"""AlexNet for two modalities: layers counted by hand, whose they are, and pretrained weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from bench_core import CheckpointError, UsageError
from bench_core.methods import AlexNetPath, PretrainedWeights, SharedTop, TwoPath, build_two_path

CONVOLUTIONS = (
    # kernel x kernel x inputs x outputs and outputs, of rows x columns behind 227x227
    (11 * 11 * 3 * 64, 64, 56 * 56),
    (5 * 5 * 64 * 192, 192, 27 * 27),
    (3 * 3 * 192 * 384, 384, 13 * 13),
    (3 * 3 * 384 * 256, 256, 13 * 13),
    (3 * 3 * 256 * 256, 256, 13 * 13),
)


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for parameter in nn.ModuleList(modules).parameters())


def test_a_path_has_the_layers_of_alexnet_up_to_fc6() -> None:
    with torch.device("meta"):
        path = AlexNetPath()
    convolutions = sum(weights + biases for weights, biases, _ in CONVOLUTIONS)
    assert convolutions == 2_469_696
    assert count(path.features) == convolutions
    assert count(path) == convolutions + 6 * 6 * 256 * 4096 + 4096 == 40_222_528


def test_an_image_of_227x227_costs_what_its_layers_do() -> None:
    with torch.device("meta"):
        path, counter = AlexNetPath(), FlopCounterMode(display=False)
        with counter:
            assert path(torch.empty(2, 3, 227, 227)).shape == (2, 4096)
    convolutions = sum(weights * places for weights, _, places in CONVOLUTIONS)
    assert convolutions == 658_145_280
    assert counter.get_total_flops() == 2 * 2 * (convolutions + 9216 * 4096)


def test_both_paths_and_what_they_share() -> None:
    with torch.device("meta"):
        paths, top = build_two_path("alexnet", 4096), SharedTop(4096, 2048, 206)
    assert count(paths) == 2 * 40_222_528 == 80_445_056
    assert count(top) == 4096 * 2048 + 2048 + 2048 * 206 + 206 == 8_812_750


@pytest.fixture(scope="module")
def path() -> AlexNetPath:
    torch.manual_seed(0)
    return AlexNetPath(8)


def test_an_image_of_any_other_size_is_averaged_to_the_same_grid(path: AlexNetPath) -> None:
    for size in ((63, 63), (64, 90)):
        assert path(torch.rand(1, 3, *size)).shape == (1, 8)


def test_a_path_ends_without_a_relu(path: AlexNetPath) -> None:
    assert (path(torch.rand(1, 3, 63, 63)) < 0).any()


def test_a_file_of_torchvision_fits_a_path_but_for_its_classifier() -> None:
    with torch.device("meta"):
        state, paths = models.alexnet().state_dict(), build_two_path("alexnet", 4096)
    fit = paths.fit(state)
    assert fit.difference is None
    assert sorted(fit.matched)[:2] == ["fc6.bias", "fc6.weight"]
    assert len(fit.matched) == 5 * 2 + 2
    del state["classifier.1.bias"]
    assert paths.fit(state).missing == ("fc6.bias",)


@pytest.fixture
def file(path: AlexNetPath, tmp_path: Path) -> Path:
    """Weights as torchvision names them, of which fc6 is not of the width of its own."""
    state = {
        name: value + 1 for name, value in path.state_dict().items() if name.startswith("features.")
    } | {f"classifier.{layer}.weight": torch.zeros(1) for layer in (1, 4, 6)}
    torch.save(state, tmp_path / "alexnet.pth")
    return tmp_path / "alexnet.pth"


def test_both_paths_start_from_the_same_pretrained_weights(file: Path) -> None:
    paths = TwoPath(AlexNetPath(4))
    first, second = paths.paths["visible"], paths.paths["infrared"]
    with torch.no_grad():
        second.fc6.weight.add_(1)  # what differs before is overwritten
    own = first.fc6.weight.clone()
    paths.load_pretrained(PretrainedWeights("file", file))
    for name, value in torch.load(file, weights_only=True).items():
        if name.startswith("features."):
            assert torch.equal(first.state_dict()[name], value)
            assert torch.equal(second.state_dict()[name], value)
    assert torch.equal(first.fc6.weight, own)
    assert torch.equal(second.fc6.weight, own)
    with torch.no_grad():
        first.fc6.weight.zero_()
    assert torch.equal(second.fc6.weight, own)  # a copy, not the same layer


def test_weights_of_another_network_are_refused(path: AlexNetPath, tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"does not fit this backbone: 10 of 10 tensors are"):
        path.load_pretrained(PretrainedWeights("file", tmp_path / "other.pth"))


def test_another_backbone_is_pooled_before_its_fc6() -> None:
    with torch.device("meta"):
        paths = build_two_path("resnet50", 16)
    path = paths.paths["visible"]
    assert count(path) == count(path.backbone) + 2048 * 16 + 16
    state = path.backbone.body.state_dict()
    assert paths.fit({**state, "fc.weight": torch.zeros(1)}).difference is None


def test_a_small_path_has_a_stem_and_a_stage_on_a_grid() -> None:
    """A 3x3 convolution of 16 channels and two of a basic block, each with a normalisation."""
    paths = build_two_path("small", 8)
    path = paths.paths["visible"]
    assert count(path.features) == 3 * 9 * 16 + 32 + 2 * (16 * 9 * 16 + 32) + (16 * 16 + 32)
    assert count(path.fc6) == 16 * 12 * 4 * 8 + 8
    assert path(torch.rand(2, 3, 90, 42)).shape == (2, 8)
    assert paths.fit(path.features.state_dict()).difference is None


def test_a_small_path_has_no_weights_of_imagenet() -> None:
    with pytest.raises(UsageError, match="this backbone has none"):
        build_two_path("small", 4).load_pretrained(PretrainedWeights("imagenet"))


def test_each_modality_goes_its_own_path() -> None:
    torch.manual_seed(0)
    paths = build_two_path("small", 4).eval()
    visible, infrared = torch.rand(2, 2, 3, 16, 16)
    torch.testing.assert_close(paths(visible, "infrared"), paths(visible, "visible"))
    with torch.no_grad():
        paths.paths["infrared"].fc6.weight.mul_(2)
    assert not torch.allclose(paths(visible, "infrared"), paths(visible, "visible"))
    joined = torch.cat([paths(visible, "visible"), paths(infrared, "infrared")])
    torch.testing.assert_close(paths.both(visible, infrared), joined)


def test_the_shared_layers_in_their_order() -> None:
    torch.manual_seed(0)
    top, hidden = SharedTop(6, 4, 3).eval(), torch.randn(5, 6)
    found = top(hidden)
    fc7 = hidden.clamp(min=0) @ top.fc7.weight.T + top.fc7.bias
    torch.testing.assert_close(found.before_relu, fc7)
    torch.testing.assert_close(found.features, fc7.clamp(min=0))
    logits = functional.linear(fc7.clamp(min=0), top.classifier.weight, top.classifier.bias)
    torch.testing.assert_close(found.logits, logits)
    torch.testing.assert_close(top.embed(hidden), fc7)


def test_dropout_acts_before_fc7_and_before_the_classifier_alone() -> None:
    torch.manual_seed(0)
    top = SharedTop(400, 400, 1, dropout=0.25).train()
    nn.init.eye_(top.fc7.weight)
    nn.init.zeros_(top.fc7.bias)
    before_relu, features, _ = top(torch.ones(1, 400))
    assert 0.15 < (before_relu == 0).float().mean() < 0.35
    assert before_relu.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(features, before_relu)
    seen: list[torch.Tensor] = []
    top.classifier.register_forward_hook(lambda *args: seen.append(args[1][0]))
    _, features, _ = top(torch.ones(1, 400))
    dropped = (seen[0] == 0) & (features > 0)
    assert 0.1 < dropped.float().mean() < 0.3
