"""The networks of AlignGAN at the paper's sizes, and what the feature module's own are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from bench_aligngan.config import AlignGANConfig
from bench_aligngan.method import AlignGAN
from bench_aligngan.networks import Classifier, Encoder
from bench_core.methods import ImageNormalization
from bench_core.profiling.cost import inference_cost

Choose = Callable[..., AlignGANConfig]
Make = Callable[..., AlignGAN]

GENERATORS = {"generator_to_infrared": 6_053_504, "generator_to_visible": 6_053_504}
FEATURES = {"encoder": 23_508_032, "classifier": 626_571, "embedder": 524_544}
IMAGES_ALONE = {
    "discriminator_visible": 11_155_392,
    "warmup_discriminator_visible": 11_155_392,
    "warmup_discriminator_infrared": 11_155_392,
}
FEATURE_DISCRIMINATOR = 11_810_816 - 3_136 - 131_200 - 524_544 - 256 * 512 * 16
NETWORKS = {
    "full": {**FEATURES, **GENERATORS, **IMAGES_ALONE, "discriminator_joint": 11_810_816},
    "pixalign": {**FEATURES, **GENERATORS, **IMAGES_ALONE, "discriminator_joint": 11_810_816},
    "aligngan-minus": {
        **FEATURES,
        **GENERATORS,
        **IMAGES_ALONE,
        "discriminator_infrared": 11_155_392,
        "discriminator_features": FEATURE_DISCRIMINATOR,
    },
    "featalign": {**FEATURES, "discriminator_features": FEATURE_DISCRIMINATOR},
    "baseline": FEATURES,
}


def meta(config: AlignGANConfig) -> Any:
    """Make the method for the 395 identities of SYSU-MM01, without memory for its weights."""
    with torch.device("meta"):
        return AlignGAN(config, num_identities=395)


def num_parameters(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


@pytest.mark.parametrize("preset", ["paper", "official-code"])
@pytest.mark.parametrize("variant", NETWORKS)
def test_the_networks_have_the_parameters_of_the_fact_sheet(
    variant: str, preset: str, config_of: Choose
) -> None:
    networks = meta(config_of(preset, variant)).networks
    sizes = {name: num_parameters(network) for name, network in networks.items()}
    assert sizes == NETWORKS[variant]


def test_without_a_warm_up_there_are_no_discriminators_for_it(make: Make) -> None:
    names = set(make("full", "pixel_warmup_epochs=0").networks)
    assert names == set(NETWORKS["full"]) - {name for name in IMAGES_ALONE if "warmup" in name}


def test_inference_costs_the_multiply_adds_of_the_fact_sheet(config_of: Choose) -> None:
    """An infrared image passes the encoder, an RGB image the generator as well."""
    cost = inference_cost(meta(config_of("paper")), (128, 128), torch.device("meta"))
    assert cost.macs["infrared"] == pytest.approx(9.120e9, rel=1e-3)
    assert cost.macs["visible"] == pytest.approx(9.120e9 + 7.288e9, rel=1e-3)
    assert cost.parameters == FEATURES["encoder"] + GENERATORS["generator_to_infrared"]
    assert cost.parameters + cost.training_only_parameters == sum(NETWORKS["full"].values())


def test_a_mirror_doubles_the_encoder_and_not_the_generator(config_of: Choose) -> None:
    method = meta(config_of("paper", "full", "flip_average=true"))
    cost = inference_cost(method, (128, 128), torch.device("meta"))
    assert cost.macs["infrared"] == pytest.approx(2 * 9.120e9, rel=1e-3)
    assert cost.macs["visible"] == pytest.approx(2 * 9.120e9 + 7.288e9, rel=1e-3)


def test_the_encoder_enlarges_and_normalises_signed_images(config_of: Choose) -> None:
    encoder = Encoder(config_of("quick", "full", "feature_height=48", "feature_width=24")).eval()
    images = torch.rand(2, 3, 96, 48)
    small = nn.functional.interpolate(images, (48, 24), mode="bilinear", align_corners=False)
    expected = encoder.backbone.body(ImageNormalization()(small))
    torch.testing.assert_close(encoder(images * 2 - 1), expected)
    assert encoder(images).shape == (2, 256, 3, 2)


def test_the_maps_of_resnet_50_are_those_before_pooling(config_of: Choose) -> None:
    with torch.device("meta"):
        encoder = Encoder(config_of("paper"))
        maps = encoder(torch.empty(1, 3, 128, 128))
    assert maps.shape == (1, 2048, 24, 12)
    assert encoder.pool(maps).shape == (1, 2048)


def kinds(classifier: Classifier) -> list[type[nn.Module]]:
    return [type(layer) for layer in classifier.layers if not isinstance(layer, nn.Identity)]


def test_the_papers_classifier_drops_its_middle_layer(config_of: Choose) -> None:
    classifier = Classifier(config_of("paper"), 2048, 395)
    assert kinds(classifier) == [nn.Linear, nn.BatchNorm1d, nn.Dropout, nn.LeakyReLU, nn.Linear]
    activation: Any = classifier.layers[4]
    assert torch.equal(activation(torch.tensor([-2.0, 3.0])), torch.tensor([0.0, 3.0]))


def test_the_authors_classifier_drops_the_feature_vector(config_of: Choose) -> None:
    classifier = Classifier(config_of("official-code"), 2048, 395)
    assert kinds(classifier) == [nn.Dropout, nn.Linear, nn.BatchNorm1d, nn.LeakyReLU, nn.Linear]
    activation: Any = classifier.layers[4]
    torch.testing.assert_close(activation(torch.tensor([-2.0, 3.0])), torch.tensor([-0.2, 3.0]))


def test_the_classifier_starts_as_in_the_authors_code(config_of: Choose) -> None:
    torch.manual_seed(0)
    layers: Any = Classifier(config_of("paper"), 2048, 395).layers
    assert layers[1].weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.02)  # fan-out
    assert layers[2].weight.std().item() == pytest.approx(0.02, rel=0.2)
    assert layers[2].weight.mean().item() == pytest.approx(1, abs=0.01)
    assert layers[5].weight.std().item() == pytest.approx(0.001, rel=0.02)
    for layer in (layers[1], layers[2], layers[5]):
        assert not bool(layer.bias.any())


def test_the_embedder_starts_as_any_linear_layer(make: Make) -> None:
    """The authors give it no initial values of their own: uniform, within 1 / sqrt(inputs)."""
    embedder = make().networks["embedder"]
    bound = embedder.in_features**-0.5
    for values in (embedder.weight, embedder.bias):
        assert 0.9 * bound < values.abs().max().item() <= bound
    assert embedder.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
