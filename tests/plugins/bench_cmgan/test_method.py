"""The game of cmGAN: who learns from what and when, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from bench_cmgan.alternation import EveryNthSGD
from bench_cmgan.losses import modality_loss
from bench_cmgan.method import CMGAN
from bench_core.methods import Batch
from bench_core.profiling.cost import inference_cost
from bench_core.testing import enter_stage, record_step, watch_step

Make = Callable[..., CMGAN]

GENERATOR = {"backbone", "identity_head"}


def test_the_discriminator_learns_and_then_the_generator(make: Make, batch: Batch) -> None:
    """Neither leaves a gradient in the other."""
    _, updates = watch_step(make(), "adversarial", batch)
    assert [(update.optimizers, update.changed, update.reached) for update in updates] == [
        (("discriminator",), {"discriminator"}, {"discriminator"}),
        (("generator",), GENERATOR, GENERATOR),
    ]


@pytest.mark.parametrize(
    ("variant", "names"),
    [("without-discriminator", {"identity", "triplet"}), ("identity-only", {"identity"})],
)
def test_without_the_game_the_generator_learns_alone(
    variant: str, names: set[str], make: Make, batch: Batch
) -> None:
    method = make(variant)
    assert "discriminator" not in method.networks
    losses, (update,) = watch_step(method, "adversarial", batch)
    assert losses.keys() == names
    assert update.changed == GENERATOR


def test_the_generator_minimises_its_losses_and_maximises_the_modality_loss(
    make: Make, batch: Batch
) -> None:
    """L_G - gamma L_D, with L_D of the features that it gives."""
    method = make("full", "triplet_weight=3", "identity_weight=2", "adversarial_weight=0.5")
    losses, ((judged, _), (total, names)) = record_step(method, "adversarial", batch)
    value = {name: loss.item() for name, loss in losses.items()}
    assert names == ("generator",)
    assert judged.item() == value["discriminator"] == pytest.approx(value["confusion"])
    expected = 2 * value["identity"] + 3 * value["triplet"] - 0.5 * value["confusion"]
    assert total.item() == pytest.approx(expected, rel=1e-5)


def test_the_gradient_of_a_step_is_that_of_the_game_written_out(make: Make, batch: Batch) -> None:
    method = make("full", "triplets=false", "adversarial_weight=0.5")
    _, ((judged, _), (total, _)) = record_step(method, "adversarial", batch)
    backbone, judge = method.networks["backbone"], method.networks["discriminator"]
    weight = next(backbone.parameters())
    images = torch.cat([batch.visible, batch.infrared]) * 2 - 1
    features = backbone(images)
    logits = method.networks["identity_head"](features)
    identity = nn.functional.cross_entropy(logits, batch.labels.repeat(2))
    confusion = modality_loss(judge(features))
    (expected,) = torch.autograd.grad(identity - 0.5 * confusion, weight)
    (given,) = torch.autograd.grad(total, weight, retain_graph=True)
    torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-6)
    assert torch.autograd.grad(judged, weight, allow_unused=True) == (None,)


def test_the_discriminator_moves_at_every_kth_batch(make: Make, batch: Batch) -> None:
    method = make("full", "alternation=3")
    updates, moved = enter_stage(method, "adversarial"), []
    weight = method.networks["discriminator"][0].weight
    for _ in range(7):
        before = weight.detach().clone()
        method.step(batch, updates)
        moved.append(not torch.equal(before, weight))
    assert moved == [True, False, False, True, False, False, True]


def test_seldom_steps_are_those_of_sgd_on_the_batches_that_count() -> None:
    seldom, plain = (nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2))
    every_second = EveryNthSGD([{"params": [seldom], "lr": 0.1}], interval=2, momentum=0.9)
    sgd = torch.optim.SGD([plain], lr=0.1, momentum=0.9)
    for number in range(5):
        seldom.grad = torch.tensor([1.0, number])
        every_second.step()
        if number % 2 == 0:
            plain.grad = seldom.grad.clone()
            sgd.step()
    assert torch.equal(seldom, plain)


def test_the_count_of_batches_is_kept_with_the_optimiser() -> None:
    value = nn.Parameter(torch.ones(1))
    first, second = (
        EveryNthSGD([{"params": [value], "lr": 1.0}], interval=3, momentum=0.0) for _ in range(2)
    )
    value.grad = torch.ones(1)
    for _ in range(2):
        first.step()
    second.load_state_dict(first.state_dict())
    second.step()  # the third batch
    assert value.item() == 0
    second.step()
    assert value.item() == -1


@pytest.mark.parametrize(
    ("input_range", "mean", "std"),
    [
        ("signed", [0.5] * 3, [0.5] * 3),
        ("imagenet", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ],
)
def test_the_pooled_feature_is_compared_for_either_modality(
    input_range: str, mean: list[float], std: list[float], make: Make, batch: Batch
) -> None:
    method = make("full", f"input_range={input_range}")
    method.networks.eval()
    seen = batch.visible - torch.tensor(mean).view(3, 1, 1)
    with torch.no_grad():
        features = method.extract(batch.visible, "visible")
        assert torch.equal(features, method.extract(batch.visible, "infrared"))
        expected = method.networks["backbone"](seen / torch.tensor(std).view(3, 1, 1))
    torch.testing.assert_close(features[:, 0], expected, rtol=1e-4, atol=1e-5)


def test_features_at_unit_length(make: Make, batch: Batch) -> None:
    method = make("full", "embedding=pooled-normalized")
    method.networks.eval()
    with torch.no_grad():
        lengths = method.extract(batch.visible, "visible").norm(dim=2)
    torch.testing.assert_close(lengths, torch.ones(6, 1))


def test_parameters_and_multiply_adds_of_the_description(config_of: Callable[..., object]) -> None:
    """2048-512-395 with biases, 2048-1000-500-2; extraction runs the backbone alone."""
    with torch.device("meta"):
        method = CMGAN(config_of("paper"), num_identities=395)  # type: ignore[arg-type]
    number = {
        name: sum(p.numel() for p in net.parameters()) for name, net in method.networks.items()
    }
    assert number == {
        "normalization": 0,
        "backbone": 23_508_032,
        "identity_head": 2048 * 512 + 512 + 512 * 395 + 395,
        "discriminator": 2048 * 1000 + 1000 + 1000 * 500 + 500 + 500 * 2 + 2,
    }
    cost = inference_cost(method, (224, 224), torch.device("meta"))
    assert cost.parameters == 23_508_032
    assert {round(macs / 1e9, 3) for macs in cost.macs.values()} == {4.087}
