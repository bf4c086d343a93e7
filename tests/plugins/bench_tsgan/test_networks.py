"""The networks of TS-GAN: their size and cost at the paper's sizes, on the meta device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench_core.methods import Batch
from bench_core.profiling.cost import inference_cost
from bench_tsgan.config import TSGANConfig
from bench_tsgan.method import TSGAN
from bench_tsgan.networks import PatchGAN, PlainHead, ReIDNetwork

Choose = Callable[..., TSGANConfig]
Make = Callable[..., TSGAN]

META = torch.device("meta")
NUM_IDENTITIES = 395
"""Of SYSU-MM01's training split."""


@pytest.fixture
def at_paper_size(config_of: Choose) -> Callable[..., TSGAN]:
    def build(variant: str = "full", *assignments: str) -> TSGAN:
        with META:
            config = config_of("paper", variant, *assignments)
            return TSGAN(config, num_identities=NUM_IDENTITIES)

    return build


def num_parameters(*modules: nn.Module) -> int:
    return sum(value.numel() for module in modules for value in module.parameters())


def giga_macs(run: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        run()
    return round(counter.get_total_flops() / 2 / 1e9, 3)


def empty(*shape: int) -> torch.Tensor:
    return torch.empty(*shape, device=META)


def test_student_and_teacher_have_the_parameters_of_the_fact_sheet(at_paper_size: Make) -> None:
    method = at_paper_size()
    for name in ("student", "teacher"):
        network = method.networks[name]
        former, latter = network.backbone.split(3)
        assert (num_parameters(former), num_parameters(latter)) == (8_543_296, 14_964_736)
        assert num_parameters(network.head) == 4_096 + 808_960


def test_without_a_neck_the_classifier_has_a_bias(at_paper_size: Make) -> None:
    head = at_paper_size("full", "neck=none").networks["student"].head
    assert isinstance(head, PlainHead)
    assert num_parameters(head) == 809_355


def test_the_gan_has_the_parameters_of_the_fact_sheet(at_paper_size: Make) -> None:
    networks = at_paper_size().networks
    assert {name: num_parameters(networks[name]) for name in networks if "or_" in name} == {
        "generator_to_infrared": 6_053_504,
        "generator_to_visible": 6_053_504,
        "discriminator_infrared": 11_810_816,
        "discriminator_visible": 2_764_737,
    }


def test_an_ordinary_discriminator_is_that_of_cyclegan(at_paper_size: Make) -> None:
    networks = at_paper_size("od-all-ts").networks
    for name in ("discriminator_infrared", "discriminator_visible"):
        assert isinstance(networks[name], PatchGAN)
        assert num_parameters(networks[name]) == 2_764_737


@pytest.mark.parametrize(
    ("variant", "names"),
    [
        ("backbone", {"student"}),
        *(
            (
                name,
                {"student", "teacher", "generator_to_infrared", "generator_to_visible",
                 "discriminator_infrared", "discriminator_visible"},
            )
            for name in ("full", "od-single-ts", "od-all-ts")
        ),
    ],
)  # fmt: skip
def test_a_checkpoint_holds_every_network(
    variant: str, names: set[str], at_paper_size: Make
) -> None:
    assert set(at_paper_size(variant).networks) == names


@pytest.mark.parametrize(("last_stride", "latter_macs"), [(1, 1.913), (2, 0.528)])
def test_the_encoders_have_the_multiply_adds_of_the_fact_sheet(
    last_stride: int, latter_macs: float, at_paper_size: Make
) -> None:
    method = at_paper_size("backbone", f"last_stride={last_stride}")
    former, latter = method.networks["student"].backbone.split(3)
    assert giga_macs(lambda: former(empty(1, 3, 256, 128))) == 2.141
    assert giga_macs(lambda: latter(empty(1, 1024, 16, 8))) == latter_macs


def test_the_gan_has_the_multiply_adds_of_the_fact_sheet(at_paper_size: Make) -> None:
    networks = at_paper_size().networks
    image, maps = empty(1, 3, 256, 128), empty(1, 2048, 16, 8)
    assert giga_macs(lambda: networks["generator_to_infrared"](image)) == 14.575
    assert giga_macs(lambda: networks["discriminator_infrared"](image, maps)) == 1.183
    assert giga_macs(lambda: networks["discriminator_visible"](image)) == 1.541


@pytest.mark.parametrize("variant", ["full", "backbone"])
def test_the_test_runs_the_backbone_alone(variant: str, at_paper_size: Make) -> None:
    method = at_paper_size(variant)
    cost = inference_cost(method, (256, 128), META)
    assert {round(macs / 1e9, 3) for macs in cost.macs.values()} == {4.053}
    assert cost.parameters == 23_508_032
    assert cost.training_only_parameters == num_parameters(method.networks) - 23_508_032


def test_a_step_of_the_paper_keeps_less_than_18_gib_for_its_gradients(at_paper_size: Make) -> None:
    """In float32, at the moment when most is kept: when the generators are updated.

    Translations, student and the generators' losses on 32 images a modality. Parameters,
    gradients and Adam's moments add 0.9 GiB.
    """
    method, kept = at_paper_size(), dict[int, torch.UntypedStorage]()

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[id(tensor.untyped_storage())] = tensor.untyped_storage()
        return tensor

    visible = infrared = empty(32, 3, 256, 128)
    labels = torch.empty(32, dtype=torch.int64, device=META)
    generation: Any = method._generation
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        images = generation.translate(Batch(visible, infrared, labels))
        seen = method.networks["student"](torch.cat([visible, infrared, images.fake_infrared]))
        generation.generator_losses(images, seen.maps[:32])
    parameters = {id(value.untyped_storage()) for value in method.networks.parameters()}
    num_bytes = sum(value.nbytes() for key, value in kept.items() if key not in parameters)
    assert 12 * 2**30 < num_bytes < 18 * 2**30


def test_one_score_sees_a_patch_of_70_by_70_pixels() -> None:
    torch.manual_seed(0)
    network = PatchGAN(width=1)
    for index, layer in enumerate(network.layers):
        if isinstance(layer, nn.InstanceNorm2d):  # it would let every score see the whole image
            network.layers[index] = nn.Identity()
    images = torch.rand(1, 3, 256, 128, requires_grad=True)
    scores = network(images)
    assert scores.shape == (1, 1, 30, 14)
    scores[0, 0, 15, 7].backward()
    assert images.grad is not None
    seen = images.grad[0].abs().sum(0) > 0
    assert (int(seen.any(1).sum()), int(seen.any(0).sum())) == (70, 70)


def test_what_passes_a_reid_network_is_consistent(config_of: Choose) -> None:
    torch.manual_seed(0)
    network = ReIDNetwork(config_of("paper", "backbone", "backbone=small"), num_identities=5).eval()
    images = torch.rand(2, 3, 64, 32)
    with torch.no_grad():
        seen = network(images)
        assert torch.equal(seen.middle, network.middle(images))
        assert torch.equal(seen.maps, network.maps(images))
    assert seen.middle.shape == (2, 128, 4, 2)
    assert seen.maps.shape == (2, 256, 4, 2)
    torch.testing.assert_close(seen.features, seen.maps.mean((2, 3)))
    assert torch.equal(seen.logits, network.head(seen.features)[1])


def test_without_a_neck_logits_are_linear_in_the_feature() -> None:
    torch.manual_seed(0)
    head, features = PlainHead(4, 3), torch.rand(2, 4)
    same, logits = head(features)
    assert torch.equal(same, features)
    torch.testing.assert_close(logits, features @ head.classifier.weight.T + head.classifier.bias)
