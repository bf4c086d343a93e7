"""The presets: what is known of the paper's settings, what a re-implementation changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_core import UsageError
from bench_core.methods import Moment
from bench_zeropadding.config import IdentityNetworkConfig
from bench_zeropadding.method import LEARNER, IdentityNetwork

Choose = Callable[..., IdentityNetworkConfig]
Make = Callable[..., IdentityNetwork]

METHODS = ["one-stream", "two-stream", "zero-padding"]


@pytest.mark.parametrize("method", METHODS)
def test_the_papers_networks_are_trained_alike(method: str, config_of: Choose) -> None:
    config = config_of(method, "paper")
    assert (config.backbone, config.weights, config.image_size) == ("resnet6", "none", (224, 224))
    optimizer = config.optimizer
    assert (optimizer.kind, optimizer.learning_rate) == ("sgd", 0.001)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, False)
    assert optimizer.weight_decay == 0.0005
    sampling = config.sampling
    assert 2 * sampling.identities * sampling.images == 64
    assert sampling.steps_per_epoch is None
    assert config.embedding == "pooled"


@pytest.mark.parametrize("method", METHODS)
def test_images_move_by_up_to_a_tenth_and_nothing_else(method: str, config_of: Choose) -> None:
    config = config_of(method, "paper")
    augmentation = config.augmentation
    assert (augmentation.flip, augmentation.erasing) == (0, 0)
    assert augmentation.padding == config.image_height // 10 == config.image_width // 10


@pytest.mark.parametrize("method", METHODS)
def test_the_rate_stays_as_it_is(method: str, make: Make) -> None:
    (stage,) = make(method).stages()
    plan = stage.optimizers[LEARNER]
    (group,) = plan.build().param_groups
    assert (group["lr"], group["weight_decay"], group["momentum"]) == (0.001, 0.0005, 0.9)
    moments = [Moment(epoch=epoch, step=0, steps=1, epochs=100) for epoch in range(stage.epochs)]
    assert {plan.schedule.rate(moment) for moment in moments} == {1.0}


def test_the_reimplementation_differs_by_its_backbone_alone(config_of: Choose) -> None:
    paper, theirs = config_of("zero-padding"), config_of("zero-padding", "third-party-code")
    changed = {"backbone": "resnet50", "last_stride": 2, "weights": "imagenet"}
    assert paper.model_copy(update=changed) == theirs


@pytest.mark.parametrize("method", METHODS)
def test_the_stem_of_a_resnet_is_as_it_is_asked_for(method: str, config_of: Choose) -> None:
    relus = []
    for asked in ("true", "false"):
        config = config_of(method, "paper", "full", "backbone=resnet50", f"stem_relu={asked}")
        with torch.device("meta"):
            body = config.build_backbone().body
        relus.append(isinstance(dict(body.named_children())["relu"], torch.nn.ReLU))
    assert relus == [True, False]


def test_two_streams_are_split_behind_the_first_stage(config_of: Choose) -> None:
    assert config_of("two-stream").private_stages == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", METHODS)
def test_quick_is_small(method: str, config_of: Choose) -> None:
    config = config_of(method, "quick")
    assert (config.backbone, config.weights, config.image_size) == ("small", "none", (96, 48))
    assert config.sampling == config_of(method).sampling.model_copy(update={"steps_per_epoch": 25})
    assert config.epochs * 25 <= 350


@pytest.mark.parametrize("method", METHODS)
def test_only_what_is_compared_matters_after_the_training(method: str, config_of: Choose) -> None:
    marked = {"embedding": "pooled", "extraction_batch": 128}
    assert config_of(method).after_training == marked


@pytest.mark.parametrize(
    ("method", "assignment"),
    [
        ("one-stream", "backbone=densenet121"),
        ("one-stream", "embedding=neck"),
        ("one-stream", "private_stages=1"),
        ("two-stream", "private_stages=4"),
        ("zero-padding", "last_stride=2"),  # of ResNet-50 alone
        ("zero-padding", "stem_relu=false"),
    ],
)
def test_what_cannot_be_is_refused(method: str, assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=assignment.partition("=")[0]):
        config_of(method, "paper", "full", assignment)


def test_the_variant_fixes_its_classifiers(config_of: Choose) -> None:
    assert config_of("one-stream", "paper", "asymmetric-fc").own_classifiers
    with pytest.raises(UsageError, match="'one-stream:asymmetric-fc' fixes this value"):
        config_of("one-stream", "paper", "asymmetric-fc", "own_classifiers=false")
