"""MPANet's gates, masks and feature, and how large they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_mpanet.config import MPANetConfig
from bench_mpanet.method import MPANet
from bench_mpanet.networks import ModalityAlleviation, PatternNetwork

Choose = Callable[..., MPANetConfig]
Make = Callable[..., MPANet]


def test_a_gate_mixes_maps_with_their_instance_normalisation() -> None:
    torch.manual_seed(0)
    gates, maps = ModalityAlleviation(32), torch.rand(2, 32, 4, 3)
    means = maps.mean((2, 3))
    inner = torch.relu(means @ gates.reduce.weight[:, :, 0, 0].T)
    weights = torch.sigmoid(inner @ gates.expand.weight[:, :, 0, 0].T)[:, :, None, None]
    centred = maps - maps.mean((2, 3), keepdim=True)
    normed = centred / (maps.var((2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(gates(maps), maps * weights + normed * (1 - weights))


@pytest.mark.parametrize("training", [True, False])
def test_gates_normalise_by_the_image_alone_in_training_and_after(training: bool) -> None:
    gates, maps = ModalityAlleviation(16).train(training), torch.rand(3, 16, 4, 2)
    alone = torch.cat([gates(each[None]) for each in maps])
    torch.testing.assert_close(gates(maps), alone)
    assert not list(gates.buffers())


def test_the_feature_is_what_each_mask_sees_and_then_the_average(make: Make) -> None:
    network = make().networks["learner"].eval()
    assert isinstance(network, PatternNetwork)
    images = torch.rand(2, 3, 32, 16)
    features, masks = network(images)
    maps = network.maps(images)
    assert masks.shape == (2, 6, 2, 1)
    assert features.shape == (2, 7 * 256)
    for place in range(6):
        seen = (masks[:, place, None] * maps).mean((2, 3))
        torch.testing.assert_close(features[:, place * 256 : (place + 1) * 256], seen)
    torch.testing.assert_close(features[:, 6 * 256 :], maps.mean((2, 3)))


def test_gates_stand_behind_the_third_and_the_last_stage(make: Make) -> None:
    network = make().networks["learner"].eval()
    images = torch.rand(2, 3, 32, 16)
    former, latter = network.backbone.split(3)
    third = network.gates["stage3"](former(images))
    torch.testing.assert_close(network.maps(images), network.gates["stage4"](latter(third)))
    assert network.maps(images).min() < 0


def test_masks_start_half_open_where_maps_are_zero(make: Make) -> None:
    masks = make().networks["learner"].masks
    assert torch.equal(masks.bias, torch.zeros(6))


@pytest.mark.parametrize(
    ("preset", "identities", "parameters", "trainable"),
    [("paper", 395, 52_517_958, 41_178_182), ("regdb", 206, 38_970_438, 33_049_670)],
)
def test_the_networks_are_as_large_as_the_authors(
    preset: str, identities: int, parameters: int, trainable: int, config_of: Choose
) -> None:
    with torch.device("meta"):
        method = MPANet(config_of(preset), num_identities=identities)
    values = list(method.networks.parameters())
    assert sum(value.numel() for value in values) == parameters
    assert sum(value.numel() for value in values if value.requires_grad) == trainable


def test_the_parts_are_those_of_the_facts(config_of: Choose) -> None:
    with torch.device("meta"):
        method = MPANet(config_of("paper"), num_identities=395)
    learner, neck = method.networks["learner"], method.networks["neck"]
    count = {
        name: sum(value.numel() for value in module.parameters())
        for name, module in {**learner.gates, "masks": learner.masks}.items()
    }
    assert count == {"stage3": 131_072, "stage4": 524_288, "masks": 12_294}
    assert learner.num_features == 14_336
    at_test = [*learner.parameters(), *neck.normalization.parameters()]
    assert sum(value.numel() for value in at_test) == 24_204_358


@pytest.mark.parametrize(
    ("variant", "gates", "dimensions"),
    [("full", 2, 7), ("baseline", 0, 1), ("mam", 2, 1), ("mam-pam", 2, 7)],
)
def test_a_variant_has_the_parts_it_is_named_for(
    variant: str, gates: int, dimensions: int, make: Make
) -> None:
    method = make(variant)
    assert len(method.networks["learner"].gates) == gates
    assert method.networks["learner"].num_features == dimensions * 256
    assert ("classifiers" in method.networks) == (variant == "full")
