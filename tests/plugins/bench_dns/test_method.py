"""DNS's losses and step, rates of its parts, augmentation, and what it compares."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from bench_core import INFRARED, VISIBLE
from bench_core.methods import (
    Batch,
    ColorJitter,
    CopyChannel,
    Erase,
    Flip,
    Grayscale,
    ImageStep,
    Normalized,
    PadAndCrop,
)
from bench_core.testing import enter_stage, stage_of
from bench_dns.config import DNSConfig
from bench_dns.losses import alignment_loss, circle_loss
from bench_dns.method import DNS, LEARNER

Choose = Callable[..., DNSConfig]
Make = Callable[..., DNS]


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> float:
    return -logits.log_softmax(1)[torch.arange(len(labels)), labels].mean().item()


def divergence(logits: torch.Tensor, taught: torch.Tensor) -> float:
    p, q = logits.softmax(1), taught.softmax(1)
    return (p * (p / q).log()).sum().item()


def gem(maps: torch.Tensor) -> torch.Tensor:
    return (maps.pow(3).mean((2, 3)) + 1e-12).pow(1 / 3)


def test_the_losses_are_those_of_the_whole_batch(make: Make, batch: Batch) -> None:
    method = make()
    networks = method.networks
    networks["channel_shift"].eval()  # without dropout
    own = {m: layer.weight for m, layer in networks["classifiers"].own.items()}
    slow = {m: layer.weight for m, layer in networks["classifiers"].averaged.items()}
    for weight in slow.values():
        torch.nn.init.normal_(weight, std=0.02)
    maps: list[torch.Tensor] = []
    neck: list[Any] = []
    networks["learner"].shifts["stage4"].register_forward_hook(lambda *args: maps.append(args[2]))
    networks["neck"].register_forward_hook(lambda *args: neck.append((args[1][0], *args[2])))
    losses = method.losses(batch)
    ((pooled, normalized, logits),) = neck
    torch.testing.assert_close(pooled, gem(maps[0]))
    shifted = networks["channel_shift"](maps[0].mean((2, 3)))
    both, apart, taught = torch.cat([batch.labels, batch.labels]), 0.0, 0.0
    for features in (normalized, shifted):
        visible, infrared = features.chunk(2)
        for part, modality, other in ((visible, VISIBLE, INFRARED), (infrared, INFRARED, VISIBLE)):
            apart += cross_entropy(part @ own[modality].T, batch.labels)
            taught += divergence(part @ own[modality].T, part @ slow[other].T) / len(both)
    expected = {
        "identity": cross_entropy(logits, both),
        "circle": circle_loss(normalized, both, margin=0.45, scale=64).item(),
        "alignment": alignment_loss(pooled, shifted).item(),
        "modality": apart,
        "distillation": taught,
    }
    assert losses.keys() == expected.keys()
    for name, value in losses.items():
        assert value.item() == pytest.approx(expected[name], rel=1e-3), name


@pytest.mark.parametrize(
    ("variant", "names"),
    [
        ("baseline", set()),
        ("hss", set()),
        ("hss-css-da", {"alignment"}),
        ("hss-css-dd", {"distillation", "modality"}),
        ("without-css", {"alignment", "distillation", "modality"}),
    ],
)
def test_a_variant_has_the_losses_of_its_parts(
    variant: str, names: set[str], make: Make, batch: Batch
) -> None:
    assert make(variant).losses(batch).keys() == {"identity", "circle", *names}


def test_what_is_minimised_is_the_weighted_sum(make: Make, batch: Batch) -> None:
    method = make("full", "sampling.identities=3", "sampling.images=2")
    logged = method.step(batch, enter_stage(method, "joint"))
    total = (
        logged["identity"]
        + logged["circle"] / 12
        + 0.2 * logged["alignment"]
        + logged["distillation"]
        + 0.25 * logged["modality"]
    )
    assert logged["total"].item() == pytest.approx(total.item(), rel=1e-6)


def test_averages_move_once_a_step_and_before_they_are_used(make: Make, batch: Batch) -> None:
    method = make()
    classifiers = method.networks["classifiers"]
    before = {m: each.weight.clone() for m, each in classifiers.averaged.items()}
    for each in classifiers.own.values():
        torch.nn.init.normal_(each.weight)
    own = {m: each.weight.clone() for m, each in classifiers.own.items()}
    seen: list[torch.Tensor] = []
    classifiers.averaged[INFRARED].register_forward_pre_hook(
        lambda module, _: seen.append(module.weight.clone())
    )
    method.step(batch, enter_stage(method, "joint"))
    for modality in (VISIBLE, INFRARED):
        moved = 0.8 * before[modality] + 0.2 * own[modality]
        torch.testing.assert_close(classifiers.averaged[modality].weight, moved)
    assert len(seen) == 2  # of the feature behind the neck, and of the shifted one
    assert all(torch.equal(each, classifiers.averaged[INFRARED].weight) for each in seen)


def test_one_step_reaches_every_parameter_but_the_averages(make: Make, batch: Batch) -> None:
    method = make()
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    losses = method.step(batch, enter_stage(method, "joint"))
    assert math.isfinite(losses["total"].item())
    for name, value in method.networks.named_parameters():
        averaged = name.startswith("classifiers.averaged")
        assert value.requires_grad == (not averaged)
        if not averaged:
            assert not torch.equal(value, before[name]), name


RATES = {
    "learner.two_stream.stems.": 0.02,
    "learner.shifts.": 0.02,
    "channel_shift.": 0.02,
    "learner.two_stream.shared.0.": 0.04,
    "learner.two_stream.shared.1.": 0.05,
    "neck.": 0.2,
    "classifiers.own.": 0.2,
}


@pytest.mark.parametrize(("preset", "scale"), [("paper", 1.0), ("regdb", 0.5)])
def test_each_part_has_its_rate(preset: str, scale: float, config_of: Choose) -> None:
    with torch.device("meta"):
        method = DNS(config_of(preset), num_identities=395)
    (stage,) = method.stages()
    plan = stage.optimizers[LEARNER]
    optimizer = plan.build()
    rate_of = {
        id(value): group["base_lr"] for group in optimizer.param_groups for value in group["params"]
    }
    learnable = {n: v for n, v in method.networks.named_parameters() if v.requires_grad}
    assert len(rate_of) == len(learnable) == sum(len(g["params"]) for g in optimizer.param_groups)
    for name, value in learnable.items():
        (expected,) = [rate for part, rate in RATES.items() if name.startswith(part)]
        assert rate_of[id(value)] == pytest.approx(scale * expected), name
    assert (stage.name, stage.epochs, stage.frozen) == ("joint", 100, ())
    assert plan.schedule == method.config.schedule


FILL = (0.4914, 0.4822, 0.4465)
EARLY = Erase(0.5, (0.02, 0.33), (0.3, 3.3), "log-uniform", FILL, 10)
LATE = Erase(0.5, (0.02, 0.4), (0.3, 1 / 0.3), "uniform", FILL, 100)


@pytest.mark.parametrize(
    ("preset", "early", "late", "gray", "hue"),
    [
        ("paper", 0.5, 0.5, [Grayscale()], [ColorJitter(hue=0.5)]),
        ("llcm", 0.0, 0.5, [], [ColorJitter(hue=0.5)]),
        ("regdb", 0.5, 0.0, [], []),
    ],
)
@pytest.mark.parametrize("modality", [VISIBLE, INFRARED])
def test_images_are_augmented_in_the_order_of_each_data_set(
    modality: str,
    preset: str,
    early: float,
    late: float,
    gray: list[ImageStep],
    hue: list[ImageStep],
    make: Make,
) -> None:
    augmented = make(preset=preset).augmented(modality)  # type: ignore[arg-type]
    *moves, erase, behind = augmented.steps
    assert moves == [PadAndCrop(10, 0.0), Flip(0.5), *(hue if modality == INFRARED else [])]
    assert erase == Erase(early, *list(vars(EARLY).values())[1:])
    assert isinstance(behind, Normalized)
    again, *channels = behind._inner.steps
    assert again == Erase(late, *list(vars(LATE).values())[1:])
    if modality == INFRARED:
        assert not channels
        return
    (exchanged,) = channels
    assert exchanged.probability == 2 / 3
    assert exchanged.step.steps == (CopyChannel(0), CopyChannel(1), CopyChannel(2), *gray)


def test_a_third_of_visible_images_keeps_its_colours_and_the_rest_divides_in_four(
    make: Make,
) -> None:
    method = make("full", "augmentation.erasing=0", "late_erasing=0", "augmentation.padding=0")
    view = stage_of(method, "joint").views[VISIBLE]
    colour = torch.tensor([0.2, 0.4, 0.9]).view(3, 1, 1)
    images = colour.expand(6000, 3, 4, 4).clone()
    seen = view.look(VISIBLE, images, torch.Generator().manual_seed(0))[:, :, 0, 0]
    mean = torch.tensor([0.485, 0.456, 0.406])
    std = torch.tensor([0.229, 0.224, 0.225])
    units = (colour.flatten() - mean) / std
    grey = units @ torch.tensor([0.2989, 0.5870, 0.1140])
    kinds = [units, *(units[c].expand(3) for c in range(3)), grey.expand(3)]
    shares = [((seen - mean) / std - kind).abs().amax(1).lt(1e-4).float().mean() for kind in kinds]
    assert sum(shares).item() == pytest.approx(1)  # type: ignore[union-attr]
    expected = [1 / 3, *[1 / 6] * 4]
    assert [share.item() for share in shares] == pytest.approx(expected, abs=0.02)


def test_a_turn_of_hue_leaves_images_of_equal_channels_as_they_are() -> None:
    """Which is why `quick` has none."""
    images = torch.rand(8, 1, 6, 4).expand(-1, 3, -1, -1).clone()
    turned = ColorJitter(hue=0.5)(images.clone(), torch.Generator().manual_seed(0))
    torch.testing.assert_close(turned, images)


@pytest.mark.parametrize("modality", [VISIBLE, INFRARED])
def test_what_is_compared_is_the_sum_over_an_image_and_its_mirror_image(
    modality: str, make: Make, batch: Batch
) -> None:
    method, alone = make(), make("full", "flip_use=none")
    for each in (method, alone):
        each.losses(batch)
        each.networks.eval()
    images = batch.visible
    maps = alone.networks["learner"](alone.networks["normalization"](images), modality)
    pooled = gem(maps)
    expected = functional.normalize(alone.networks["neck"].normalization(pooled))[:, None]
    plain = alone.extract(images, modality)  # type: ignore[arg-type]
    torch.testing.assert_close(plain, expected, rtol=1e-3, atol=1e-5)
    mirrored = alone.extract(images.flip(3), modality)  # type: ignore[arg-type]
    torch.testing.assert_close(method.extract(images, modality), plain + mirrored)  # type: ignore[arg-type]


def test_each_modality_has_its_own_first_stages(make: Make, batch: Batch) -> None:
    method = make()
    method.step(batch, enter_stage(method, "joint"))
    method.networks.eval()
    views = [method.extract(batch.visible, modality) for modality in (VISIBLE, INFRARED)]
    assert (views[0] - views[1]).abs().max() > 1e-4
