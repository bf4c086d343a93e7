"""The training: scores over both modalities, and what is compared at test time."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench_core.methods import Batch, TwoStream
from bench_core.testing import take_step
from bench_distbased.config import DistanceBasedConfig
from bench_distbased.losses import DistanceScores, cross_modal_triplet
from bench_distbased.method import DistanceBased

Choose = Callable[..., DistanceBasedConfig]
Make = Callable[..., DistanceBased]

VARIANTS = ["full", "linear", "triplet"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_losses_are_over_the_images_of_both_modalities(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant)
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def watch(_: nn.Module, inputs: tuple[torch.Tensor], scores: torch.Tensor) -> None:
        seen.append((inputs[0], scores))

    method.networks["scores"].register_forward_hook(watch)
    losses = method.losses(batch)
    ((features, scores),) = seen
    rows = zip(scores.tolist(), batch.labels.tolist() * 2, strict=True)
    entropies = [math.log(sum(map(math.exp, row))) - row[label] for row, label in rows]
    assert losses["identity"].item() == pytest.approx(sum(entropies) / 12, rel=1e-4)
    assert ("triplet" in losses) == (variant == "triplet")
    if variant == "triplet":
        visible, infrared = features[:6], features[6:]
        expected = cross_modal_triplet(visible, infrared, batch.labels, 0.3)
        assert losses["triplet"].item() == pytest.approx(expected.item())


@pytest.mark.parametrize("variant", ["full", "linear"])
def test_a_step_moves_every_parameter_that_can_learn(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant)
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    take_step(method, "joint", batch)
    after = dict(method.networks.named_parameters())
    unmoved = {name for name, value in before.items() if torch.equal(value, after[name])}
    assert unmoved == {"centering.bias"}


def test_the_control_has_another_classifier_and_nothing_else(make: Make) -> None:
    full, linear = (dict(make(variant).networks.named_children()) for variant in ("full", "linear"))
    assert isinstance(full.pop("scores"), DistanceScores)
    assert isinstance(linear.pop("scores"), nn.Linear)
    states = [nn.ModuleDict(networks).state_dict() for networks in (full, linear)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_stems_are_the_modalities_own_and_the_rest_is_shared(make: Make) -> None:
    backbone = make().networks["backbone"]
    assert isinstance(backbone, TwoStream)
    assert len(backbone.shared) == 4


def test_the_feature_that_is_scored_is_compared(make: Make, batch: Batch) -> None:
    method = make()
    for _ in range(3):
        method.losses(batch)
    networks = method.networks.eval()
    for modality, images in (("visible", batch.visible), ("infrared", batch.infrared)):
        maps = networks["backbone"](networks["normalization"](images), modality)
        expected = networks["centering"](maps.mean((2, 3)))
        feature = method.extract(images, modality)  # type: ignore[arg-type]
        torch.testing.assert_close(feature[:, 0], expected)


@pytest.mark.parametrize(
    ("variant", "scores"), [("full", 395 * 2048), ("linear", 395 * 2048 + 395)]
)
def test_size_and_cost_on_the_395_identities_of_sysu(
    variant: str, scores: int, config_of: Choose
) -> None:
    """ResNet-50 without its classifier, another stem, a scale and a shift; prototypes."""
    with torch.device("meta"):
        method = DistanceBased(config_of("paper", variant), num_identities=395)
        image = torch.empty(1, 3, 288, 144)
    assert sum(value.numel() for value in method.networks["scores"].parameters()) == scores
    total = sum(value.numel() for value in method.networks.parameters())
    assert total == 23_508_032 + 64 * 3 * 49 + 2 * 64 + 2 * 2048 + scores
    method.networks.eval()
    with FlopCounterMode(display=False) as counter:
        method.extract(image, "infrared")
    assert counter.get_total_flops() // 2 == 5_129_920_512
