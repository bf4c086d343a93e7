"""The training of the strong baseline: its losses, its centres, and its one network."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench_bot import bench_register_methods
from bench_bot.config import BoTConfig
from bench_bot.method import CENTERS, BoT
from bench_core import Modality
from bench_core.methods import Batch
from bench_core.testing import enter_stage, take_step

Choose = Callable[..., BoTConfig]
Make = Callable[..., BoT]

(SPEC,) = bench_register_methods()
VARIANTS = [variant.name for variant in SPEC.variants]
WITH_NECK = {"full", "neck"}
SMOOTH = {"full", "neck", "last-stride", "label-smoothing"}


def identity(logits: list[float], label: int, smoothing: float) -> float:
    """(1 - eps) of the target on the label, eps / C on each of the C identities."""
    logs = [logit - math.log(sum(map(math.exp, logits))) for logit in logits]
    return -(1 - smoothing) * logs[label] - smoothing * sum(logs) / len(logs)


def triplet(features: list[list[float]], labels: list[int]) -> float:
    total = 0.0
    for anchor, label in zip(features, labels, strict=True):
        away = [math.dist(anchor, other) for other in features]
        positive = max(d for d, other in zip(away, labels, strict=True) if other == label)
        negative = min(d for d, other in zip(away, labels, strict=True) if other != label)
        total += max(0.3 + positive - negative, 0)
    return total / len(labels)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_losses_are_over_all_images_of_both_modalities(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant)
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def watch(*args: object) -> None:
        _, (features,), classified = args  # type: ignore[misc]
        seen.append((features, classified[1] if variant in WITH_NECK else classified))

    method.networks["head"].register_forward_hook(watch)
    losses = method.losses(batch)
    ((features, logits),) = seen
    labels = batch.labels.tolist() * 2
    assert len(features) == len(labels) == 12
    smoothing = 0.1 if variant in SMOOTH else 0.0
    entropies = [
        identity(row, label, smoothing) for row, label in zip(logits.tolist(), labels, strict=True)
    ]
    assert losses["identity"].item() == pytest.approx(sum(entropies) / 12, rel=1e-4)
    assert losses["triplet"].item() == pytest.approx(triplet(features.tolist(), labels), rel=1e-3)
    assert ("center" in losses) == (variant == "full")
    if variant == "full":
        places = method.networks["centers"].places[labels].tolist()
        squares = [math.dist(*pair) ** 2 for pair in zip(features.tolist(), places, strict=True)]
        assert losses["center"].item() == pytest.approx(sum(squares) / 12, rel=1e-4)


def test_the_weight_of_the_centre_loss_is_for_the_network_alone(make: Make, batch: Batch) -> None:
    """Centres move by the rate times the gradient of the unweighted loss."""
    moved = []
    for weight in (5e-4, 0.5):
        method = make("full", f"center_weight={weight}")
        places = method.networks["centers"].places
        before = places.detach().clone()
        logged = take_step(method, "joint", batch)
        total = logged["identity"] + logged["triplet"] + weight * logged["center"]
        assert logged["total-learner"].item() == pytest.approx(total.item(), rel=1e-5)
        assert logged["total-centers"].item() == pytest.approx(logged["center"].item())
        moved.append((places - before).detach())
    torch.testing.assert_close(*moved)
    method = make()
    places = method.networks["centers"].places
    method.losses(batch)["center"].backward()
    torch.testing.assert_close(moved[0], -0.5 * places.grad)


@pytest.mark.parametrize("variant", ["full", "standard"])
def test_a_step_moves_every_parameter_that_can_learn(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant)
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    updates = enter_stage(method, "joint")
    take_step(method, "joint", batch, updates)
    unmoved = {
        name
        for name, value in method.networks.named_parameters()
        if torch.equal(value, before[name])
    }
    assert unmoved == ({"head.normalization.bias"} if variant == "full" else set())


def test_there_is_one_stage_as_configured(make: Make) -> None:
    method = make()
    (stage,) = method.stages()
    assert (stage.name, stage.epochs, stage.frozen) == ("joint", 120, ())
    assert stage.sampling == method.config.sampling
    assert stage.optimizers[CENTERS].config == method.config.center_optimizer
    assert CENTERS not in make("neck").stages()[0].optimizers


@pytest.mark.parametrize(
    ("variant", "parameters"),
    [
        ("full", 23_508_032 + 2 * 2048 + 2 * 395 * 2048),
        ("neck", 23_508_032 + 2 * 2048 + 395 * 2048),
        ("standard", 23_508_032 + 395 * 2048 + 395),
    ],
)
def test_parameters_on_the_395_identities_of_sysu(
    variant: str, parameters: int, config_of: Choose
) -> None:
    """ResNet-50, neck, classifier (with a bias where there is no neck), centres."""
    with torch.device("meta"):
        method = BoT(config_of("paper", variant), num_identities=395)
    assert sum(value.numel() for value in method.networks.parameters()) == parameters


def test_an_image_has_the_same_feature_in_either_modality(make: Make, batch: Batch) -> None:
    method = make()
    method.losses(batch)
    method.networks.eval()
    visible, infrared = (
        method.extract(batch.visible, modality) for modality in ("visible", "infrared")
    )
    assert torch.equal(visible, infrared)
    torch.testing.assert_close(visible.norm(dim=2), torch.ones(6, 1))


@pytest.mark.parametrize("modality", ["visible", "infrared"])
def test_without_a_neck_the_pooled_feature_is_compared(
    modality: Modality, make: Make, batch: Batch
) -> None:
    method = make("last-stride")
    networks = method.networks.eval()
    pooled = networks["backbone"](networks["normalization"](batch.visible))
    expected = torch.nn.functional.normalize(pooled)
    torch.testing.assert_close(method.extract(batch.visible, modality)[:, 0], expected)


@pytest.mark.parametrize(("variant", "places"), [("last-stride", 2), ("label-smoothing", 1)])
def test_the_last_stage_of_the_small_backbone_has_a_stride_as_well(
    variant: str, places: int, make: Make
) -> None:
    maps = make(variant).networks["backbone"].body(torch.zeros(2, 3, 32, 32))
    assert maps.shape == (2, 256, places, places)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "macs"), [("full", 4_053_270_528), ("standard", 2_669_150_208)]
)
def test_the_cost_of_an_image(variant: str, macs: int, config_of: Choose) -> None:
    with torch.device("meta"):
        method = BoT(config_of("paper", variant), num_identities=2)
        image = torch.empty(1, 3, 256, 128)
    method.networks.eval()
    with FlopCounterMode(display=False) as counter:
        method.extract(image, "visible")
    assert counter.get_total_flops() // 2 == macs
