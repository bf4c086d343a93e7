"""The presets of distance based training."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core import UsageError
from bench_core.methods import Moment
from bench_distbased.config import DistanceBasedConfig
from bench_distbased.method import LEARNER, DistanceBased

Choose = Callable[..., DistanceBasedConfig]
Make = Callable[..., DistanceBased]


def test_paper_is_the_recipe_of_agw_with_scores_by_distance(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.last_stride, config.weights) == ("resnet50", 1, "imagenet")
    assert (config.image_size, config.epochs) == ((288, 144), 81)
    assert (config.sampling.identities, config.sampling.images) == (8, 4)
    assert (config.scores, config.temperature) == ("distance", 2.0)
    assert (config.cross_modal_triplet, config.margin) == (False, 0.3)
    assert config.embedding == "neck"


def test_backbone_and_prototypes_learn_at_one_rate(make: Make) -> None:
    (stage,) = make().stages()
    plan = stage.optimizers[LEARNER]
    groups = plan.build().param_groups
    assert {group["lr"] for group in groups} == {3.5e-4}
    assert {group["weight_decay"] for group in groups} == {5e-4}
    rates = [
        plan.schedule.rate(Moment(epoch=epoch, step=0, steps=1, epochs=81)) for epoch in range(81)
    ]
    warm_up = [epoch / 10 for epoch in range(1, 11)]
    assert rates == pytest.approx([*warm_up, *[1.0] * 10, *[0.1] * 30, *[0.01] * 31])


@pytest.mark.parametrize(
    ("variant", "changed"),
    [("linear", {"scores": "linear"}), ("triplet", {"cross_modal_triplet": True})],
)
def test_a_variant_changes_one_thing(
    variant: str, changed: dict[str, object], config_of: Choose
) -> None:
    assert config_of("paper").model_copy(update=changed) == config_of("paper", variant)


def test_quick_is_small_and_keeps_the_losses(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights, config.image_size) == ("small", "none", (96, 48))
    assert config.epochs * (config.sampling.steps_per_epoch or 0) <= 350
    losses = {"scores", "temperature", "cross_modal_triplet", "margin"}
    assert config.model_dump(include=losses) == config_of("paper").model_dump(include=losses)


@pytest.mark.parametrize(
    "assignment", ["temperature=0", "margin=-1", "scores=cosine", "backbone=densenet121"]
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}="):
        config_of("paper", "full", assignment)
