"""The presets of the strong baseline: published values, the code's, and every trick."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_bot.config import BoTConfig
from bench_bot.method import CENTERS, LEARNER, BoT
from bench_core import UsageError
from bench_core.methods import Moment

Choose = Callable[..., BoTConfig]
Make = Callable[..., BoT]

AFTER = [*[1.0] * 30, *[0.1] * 30, *[0.01] * 50]
"""Of the base rate, in epochs 11 to 120."""
PAPER = [*[epoch / 10 for epoch in range(1, 11)], *AFTER]
CODE = [*[0.01 + 0.99 * epoch / 10 for epoch in range(1, 11)], *AFTER[1:], 0.01]
FLAT = [*[1.0] * 10, *AFTER]


def test_paper_holds_the_published_values(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.last_stride, config.stem_relu) == ("resnet50", 1, True)
    assert (config.image_size, config.weights, config.epochs) == ((256, 128), "imagenet", 120)
    sampling = config.sampling
    assert (sampling.identities, sampling.images) == (16, 2)  # of each modality: 64 images
    optimizer = config.optimizer
    assert (optimizer.kind, optimizer.learning_rate) == ("adam", 3.5e-4)
    assert optimizer.weight_decay == 5e-4
    assert (config.label_smoothing, config.margin, config.center_weight) == (0.1, 0.3, 5e-4)
    augmentation = config.training_augmentation
    assert (augmentation.flip, augmentation.padding, augmentation.erasing) == (0.5, 10, 0.5)
    means, deviations = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    normalized = [
        (value - mean) / deviation
        for value, mean, deviation in zip(
            augmentation.erasing_values, means, deviations, strict=True
        )
    ]
    assert normalized == pytest.approx(means)
    assert config.embedding == "neck-normalized"


def test_the_code_differs_in_the_stem_and_the_rate(config_of: Choose) -> None:
    paper, code = config_of("paper"), config_of("official-code")
    assert not code.stem_relu
    schedule = paper.schedule.model_copy(update={"warmup_factor": 0.01, "milestones": (40, 70)})
    assert paper.model_copy(update={"stem_relu": False, "schedule": schedule}) == code


@pytest.mark.parametrize(
    ("preset", "variant", "expected"),
    [("paper", "full", PAPER), ("official-code", "full", CODE), ("paper", "standard", FLAT)],
)
def test_the_rate_of_the_network_by_epoch_and_that_of_the_centres(
    preset: str, variant: str, expected: list[float], make: Make
) -> None:
    (stage,) = make(variant, "stem_relu=true", preset=preset).stages()
    moments = [Moment(epoch=epoch, step=0, steps=1, epochs=120) for epoch in range(120)]
    learner = stage.optimizers[LEARNER]
    (group,) = learner.build().param_groups
    assert (group["lr"], group["weight_decay"]) == (3.5e-4, 5e-4)
    assert [learner.schedule.rate(moment) for moment in moments] == pytest.approx(expected)
    if variant == "full":
        centers = stage.optimizers[CENTERS]
        (group,) = centers.build().param_groups
        assert (group["lr"], group["weight_decay"], group["momentum"]) == (0.5, 0, 0)
        assert {centers.schedule.rate(moment) for moment in moments} == {1.0}


def test_without_erasing_nothing_is_erased(make: Make) -> None:
    (with_it,), (without,) = make("random-erasing").stages(), make("warm-up").stages()
    assert with_it.augmentation.erasing == 0.5
    assert without.augmentation == with_it.augmentation.model_copy(update={"erasing": 0})


def test_quick_is_small_and_keeps_the_tricks(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights) == ("small", "none")
    assert config.sampling.steps_per_epoch is not None
    assert config.epochs * config.sampling.steps_per_epoch <= 500
    tricks = {"warm_up", "random_erasing", "label_smoothing", "last_stride", "neck"}
    tricks |= {"center_loss", "center_weight", "margin"}
    assert config.model_dump(include=tricks) == config_of("paper").model_dump(include=tricks)


def test_without_a_neck_nothing_is_compared_behind_it(config_of: Choose) -> None:
    assert config_of("paper", "last-stride").embedding == "pooled-normalized"
    with pytest.raises(UsageError, match="embedding=neck-normalized needs a neck; use pooled"):
        config_of("paper", "full", "neck=none")


def test_the_small_backbone_has_no_stem_without_relu(config_of: Choose) -> None:
    with pytest.raises(UsageError, match="stem_relu=false is an option of backbone=resnet50"):
        config_of("official-code", "full", "backbone=small")


@pytest.mark.parametrize(
    "assignment",
    [
        "backbone=densenet121",
        "last_stride=3",
        "neck=layer-norm",
        "warm_up=1",
        "label_smoothing=1",
        "margin=-1",
        "center_weight=0",
        "center_optimizer.learning_rate=0",
    ],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}"):
        config_of("paper", "full", assignment)
