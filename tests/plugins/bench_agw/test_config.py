"""The presets of AGW: the recipe of its public code, and every combination valid."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_agw.config import AGWConfig
from bench_agw.method import AGW, LEARNER
from bench_core import UsageError
from bench_core.methods import Moment

Choose = Callable[..., AGWConfig]

WARM_UP = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
RATES = [*WARM_UP, *[1.0] * 10, *[0.1] * 30, *[0.01] * 31]
"""Of the base rate, in epochs 0 to 80."""


@pytest.mark.parametrize("preset", ["paper", "official-code"])
def test_sizes_batches_and_optimiser_are_those_of_the_public_code(
    preset: str, config_of: Choose
) -> None:
    config = config_of(preset)
    assert (config.backbone, config.last_stride, config.weights) == ("resnet50", 1, "imagenet")
    assert (config.image_size, config.resize_filter) == ((288, 144), "lanczos")
    augmentation = config.augmentation
    assert (augmentation.flip, augmentation.padding, augmentation.erasing) == (0.5, 10, 0)
    sampling = config.sampling
    assert (sampling.identities, sampling.images, sampling.steps_per_epoch) == (8, 4, None)
    assert config.image_draws == "with-replacement"
    assert config.epochs == 81
    optimizer = config.optimizer
    assert (optimizer.kind, optimizer.nesterov, optimizer.momentum) == ("sgd", True, 0.9)
    assert optimizer.weight_decay == 5e-4
    assert (config.gem_power, config.margin) == (3, 0.3)
    assert (config.embedding, config.flip) == ("neck-normalized", "none")


def test_the_code_has_narrow_attention_and_no_weight_for_far_negatives(config_of: Choose) -> None:
    paper, code = config_of("paper"), config_of("official-code")
    assert (paper.attention_width, paper.weight_floor) == ("half", 0)
    assert paper.model_copy(update={"attention_width": "one", "weight_floor": 1e-6}) == code


@pytest.mark.parametrize(("part", "base"), [("body", 0.01), ("head", 0.1)])
def test_learning_rates_by_group_and_epoch(part: str, base: float, config_of: Choose) -> None:
    with torch.device("meta"):
        method = AGW(config_of("paper"), num_identities=395)
    (stage,) = method.stages()
    plan = stage.optimizers[LEARNER]
    group = plan.build().param_groups[("body", "head").index(part)]
    neck = {id(value) for value in method.networks["network"].neck.parameters()}
    assert all((id(value) in neck) == (part == "head") for value in group["params"])
    rates = [
        group["base_lr"] * plan.schedule.rate(Moment(epoch=epoch, step=0, steps=1, epochs=81))
        for epoch in range(81)
    ]
    assert rates == pytest.approx([base * rate for rate in RATES])


def test_what_only_matters_after_the_training_is_marked(config_of: Choose) -> None:
    assert config_of("paper").after_training == {
        "extraction_batch": 128,
        "embedding": "neck-normalized",
        "flip": "none",
    }


def test_quick_is_small_and_keeps_the_method(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights) == ("small", "none")
    assert config.sampling.steps_per_epoch is not None
    assert config.epochs * config.sampling.steps_per_epoch <= 500
    method = {"attention", "attention_width", "pooling", "gem_power", "triplet"}
    assert config.model_dump(include=method) == config_of("paper").model_dump(include=method)


@pytest.mark.parametrize(
    "assignment",
    [
        "backbone=densenet121",
        "attention_width=2",
        "pooling=max",
        "gem_power=0.5",
        "triplet=none",
        "margin=-1",
        "flip=twice",
        "embedding=last",
        "image_draws=all",
        "body_rate_scale=0",
    ],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}="):
        config_of("paper", "full", assignment)
