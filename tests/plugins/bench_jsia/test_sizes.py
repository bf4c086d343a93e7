"""Parameters and multiply-adds at the paper's and at the code's sizes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench_core.profiling.cost import inference_cost
from bench_jsia.config import JSIAConfig
from bench_jsia.method import JSIA

Choose = Callable[..., JSIAConfig]

NUM_IDENTITIES = 395
"""Those that SYSU-MM01 trains on."""


def method_of(config: JSIAConfig) -> JSIA:
    with torch.device("meta"):
        return JSIA(config, num_identities=NUM_IDENTITIES)


def parameters(*networks: nn.Module) -> int:
    return sum(value.numel() for network in networks for value in network.parameters())


def macs(network: nn.Module, *inputs: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(*inputs)
    return int(counter.get_total_flops()) // 2


def empty(*shape: int) -> torch.Tensor:
    return torch.empty(1, *shape, device="meta")


@pytest.mark.parametrize(
    ("preset", "style_encoder", "modulation", "decoder"),
    [
        ("paper", 185_280, 1_151_488, 5_754_627),
        ("official-code", 709_824, 625_152, 3_198_723),
    ],
)
def test_parameters_of_each_network(
    preset: str, style_encoder: int, modulation: int, decoder: int, config_of: Choose
) -> None:
    networks = method_of(config_of(preset)).networks
    set_level, instance_level = networks["backbone"].split(1)
    assert parameters(set_level) == 225_344
    assert parameters(instance_level) == 23_282_688
    assert parameters(networks["neck"]) == 813_056
    for modality in ("visible", "infrared"):
        made = networks[f"decoder_{modality}"]
        assert parameters(networks[f"style_encoder_{modality}"]) == style_encoder
        assert parameters(made.modulation) == modulation
        assert parameters(made) == modulation + decoder
        assert parameters(networks[f"discriminator_{modality}"]) == 1_380_802


def test_parameters_of_what_the_second_paper_added(config_of: Choose) -> None:
    """The sizes of V are ours; the regions have four classifiers."""
    networks = method_of(config_of("paper")).networks
    variation = networks["variation"]
    encoder = parameters(variation.encoder, variation.mean, variation.log_deviation)
    assert encoder == 3 * (256 * 256 * 9 + 256) + 2 * (256 * 64 + 64)
    decoder = parameters(variation.decoder, variation.expand)
    assert decoder == 3 * (256 * 256 * 9 + 256) + (64 * 256 + 256)
    assert parameters(variation) == encoder + decoder
    assert parameters(networks["region_necks"]) == 4 * 813_056


@pytest.mark.parametrize(
    ("preset", "style_encoder", "decoder", "discriminator"),
    [("paper", 0.691, 23.395, 0.267), ("official-code", 0.215, 11.697, 0.067)],
)
def test_billions_of_multiply_adds_of_each_network(
    preset: str, style_encoder: float, decoder: float, discriminator: float, config_of: Choose
) -> None:
    config = config_of(preset)
    networks = method_of(config).networks
    image = empty(3, *(side // config.generated_scale for side in config.image_size))
    measured = [
        macs(networks["style_encoder_visible"], image),
        macs(networks["decoder_visible"], empty(256, 64, 32), empty(128)),
        macs(networks["discriminator_visible"], image),
    ]
    assert [count / 1e9 for count in measured] == pytest.approx(
        [style_encoder, decoder, discriminator], abs=6e-4
    )
    assert networks["decoder_visible"](empty(256, 64, 32), empty(128)).shape == image.shape


def test_the_latents_of_the_paper_are_64_maps_of_8_by_4(config_of: Choose) -> None:
    variation = method_of(config_of("paper")).networks["variation"]
    assert variation.encode(empty(256, 64, 32)).sample.shape == (1, 64, 8, 4)


@pytest.mark.parametrize("preset", ["paper", "official-code"])
def test_only_the_backbone_runs_at_test_time(preset: str, config_of: Choose) -> None:
    method = method_of(config_of(preset))
    cost = inference_cost(method, method.config.image_size, torch.device("meta"))
    assert cost.macs["visible"] == cost.macs["infrared"]
    assert cost.macs["visible"] / 1e9 == pytest.approx(0.513 + 3.540, abs=1e-3)
    neck = 2 * 2048 if preset == "official-code" else 0  # its batch normalisation
    assert cost.parameters == 225_344 + 23_282_688 + neck
    everything = parameters(method.networks)
    assert cost.parameters + cost.training_only_parameters == everything
