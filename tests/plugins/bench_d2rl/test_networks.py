"""The networks of D2RL: shapes, what is shared, four channels, sizes and cost at paper size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench_core.methods import build_backbone
from bench_core.modeling.backbones import BackboneName
from bench_core.modeling.pretrained import parse_weights
from bench_core.profiling.cost import inference_cost
from bench_d2rl.config import D2RLConfig
from bench_d2rl.method import D2RL
from bench_d2rl.networks import (
    Decoder,
    Encoder,
    MultispectralBackbone,
    MultispectralNormalization,
    code_channels,
)

META = torch.device("meta")
TRANSLATORS = {
    "visible": ("encoder_visible", "shared_encoder", "shared_decoder", "decoder_infrared"),
    "infrared": ("encoder_infrared", "shared_encoder", "shared_decoder", "decoder_visible"),
}


@pytest.mark.parametrize("channels", [1, 3])
def test_a_decoder_turns_an_encoder_round(channels: int) -> None:
    torch.manual_seed(0)
    images = torch.rand(2, channels, 16, 8) * 2 - 1
    codes = Encoder(channels, width=2, num_blocks=1)(images)
    assert codes.shape == (2, code_channels(2), 4, 2) == (2, 8, 4, 2)
    decoded = Decoder(channels, width=2, num_blocks=1)(codes)
    assert decoded.shape == images.shape
    assert decoded.abs().max() <= 1


def test_infrared_is_normalised_by_the_mean_statistics() -> None:
    images = torch.rand(2, 4, 3, 3)
    means, stds = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    expected = [
        (images[:, place] - mean) / std
        for place, (mean, std) in enumerate(
            [*zip(means, stds, strict=True), (sum(means) / 3, sum(stds) / 3)]
        )
    ]
    torch.testing.assert_close(MultispectralNormalization()(images), torch.stack(expected, 1))


@pytest.mark.parametrize("name", ["small", "resnet50"])
def test_of_grey_images_the_four_channels_say_a_third_more_than_three(name: BackboneName) -> None:
    """The fourth kernel is the mean of the three: it answers a grey value with a third of them."""
    torch.manual_seed(0)
    plain = build_backbone(name).eval()
    first = next(m for m in plain.body.modules() if isinstance(m, torch.nn.Conv2d))
    grey = torch.rand(1, 1, 32, 16)
    with torch.no_grad():
        expected = first(grey.expand(-1, 3, -1, -1)) * 4 / 3
        wide = MultispectralBackbone(plain).eval()
        widened = next(m for m in wide.body.modules() if isinstance(m, torch.nn.Conv2d))
        torch.testing.assert_close(widened(grey.expand(-1, 4, -1, -1)), expected)
        assert wide(torch.rand(2, 4, 64, 32)).shape == (2, wide.num_features)


def test_pretrained_weights_of_three_channels_are_widened(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source, wide = build_backbone("small"), MultispectralBackbone(build_backbone("small"))
    torch.save(source.body.state_dict(), tmp_path / "weights.pth")
    assert wide.fit(source.body.state_dict()).difference is None
    wide.load_pretrained(parse_weights(str(tmp_path / "weights.pth")))
    for name, value in wide.body.state_dict().items():
        given = source.body.state_dict()[name]
        if name == "0.weight":
            assert torch.equal(value[:, :3], given)
            torch.testing.assert_close(value[:, 3], given.mean(1))
        else:
            assert torch.equal(value, given), name


def test_a_split_backbone_is_the_whole_one() -> None:
    torch.manual_seed(0)
    wide, images = MultispectralBackbone(build_backbone("small")).eval(), torch.rand(2, 4, 32, 16)
    first, second = wide.split(1)
    with torch.no_grad():
        assert torch.equal(second(first(images)), wide.body(images))


@pytest.fixture(scope="module")
def at_paper_size(config_of: Callable[..., D2RLConfig]) -> D2RL:
    with META:
        return D2RL(config_of("paper"), num_identities=395)


def test_parameters_at_paper_size(at_paper_size: D2RL) -> None:
    number = {
        name: sum(value.numel() for value in network.parameters())
        for name, network in at_paper_size.networks.items()
    }
    assert number == {
        "normalization": 0,
        "backbone": 23_508_032 + 64 * 7 * 7,
        "head": 2048 * 395 + 395,
        "encoder_visible": 4_207_680,
        "encoder_infrared": 4_207_680 - 2 * 64 * 7 * 7,
        "shared_encoder": 2 * 256 * 256 * 9 + 4 * 256,
        "shared_decoder": 2 * 256 * 256 * 9 + 4 * 256,
        "decoder_visible": 4_207_171,
        "decoder_infrared": 4_207_171 - 2 * (64 * 7 * 7 + 1),
        "discriminator_visible": 8_271_171,
        "discriminator_infrared": 8_271_171,
    }


def test_the_cost_of_an_image_includes_its_translation(at_paper_size: D2RL) -> None:
    cost = inference_cost(at_paper_size, (256, 128), META)
    of = {module.name: module for module in cost.modules}
    for modality, names in TRANSLATORS.items():
        ran = {name for name, module in of.items() if module.macs[modality]}  # type: ignore[index]
        assert ran == {*names, "backbone"}
        translation = sum(of[name].macs[modality] for name in names)  # type: ignore[index]
        assert round(translation / 1e9, 3) == 6.008
        assert cost.macs[modality] == translation + of["backbone"].macs[modality]  # type: ignore[index]
    assert {round(macs / 1e9, 3) for macs in of["backbone"].macs.values()} == {2.695}
    translators = {name for names in TRANSLATORS.values() for name in names}
    assert cost.parameters == sum(of[name].parameters for name in (*translators, "backbone"))
