"""The presets of CAJ: AGW's recipe and what CAJ changes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_caj.config import CAJConfig
from bench_caj.method import CAJ, LEARNER
from bench_core import UsageError
from bench_core.methods import Moment, TwoStreamRecipe

Choose = Callable[..., CAJConfig]

WARM_UP = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
RATES = [*WARM_UP, *[1.0] * 10, *[0.1] * 30, *[0.01] * 50]
"""Of the base rate, in epochs 0 to 99."""
CHANGED = {"embedding", "epochs", "augmentation"}


def test_the_recipe_is_that_of_agw_but_for_epochs_and_augmentation(config_of: Choose) -> None:
    agw = TwoStreamRecipe().model_dump(exclude=CHANGED)
    assert config_of("paper").model_dump(include=set(agw)) == agw
    assert config_of("paper").epochs == 100


def test_what_the_paper_adds(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.channel_exchange, config.channel_erasing) == (True, True)
    assert (config.triplet, config.triplet_scale) == ("squared", 1)
    assert (config.triplet_feature, config.weight_floor) == ("pooled", 0)
    assert (config.clipping.norm, config.clipping.value) == (None, None)
    augmentation = config.augmentation
    assert (augmentation.flip, augmentation.padding, augmentation.erasing) == (0.5, 10, 0.5)
    assert (config.embedding, config.flip) == ("neck-normalized", "mean-normalized")


def test_the_code_has_narrow_attention_and_no_weight_for_far_negatives(config_of: Choose) -> None:
    paper, code = config_of("paper"), config_of("official-code")
    assert (paper.attention_width, paper.weight_floor) == ("half", 0)
    assert paper.model_copy(update={"attention_width": "one", "weight_floor": 1e-6}) == code


@pytest.mark.parametrize(("group", "base"), [(0, 0.01), (1, 0.1)], ids=["body", "head"])
def test_learning_rates_by_group_and_epoch(group: int, base: float, config_of: Choose) -> None:
    with torch.device("meta"):
        method = CAJ(config_of("paper"), num_identities=395)
    plan = method.stages()[0].optimizers[LEARNER]
    found = plan.build().param_groups[group]
    neck = {id(value) for value in method.networks["network"].neck.parameters()}
    assert all((id(value) in neck) == bool(group) for value in found["params"])
    rates = [
        found["base_lr"] * plan.schedule.rate(Moment(epoch=epoch, step=0, steps=1, epochs=100))
        for epoch in range(100)
    ]
    assert rates == pytest.approx([base * rate for rate in RATES])


def test_what_only_matters_after_the_training_is_marked(config_of: Choose) -> None:
    assert config_of("paper").after_training == {
        "extraction_batch": 128,
        "embedding": "neck-normalized",
        "flip": "mean-normalized",
    }


def test_quick_is_small_and_keeps_the_method(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights) == ("small", "none")
    assert config.sampling.steps_per_epoch is not None
    assert config.epochs * config.sampling.steps_per_epoch <= 720
    method = {"attention_width", "gem_power", "channel_exchange", "channel_erasing"}
    method |= {"triplet", "triplet_scale"}
    assert config.triplet_feature == "pooled-normalized"
    assert config.model_dump(include=method) == config_of("paper").model_dump(include=method)


@pytest.mark.parametrize(
    "assignment",
    [
        "backbone=densenet121",
        "attention_width=2",
        "gem_power=0.5",
        "triplet=none",
        "triplet_scale=0",
        "triplet_feature=neck",
        "weight_floor=-1",
        "clipping.norm=0",
        "flip=twice",
    ],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}"):
        config_of("paper", "full", assignment)
