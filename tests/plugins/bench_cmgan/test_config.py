"""The presets of cmGAN: what is known of the paper, and every combination valid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_cmgan.config import CMGANConfig
from bench_cmgan.method import CMGAN, DISCRIMINATOR, GENERATOR
from bench_core import UsageError
from bench_core.methods import Moment

Choose = Callable[..., CMGANConfig]
Make = Callable[..., CMGAN]


def test_paper_holds_what_is_known(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.weights) == ("resnet50", "imagenet")
    assert (config.triplet_weight, config.identity_weight) == (1, 1)
    assert (config.adversarial_weight, config.margin, config.alternation) == (0.05, 1.4, 5)
    for optimizer, rate in ((config.optimizer, 1e-4), (config.discriminator_optimizer, 1e-3)):
        assert (optimizer.kind, optimizer.learning_rate, optimizer.momentum) == ("sgd", rate, 0.9)
    assert (config.augmentation.flip, config.augmentation.padding) == (0.5, 0)
    assert config.embedding == "pooled"
    assert config.input_range == "signed"


def test_paper_fills_gaps_by_proposals(config_of: Choose) -> None:
    config = config_of("paper")
    assert config.image_size == (224, 224)
    assert (config.sampling.identities, config.sampling.images) == (8, 4)
    assert config.mining == "hard"
    assert config.last_stride == 2
    assert config.epochs == 120


def test_rates_by_optimiser_and_epoch(make: Make) -> None:
    """Constant, and ten times as high for the discriminator."""
    (stage,) = make().stages()
    moments = [Moment(epoch=epoch, step=0, steps=1, epochs=120) for epoch in (0, 60, 119)]
    for name, rate in ((GENERATOR, 1e-4), (DISCRIMINATOR, 1e-3)):
        plan = stage.optimizers[name]
        (group,) = plan.build().param_groups
        assert (group["lr"], group["momentum"], group["weight_decay"]) == (rate, 0.9, 0)
        assert {plan.schedule.rate(moment) for moment in moments} == {1.0}


def test_variants_without_the_game_have_no_discriminator(config_of: Choose) -> None:
    assert config_of("paper").is_adversarial
    for variant in ("without-discriminator", "identity-only"):
        assert not config_of("paper", variant).is_adversarial


def test_quick_is_small(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights) == ("small", "none")
    assert config.sampling.steps_per_epoch is not None
    assert config.epochs * config.sampling.steps_per_epoch <= 600
    kept = {"adversarial_weight", "identity_weight", "alternation", "margin"}
    assert config.model_dump(include=kept) == config_of("paper").model_dump(include=kept)


@pytest.mark.parametrize(
    ("assignments", "told"),
    [
        (("margin=-1",), "margin"),
        (("alternation=0",), "alternation"),
        (("identity_weight=0",), "identity_weight"),
        (("triplet_weight=0",), "triplet_weight"),
        (("mining=soft",), "mining"),
        (("embedding=neck",), "embedding"),
        (("discriminator_optimizer.kind=adam",), "alternation=5 needs plain SGD"),
        (("discriminator_optimizer.nesterov=true",), "alternation=5 needs plain SGD"),
    ],
)
def test_what_cannot_be_is_refused(
    assignments: tuple[str, ...], told: str, config_of: Choose
) -> None:
    with pytest.raises(UsageError, match=told):
        config_of("paper", "full", *assignments)


def test_a_discriminator_that_learns_from_every_batch_may_have_any_optimiser(
    config_of: Choose,
) -> None:
    config = config_of("paper", "full", "alternation=1", "discriminator_optimizer.kind=adam")
    assert config.discriminator_optimizer.kind == "adam"
