"""MPANet's losses and step, its averages, augmentation, and what it compares."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench_core import INFRARED, VISIBLE
from bench_core.methods import Batch, Erase, Flip, PadAndCrop
from bench_core.testing import enter_stage, stage_of
from bench_mpanet.losses import center_cluster_loss, separation_loss
from bench_mpanet.method import LEARNER, RATE, MPANet

Make = Callable[..., MPANet]


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> float:
    chosen = logits.log_softmax(1)[torch.arange(len(labels)), labels]
    return -chosen.mean().item()


def divergence(logits: torch.Tensor, taught: torch.Tensor) -> float:
    p, q = logits.softmax(1), taught.softmax(1)
    return (p * (p / q).log()).sum().item()


def test_the_losses_are_those_of_the_whole_batch(make: Make, batch: Batch) -> None:
    method = make()
    neck, classifiers = method.networks["neck"], method.networks["classifiers"]
    for slow in classifiers.averaged.values():
        torch.nn.init.normal_(slow.weight, std=0.02)
    seen: list[Any] = []
    method.networks["learner"].register_forward_hook(lambda *args: seen.append(args[2]))
    neck.register_forward_hook(lambda *args: seen.append(args[2]))
    losses = method.losses(batch)
    (features, masks), (normalized, logits) = seen  # all images passed together
    both = torch.cat([batch.labels, batch.labels])
    visible, infrared = normalized.chunk(2)
    own = {m: classifiers.own[m].weight for m in (VISIBLE, INFRARED)}
    slow = {m: classifiers.averaged[m].weight for m in (VISIBLE, INFRARED)}
    expected = {
        "identity": cross_entropy(logits, both),
        "center": center_cluster_loss(features, both, 0.7).item(),
        "separation": separation_loss(masks).item(),
        "modality": cross_entropy(visible @ own[VISIBLE].T, batch.labels)
        + cross_entropy(infrared @ own[INFRARED].T, batch.labels),
        "mutual": (
            divergence(visible @ own[VISIBLE].T, visible @ slow[INFRARED].T)
            + divergence(infrared @ own[INFRARED].T, infrared @ slow[VISIBLE].T)
        )
        / len(both),
    }
    assert losses.keys() == expected.keys()
    for name, value in losses.items():
        assert value.item() == pytest.approx(expected[name], rel=1e-4), name


@pytest.mark.parametrize(("preset", "weight"), [("paper", 0.5), ("official-code", 1.0)])
def test_what_is_minimised_is_the_weighted_sum(
    preset: str, weight: float, make: Make, batch: Batch
) -> None:
    method = make(preset=preset)
    logged = method.step(batch, enter_stage(method, "joint"))
    total = (
        logged["identity"]
        + logged["center"]
        + 0.5 * logged["separation"]
        + weight * logged["modality"]
        + 2.5 * logged["mutual"]
    )
    assert logged["total"].item() == pytest.approx(total.item(), rel=1e-6)


@pytest.mark.parametrize(
    ("variant", "names"),
    [
        ("baseline", {"identity", "center"}),
        ("mam", {"identity", "center"}),
        ("mam-pam", {"identity", "center", "separation"}),
    ],
)
def test_a_variant_has_the_losses_of_its_parts(
    variant: str, names: set[str], make: Make, batch: Batch
) -> None:
    assert make(variant).losses(batch).keys() == names


def test_one_mask_has_no_other_to_keep_apart_from(make: Make, batch: Batch) -> None:
    assert "separation" not in make("full", "patterns=1").losses(batch)


def test_averages_move_before_they_are_used(make: Make, batch: Batch) -> None:
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
    updates = enter_stage(method, "joint")
    method.step(batch, updates)
    for modality in (VISIBLE, INFRARED):
        moved = 0.8 * before[modality] + 0.2 * own[modality]
        torch.testing.assert_close(classifiers.averaged[modality].weight, moved)
    assert torch.equal(seen[0], classifiers.averaged[INFRARED].weight)


def test_the_rate_of_the_averages_is_that_of_the_epoch(make: Make) -> None:
    method = make()
    stage = stage_of(method, "joint")
    assert stage.memory[RATE].item() == pytest.approx(0.2)
    assert stage.begin is not None

    class Late:
        number, device = 139, torch.device("cpu")

    stage.begin(Late())  # type: ignore[arg-type]
    assert stage.memory[RATE].item() == pytest.approx(20 / 141)
    assert not stage_of(make("mam-pam"), "joint").memory


def test_one_step_reaches_every_parameter_but_the_frozen(make: Make, batch: Batch) -> None:
    method = make()
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    losses = method.step(batch, enter_stage(method, "joint"))
    assert math.isfinite(losses["total"].item())
    frozen = {"neck.normalization.bias"} | {
        name for name in before if name.startswith("classifiers.averaged")
    }
    for name, value in method.networks.named_parameters():
        assert value.requires_grad == (name not in frozen)
        if name not in frozen:
            assert not torch.equal(value, before[name]), name


def test_there_is_one_stage_of_one_optimiser(make: Make) -> None:
    method = make()
    (stage,) = method.stages()
    config = method.config
    assert (stage.name, stage.epochs, stage.frozen) == ("joint", config.epochs, ())
    plan = stage.optimizers[LEARNER]
    assert (plan.config, plan.schedule) == (config.optimizer, config.schedule)
    assert [group.learning_rate_scale for group in plan.groups] == [1.0]


def test_images_are_flipped_cropped_from_grey_and_erased_to_the_mean_colour(make: Make) -> None:
    flip, crop, erase = make().augmented().steps
    assert flip == Flip(0.5)
    assert crop == PadAndCrop(10, 127 / 255)
    assert erase == Erase(
        probability=0.5,
        area=(0.02, 0.33),
        aspect=(0.3, 3.3),
        aspect_drawn="log-uniform",
        values=(0.485, 0.456, 0.406),
        attempts=10,
    )
    stage = stage_of(make("full", "augmentation.flip=0", "augmentation.erasing=0"), "joint")
    for name in (VISIBLE, INFRARED):
        images = torch.rand(40, 3, 32, 16)
        seen = stage.views[name].look(name, images.clone(), torch.Generator().manual_seed(0))
        assert stage.views[name].modality == name
        grey = (seen == 127 / 255).all(1).flatten(1).any(1)
        # A crop from the middle of 21 x 21 alone has no padding.
        assert grey.float().mean() > 0.9
        assert not torch.equal(seen, images)


def test_how_often_images_are_flipped_and_erased(make: Make) -> None:
    flip, _, erase = make().augmented().steps
    generator = torch.Generator().manual_seed(0)
    images = torch.arange(16.0).expand(4000, 3, 32, 16) / 32
    changed = (flip(images, generator) != images).flatten(1).any(1)
    assert changed.float().mean().item() == pytest.approx(0.5, abs=0.03)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    erased = (erase(images, generator) == mean).all(1).flatten(1).float().mean(1)
    assert (erased > 0).float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert erased[erased > 0].min() > 0.01
    assert erased.max() < 0.36


@pytest.mark.parametrize("modality", [VISIBLE, INFRARED])
def test_what_is_compared_is_behind_the_neck(modality: str, make: Make, batch: Batch) -> None:
    plain, unit = make("full", "embedding=neck"), make()
    for method in (plain, unit):
        method.losses(batch)
        method.networks.eval()
    features = plain.extract(batch.visible, modality)  # type: ignore[arg-type]
    images = plain.networks["normalization"](batch.visible)
    before, _ = plain.networks["learner"](images)
    expected = plain.networks["neck"].normalization(before)[:, None]
    torch.testing.assert_close(features, expected)
    scaled = features / features.norm(dim=2, keepdim=True)
    torch.testing.assert_close(unit.extract(batch.visible, modality), scaled)  # type: ignore[arg-type]


def test_both_modalities_pass_one_network(make: Make, batch: Batch) -> None:
    method = make()
    method.networks.eval()
    assert torch.equal(
        method.extract(batch.visible, VISIBLE), method.extract(batch.visible, INFRARED)
    )
