"""The presets of DNS: the facts' values, rates step by step, and what cannot be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core import UsageError
from bench_core.methods import Moment
from bench_dns.config import DNSConfig

Choose = Callable[..., DNSConfig]
STEPS = 8


def test_paper_is_for_sysu(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.last_stride, config.weights) == ("resnet50", 1, "imagenet")
    assert (config.image_size, config.resize_filter) == ((288, 144), "lanczos")
    assert (config.sampling.identities, config.sampling.images) == (6, 4)
    assert config.image_draws == "with-replacement"
    optimizer = config.optimizer
    assert (optimizer.kind, optimizer.nesterov, optimizer.momentum) == ("sgd", True, 0.9)
    assert (optimizer.learning_rate, optimizer.weight_decay) == (0.2, 5e-4)
    assert config.epochs == 100
    assert (config.circle_margin, config.circle_scale, config.gem_power) == (0.45, 64, 3)
    assert config.averaging_rate == 0.2
    assert (config.embedding, config.flip_use) == ("neck-normalized", "sum")
    assert config.loss_weights == {
        "identity": 1.0,
        "circle": 1 / 48,
        "alignment": 0.2,
        "distillation": 1.0,
        "modality": 0.25,
    }


@pytest.mark.parametrize(
    ("preset", "early", "late", "to_gray", "hue", "rate"),
    [
        ("paper", 0.5, 0.5, True, 0.5, 0.2),
        ("official-code", 0.5, 0.5, True, 0.5, 0.2),
        ("llcm", 0.0, 0.5, False, 0.5, 0.2),
        ("regdb", 0.5, 0.0, False, 0.0, 0.1),
    ],
)
def test_data_sets_differ_in_augmentation_and_rate(
    preset: str,
    early: float,
    late: float,
    to_gray: bool,
    hue: float,
    rate: float,
    config_of: Choose,
) -> None:
    config = config_of(preset)
    assert config.augmentation.erasing == early
    assert (config.late_erasing, config.channel_exchange) == (late, 2 / 3)
    assert (config.exchange_to_gray, config.infrared_hue) == (to_gray, hue)
    assert config.optimizer.learning_rate == rate


def straight(elapsed: float) -> float:
    """1e-4 at the start, 1 after 16 epochs, 0 after 100."""
    if elapsed < 16:
        return 1e-4 + (1 - 1e-4) * elapsed / 16
    return (100 - elapsed) / 84


@pytest.mark.parametrize("preset", ["paper", "official-code"])
def test_the_rate_goes_up_and_down_from_step_to_step(preset: str, config_of: Choose) -> None:
    schedule = config_of(preset).schedule
    for epoch in range(100):
        for step in range(STEPS):
            place = (step - 1) % STEPS if preset == "official-code" else step
            elapsed = epoch + place / STEPS
            moment = Moment(epoch=epoch, step=step, steps=STEPS, epochs=100)
            assert schedule.rate(moment) == pytest.approx(straight(elapsed), abs=1e-12)


def test_the_very_first_rate_of_the_code_is_that_of_its_logs(config_of: Choose) -> None:
    """On SYSU-MM01 an epoch has 928 steps."""
    first = Moment(epoch=0, step=0, steps=928, epochs=100)
    code, paper = config_of("official-code"), config_of("paper")
    assert 0.2 * code.schedule.rate(first) == pytest.approx(0.0125, abs=2e-5)
    assert 0.2 * paper.schedule.rate(first) == pytest.approx(2e-5)


def test_the_code_differs_in_the_schedule_alone(config_of: Choose) -> None:
    paper = config_of("paper")
    code = config_of("official-code").model_copy(update={"schedule": paper.schedule})
    assert code == paper


def test_a_channel_shift_without_a_loss_is_refused(config_of: Choose) -> None:
    with pytest.raises(UsageError, match="channel_shift learns by alignment and distillation"):
        config_of("paper", "full", "alignment=false", "distillation=false")
    assert config_of("paper", "full", "alignment=false").channel_shift


@pytest.mark.parametrize(
    "assignment",
    ["circle_margin=2", "circle_scale=0", "late_erasing=1.1", "gem_power=0", "flip_use=max"],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}="):
        config_of("paper", "full", assignment)


def test_quick_keeps_the_losses_of_the_paper(config_of: Choose) -> None:
    quick, paper = config_of("quick"), config_of("paper")
    weights = {**paper.loss_weights, "circle": 1 / 64}
    assert quick.loss_weights == weights
    assert (quick.backbone, quick.image_size) == ("small", (96, 48))
    assert quick.epochs * (quick.sampling.steps_per_epoch or 0) <= 500
