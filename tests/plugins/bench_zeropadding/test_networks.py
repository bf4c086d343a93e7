"""What the networks see of an image, what they share, and how large they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench_core.methods import PretrainedWeights, build_backbone
from bench_zeropadding.config import IdentityNetworkConfig
from bench_zeropadding.networks import (
    Gray,
    OtherInput,
    ResNet6,
    TwoInputs,
    ZeroPadded,
    residual_backbone,
)

Choose = Callable[..., IdentityNetworkConfig]

# By hand: kernels 3x3 x inputs x outputs, and scale and shift of each normalisation.
STAGE_1 = 9 * 64 * 64 + 128 + 9 * 64 * 64 + 128  # 73,984; stride 1, the shortcut is the identity
STAGE_2 = 9 * 64 * 128 + 256 + 9 * 128 * 128 + 256 + 64 * 128 + 256  # 230,144
STAGE_3 = 9 * 128 * 256 + 512 + 9 * 256 * 256 + 512 + 128 * 256 + 512  # 919,040
STAGE_4 = 9 * 256 * 512 + 1024 + 9 * 512 * 512 + 1024 + 256 * 512 + 1024  # 3,673,088
STAGES = STAGE_1 + STAGE_2 + STAGE_3 + STAGE_4
CLASSIFIER = 512 * 395 + 395


def stem(channels: int) -> int:
    return 49 * channels * 64 + 128


def size_of(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


def color(red: float, green: float, blue: float) -> torch.Tensor:
    return torch.tensor([red, green, blue]).view(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("image", "gray"),
    [
        (color(1, 0, 0), 0.299),
        (color(0, 1, 0), 0.587),
        (color(0, 0, 1), 0.114),
        (color(0.5, 0.5, 0.5), 0.5),
    ],
)
def test_gray_is_a_weighted_sum_of_red_green_and_blue(image: torch.Tensor, gray: float) -> None:
    assert Gray()(image).shape == (1, 1, 1, 1)
    assert Gray()(image).item() == pytest.approx(gray)


@pytest.mark.parametrize("channel", [0, 1])
def test_zero_padding_leaves_the_channel_of_the_other_modality_at_zero(channel: int) -> None:
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    padded = ZeroPadded(channel)(images)
    assert padded.shape == (2, 2, 4, 5)
    assert torch.equal(padded[:, channel : channel + 1], Gray()(images))
    assert not padded[:, 1 - channel].any()


def test_visible_images_are_in_the_first_channel_and_infrared_ones_in_the_second(
    config_of: Choose,
) -> None:
    network = config_of("zero-padding", "quick").build_network()
    images = torch.ones(1, 3, 2, 2)
    for modality, channels in (("visible", [1, 0]), ("infrared", [0, 1])):
        seen = network.inputs[modality](images)  # type: ignore[union-attr,index]
        assert seen[0, :, 0, 0].tolist() == pytest.approx(channels)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_parameters_of_resnet_6_by_hand(channels: int) -> None:
    with torch.device("meta"):
        assert size_of(residual_backbone("resnet6", channels)) == stem(channels) + STAGES
    assert stem(1) + STAGES == 4_899_520
    assert stem(2) + STAGES == 4_902_656


def test_each_of_its_stages_is_one_block_and_ends_where_it_says() -> None:
    network, image = ResNet6(), torch.zeros(1, 3, 64, 32)
    sizes = [network.split(stage)[0](image).shape[1:] for stage in (0, 1, 2, 3)]  # type: ignore[arg-type]
    assert sizes == [(64, 16, 8), (64, 16, 8), (128, 8, 4), (256, 4, 2)]
    assert network.body(image).shape[1:] == (512, 2, 1)
    assert network(image).shape == (1, network.num_features) == (1, 512)


@pytest.mark.parametrize(
    ("method", "variant", "network", "classifiers"),
    [
        ("one-stream", "full", stem(1) + STAGES, CLASSIFIER),
        ("one-stream", "asymmetric-fc", stem(1) + STAGES, 2 * CLASSIFIER),
        ("two-stream", "full", stem(3) + stem(1) + 2 * STAGE_1 + STAGES - STAGE_1, CLASSIFIER),
        ("zero-padding", "full", stem(2) + STAGES, CLASSIFIER),
    ],
)
def test_parameters_on_the_395_identities_of_sysu(
    method: str, variant: str, network: int, classifiers: int, config_of: Choose
) -> None:
    from bench_zeropadding.method import IdentityNetwork

    with torch.device("meta"):
        networks = IdentityNetwork(config_of(method, "paper", variant), num_identities=395).networks
    assert size_of(networks["network"]) == network
    assert size_of(networks["classifiers"]) == classifiers


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_two_streams_have_what_lies_before_the_split_for_themselves(stage: int) -> None:
    network = TwoInputs(residual_backbone("small", 3), residual_backbone("small", 1), stage)  # type: ignore[arg-type]
    visible, infrared = (
        [p.shape for p in network.stems[modality].parameters()]
        for modality in ("visible", "infrared")
    )
    assert visible[0][1] == 3
    assert infrared[0][1] == 1
    assert visible[1:] == infrared[1:]
    assert len(visible) == 3 + 9 * stage  # a block has three layers of three each
    assert len(network.shared) == 4 - stage


@pytest.mark.parametrize("stage", [0, 1])
def test_streams_do_not_share_a_layer_that_is_their_own(stage: int) -> None:
    network = TwoInputs(residual_backbone("small", 3), residual_backbone("small", 1), stage)  # type: ignore[arg-type]
    own = {
        modality: {id(p) for p in network.stems[modality].parameters()}
        for modality in ("visible", "infrared")
    }
    shared = {id(p) for p in network.shared.parameters()}
    assert not own["visible"] & own["infrared"]
    assert not (own["visible"] | own["infrared"]) & shared


@pytest.mark.parametrize("channels", [1, 2])
def test_pretrained_kernels_are_averaged_and_repeated(channels: int, tmp_path: Path) -> None:
    original = build_backbone("small")
    torch.save(original.body.state_dict(), tmp_path / "weights.pth")
    weights = PretrainedWeights("file", tmp_path / "weights.pth")
    changed = OtherInput(build_backbone("small"), channels)
    changed.load_pretrained(weights)
    old, new = original.body.state_dict(), changed.body.state_dict()
    kernels = old.pop("0.weight")
    expected = (kernels[:, 0] + kernels[:, 1] + kernels[:, 2]) / 3
    found = new.pop("0.weight")
    assert found.shape[1] == channels
    for channel in range(channels):
        torch.testing.assert_close(found[:, channel], expected)
    assert all(torch.equal(old[name], new[name]) for name in old)
    assert changed.fit(original.body.state_dict()).difference is None


def test_pretrained_weights_go_into_both_streams(tmp_path: Path) -> None:
    original = build_backbone("small")
    torch.save(original.body.state_dict(), tmp_path / "weights.pth")
    network = TwoInputs(residual_backbone("small", 3), residual_backbone("small", 1), 1)
    network.load_pretrained(PretrainedWeights("file", tmp_path / "weights.pth"))
    visible, infrared = (
        list(network.stems[modality].parameters()) for modality in ("visible", "infrared")
    )
    torch.testing.assert_close(infrared[0], visible[0].mean(1, keepdim=True))
    assert all(torch.equal(*pair) for pair in zip(visible[1:], infrared[1:], strict=True))
    assert torch.equal(visible[0], original.body[0].weight)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "modality", "macs"),
    [
        ("one-stream", "visible", 810_041_344),
        ("two-stream", "visible", 888_717_312),
        ("two-stream", "infrared", 810_041_344),
        ("zero-padding", "visible", 849_379_328),
    ],
)
def test_the_cost_of_an_image(method: str, modality: str, macs: int, config_of: Choose) -> None:
    """A channel more of the input is 49 x 64 multiply-adds at each of 112 x 112 places."""
    first = {"one-stream": 1, "zero-padding": 2, "two-stream": 3 if modality == "visible" else 1}
    stages = (
        2 * 9 * 64 * 64 * 56**2
        + (9 * 64 * 128 + 9 * 128 * 128 + 64 * 128) * 28**2
        + (9 * 128 * 256 + 9 * 256 * 256 + 128 * 256) * 14**2
        + (9 * 256 * 512 + 9 * 512 * 512 + 256 * 512) * 7**2
    )
    assert macs == first[method] * 49 * 64 * 112**2 + stages
    with torch.device("meta"):
        network = config_of(method).build_network()
        image = torch.empty(1, 3, 224, 224)
    with FlopCounterMode(display=False) as counter:
        network(image, modality)
    assert counter.get_total_flops() // 2 == macs
