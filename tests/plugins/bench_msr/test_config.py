"""The presets of MSR, the rate of every epoch, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_core import UsageError
from bench_core.methods import Moment
from bench_core.testing import stage_of
from bench_msr.config import MSRConfig
from bench_msr.method import LEARNER, MSR

Choose = Callable[..., MSRConfig]


def test_the_description(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.last_stride, config.weights) == ("resnet50", 1, "imagenet")
    assert (config.image_size, config.embedding_size) == ((256, 128), 512)
    assert (config.constraint_weight, config.constrained) == (0.1, "both")
    assert (config.specific, config.metric, config.warm_start_epochs) == (True, "none", 0)
    sampling, optimizer = config.sampling, config.optimizer
    assert (sampling.identities, sampling.images, sampling.steps_per_epoch) == (8, 4, None)
    assert (optimizer.kind, optimizer.weight_decay) == ("adam", 5e-4)


def test_learning_rates_by_epoch(config_of: Choose) -> None:
    with torch.device("meta"):
        method = MSR(config_of("paper"), num_identities=395)
    plan = stage_of(method, "joint").optimizers[LEARNER]
    (group,) = plan.build().param_groups
    learned = {id(each) for each in method.networks.parameters() if each.requires_grad}
    assert {id(each) for each in group["params"]} == learned
    rates = [
        group["base_lr"] * plan.schedule.rate(Moment(epoch=epoch, step=0, steps=1, epochs=60))
        for epoch in range(60)
    ]
    assert rates == pytest.approx([1e-4] * 40 + [1e-5] * 20)


def test_what_only_matters_after_the_training_is_marked(config_of: Choose) -> None:
    assert config_of("paper").after_training == {
        "extraction_batch": 128,
        "embedding": "neck-normalized",
    }


def test_quick_is_small(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights) == ("small", "none")
    assert config.sampling.steps_per_epoch is not None
    assert (config.warm_start_epochs + config.epochs) * config.sampling.steps_per_epoch <= 700


@pytest.mark.parametrize(
    "assignment",
    [
        "backbone=densenet121",
        "embedding_size=0",
        "constraint_weight=-1",
        "constrained=none",
        "warm_start_epochs=-1",
        "metric=kissme",
        "xqda.ridge=0",
        "embedding=last",
    ],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}="):
        config_of("paper", "full", assignment)


@pytest.mark.parametrize(
    ("variant", "assignment", "message"),
    [
        ("xqda", "embedding=pooled", "metric=xqda is learned of embedding=neck-normalized"),
        ("full", "specific=false", "constrained=both needs the networks of specific=true"),
    ],
)
def test_what_does_not_go_together_is_refused(
    variant: str, assignment: str, message: str, config_of: Choose
) -> None:
    with pytest.raises(UsageError, match=message):
        config_of("paper", variant, assignment)
