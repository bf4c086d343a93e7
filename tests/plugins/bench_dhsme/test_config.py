"""The presets of D-HSME: AGW's recipe, what the description adds, every rate of both stages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_core import UsageError
from bench_core.methods import Moment
from bench_core.testing import stage_of
from bench_dhsme.config import DHSMEConfig
from bench_dhsme.method import DHSME, LEARNER

Choose = Callable[..., DHSMEConfig]

RATES = {
    "hypersphere": [
        *[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
        *[1.0] * 10,
        *[0.1] * 30,
        *[0.01] * 31,
    ],
    "decorrelated": [*[0.1] * 10, *[0.01] * 10],
}
"""Of the base rate, in each epoch of a stage."""


def test_sizes_batches_and_optimiser_are_agws(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.last_stride, config.weights) == ("resnet50", 1, "imagenet")
    assert (config.image_size, config.resize_filter) == ((288, 144), "lanczos")
    augmentation, sampling = config.augmentation, config.sampling
    assert (augmentation.flip, augmentation.padding, augmentation.erasing) == (0.5, 10, 0)
    assert (sampling.identities, sampling.images, sampling.steps_per_epoch) == (8, 4, None)
    assert config.image_draws == "with-replacement"
    optimizer = config.optimizer
    assert (optimizer.kind, optimizer.nesterov, optimizer.momentum) == ("sgd", True, 0.9)


def test_the_description(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.embedding_size, config.scale, config.margin) == (1024, 14, 0.3)
    assert (config.divergence_weight, config.triplet_weight) == (1, 1)
    assert config.decorrelation


@pytest.mark.parametrize("name", list(RATES))
@pytest.mark.parametrize(("part", "base"), [("body", 0.01), ("head", 0.1)])
def test_learning_rates_by_stage_group_and_epoch(
    name: str, part: str, base: float, config_of: Choose
) -> None:
    with torch.device("meta"):
        method = DHSME(config_of("paper"), num_identities=395)
    stage, network = stage_of(method, name), method.networks["network"]
    plan = stage.optimizers[LEARNER]
    group = plan.build().param_groups[("body", "head").index(part)]
    parts = {
        "body": [network.backbone],
        "head": [
            network.centering,
            network.neck,
            *([network.embedding] if name == "hypersphere" else []),
        ],
    }[part]
    expected = {id(value) for each in parts for value in each.parameters() if value.requires_grad}
    assert {id(value) for value in group["params"]} == expected
    rates = [
        group["base_lr"]
        * plan.schedule.rate(Moment(epoch=epoch, step=0, steps=1, epochs=stage.epochs))
        for epoch in range(stage.epochs)
    ]
    assert rates == pytest.approx([base * rate for rate in RATES[name]])


def test_hsme_has_one_stage(config_of: Choose) -> None:
    with torch.device("meta"):
        stages = DHSME(config_of("paper", "hsme"), num_identities=395).stages()
    assert [stage.name for stage in stages] == ["hypersphere"]


def test_what_only_matters_after_the_training_is_marked(config_of: Choose) -> None:
    assert config_of("paper").after_training == {
        "extraction_batch": 128,
        "embedding": "pooled-normalized",
    }


def test_quick_is_small(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights) == ("small", "none")
    assert config.sampling.steps_per_epoch is not None
    epochs = config.epochs + config.decorrelated_epochs
    assert epochs * config.sampling.steps_per_epoch <= 800


@pytest.mark.parametrize(
    "assignment",
    [
        "backbone=densenet121",
        "embedding_size=0",
        "scale=0",
        "margin=-1",
        "divergence_weight=-1",
        "triplet_weight=-1",
        "decorrelated_epochs=0",
        "decorrelation=twice",
        "embedding=last",
    ],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}="):
        config_of("paper", "full", assignment)
