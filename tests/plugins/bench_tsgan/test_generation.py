"""The generation module: what is translated, its losses, and how far their gradients reach."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from bench_core.methods import Batch, to_signed
from bench_tsgan.generation import Generation, Translated
from bench_tsgan.method import TSGAN

Make = Callable[..., TSGAN]

CHANNELS = 6
SIZE = (64, 32)


@pytest.fixture
def generation(make: Make) -> Callable[..., Generation]:
    def build(variant: str = "full", *assignments: str) -> Generation:
        config: Any = make(variant, *assignments).config
        return Generation(config, feature_channels=CHANNELS)

    return build


@pytest.fixture
def maps() -> tuple[torch.Tensor, torch.Tensor]:
    """Maps of the six infrared and six fake images of `batch`, which may get gradients."""
    random = torch.Generator().manual_seed(1)
    infrared, fake = (torch.rand(6, CHANNELS, 4, 2, generator=random) for _ in range(2))
    return infrared.requires_grad_(), fake.requires_grad_()


def reached(network: nn.Module) -> bool:
    """Whether a gradient has reached any parameter."""
    return any(value.grad is not None and bool(value.grad.any()) for value in network.parameters())


def cost(scores: torch.Tensor, *, real: bool) -> float:
    """The mean of -log D or -log(1 - D), one logit after another."""
    signed = [logit if real else -logit for logit in scores.flatten().tolist()]
    return sum(math.log(1 + math.exp(-logit)) for logit in signed) / len(signed)


def test_translations_are_those_of_the_paper(
    generation: Callable[..., Generation], batch: Batch
) -> None:
    gan = generation()
    images = gan.translate(batch)
    to_infrared, to_visible = (
        gan.generators[f"generator_to_{modality}"] for modality in ("infrared", "visible")
    )
    visible, infrared = to_signed(batch.visible), to_signed(batch.infrared)
    expected = Translated(
        visible=visible,
        infrared=infrared,
        fake_infrared=to_infrared(visible),
        fake_visible=to_visible(infrared),
        cycled_visible=to_visible(to_infrared(visible)),
        cycled_infrared=to_infrared(to_visible(infrared)),
    )
    for name, value in expected._asdict().items():
        torch.testing.assert_close(getattr(images, name), value, msg=name)
        assert value.shape == (6, 3, *SIZE)
        assert value.abs().max() <= 1


def test_four_translations_take_three_passes(
    generation: Callable[..., Generation], batch: Batch
) -> None:
    gan, passes = generation(), list[tuple[str, int]]()
    for name, network in gan.generators.items():
        network.register_forward_pre_hook(
            lambda _module, inputs, name=name: passes.append((name, len(inputs[0])))
        )
    gan.translate(batch)
    assert passes == [
        ("generator_to_infrared", 6),
        ("generator_to_visible", 12),
        ("generator_to_infrared", 6),
    ]


@pytest.mark.parametrize("variant", ["full", "od-all-ts"])
def test_the_generators_losses_are_equations_1_and_6(
    variant: str,
    generation: Callable[..., Generation],
    batch: Batch,
    maps: tuple[torch.Tensor, torch.Tensor],
) -> None:
    gan = generation(variant)
    images = gan.translate(batch)
    losses = gan.generator_losses(images, maps[1])
    judge, judge_visible = gan.discriminators.values()
    fake = images.fake_infrared
    scores = judge(fake, maps[1]) if variant == "full" else judge(fake)
    adversarial = cost(scores, real=True) + cost(judge_visible(images.fake_visible), real=True)
    assert losses["generator"].item() == pytest.approx(adversarial, rel=1e-5)
    cycle = sum(
        (back - there).abs().mean().item()
        for back, there in (
            (images.cycled_visible, images.visible),
            (images.cycled_infrared, images.infrared),
        )
    )
    assert losses["cycle"].item() == pytest.approx(cycle, rel=1e-5)


def test_the_student_deceives_by_the_three_fake_pairs_of_equation_5(
    generation: Callable[..., Generation], batch: Batch, maps: tuple[torch.Tensor, torch.Tensor]
) -> None:
    gan = generation()
    images, (infrared, fake) = gan.translate(batch), maps
    judge = gan.discriminators["discriminator_infrared"]
    pairs = [
        (images.fake_infrared, fake),
        (images.fake_infrared, infrared),
        (images.infrared, fake),
    ]
    expected = sum(cost(judge(*pair), real=True) for pair in pairs) / 3
    assert gan.deception_loss(images, *maps).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("variant", ["full", "od-all-ts"])
def test_the_discriminators_loss_is_equations_2_to_5(
    variant: str,
    generation: Callable[..., Generation],
    batch: Batch,
    maps: tuple[torch.Tensor, torch.Tensor],
) -> None:
    gan = generation(variant)
    images, (infrared, fake) = gan.translate(batch), maps
    judge, judge_visible = gan.discriminators.values()
    if variant == "full":
        expected = cost(judge(images.infrared, infrared), real=True)
        expected += cost(judge(images.fake_infrared, fake), real=False) / 3
        expected += cost(judge(images.fake_infrared, infrared), real=False) / 3
        expected += cost(judge(images.infrared, fake), real=False) / 3
    else:
        expected = cost(judge(images.infrared), real=True)
        expected += cost(judge(images.fake_infrared), real=False)
    expected += cost(judge_visible(images.visible), real=True)
    expected += cost(judge_visible(images.fake_visible), real=False)
    value = gan.discriminator_loss(images, *maps)
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_least_squares_is_an_option(
    generation: Callable[..., Generation], batch: Batch, maps: tuple[torch.Tensor, torch.Tensor]
) -> None:
    gan = generation("full", "adversarial_form=least-squares")
    images = gan.translate(batch)
    judge, judge_visible = gan.discriminators.values()
    scores = (judge(images.fake_infrared, maps[1]), judge_visible(images.fake_visible))
    expected = sum(((score - 1) ** 2).mean().item() for score in scores)
    value = gan.generator_losses(images, maps[1])["generator"]
    assert value.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("guided", [False, True])
def test_the_generators_losses_reach_both_generators_and_maps_that_guide(
    guided: bool,
    generation: Callable[..., Generation],
    batch: Batch,
    maps: tuple[torch.Tensor, torch.Tensor],
) -> None:
    for part, networks in (
        ("generator", {"infrared", "visible"}),
        ("cycle", {"infrared", "visible"}),
    ):
        gan = generation("full", f"maps_guide_generator={str(guided).lower()}")
        fake_maps = maps[1].detach().requires_grad_()
        gan.generator_losses(gan.translate(batch), fake_maps)[part].backward()  # type: ignore[no-untyped-call]
        assert {
            name.removeprefix("generator_to_")
            for name, network in gan.generators.items()
            if reached(network)
        } == networks
        assert (fake_maps.grad is not None) == (guided and part == "generator")


def test_the_deception_reaches_the_maps_and_no_generator(
    generation: Callable[..., Generation], batch: Batch, maps: tuple[torch.Tensor, torch.Tensor]
) -> None:
    gan = generation()
    gan.deception_loss(gan.translate(batch), *maps).backward()  # type: ignore[no-untyped-call]
    assert not reached(gan.generators)
    for part in maps:
        assert part.grad is not None
        assert bool(part.grad.any())


def test_the_discriminators_loss_reaches_discriminators_alone(
    generation: Callable[..., Generation], batch: Batch, maps: tuple[torch.Tensor, torch.Tensor]
) -> None:
    gan = generation()
    gan.discriminator_loss(gan.translate(batch), *maps).backward()  # type: ignore[no-untyped-call]
    assert not reached(gan.generators)
    assert all(part.grad is None for part in maps)
    assert all(reached(network) for network in gan.discriminators.values())
