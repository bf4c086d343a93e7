"""The presets of DEEN: the values of the authors' code, and what cannot be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core import UsageError
from bench_deen.config import DEENConfig

Choose = Callable[..., DEENConfig]
OF_THE_CODE = ["paper", "paper-llcm", "paper-regdb"]


def test_paper_holds_the_values_of_the_code(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.weights) == ("resnet50", "imagenet")
    assert (config.last_stage, config.last_stride) == (4, 1)
    assert (config.image_size, config.resize_filter) == ((384, 144), "lanczos")
    assert (config.feature_aggregation, config.embedding_expansion) == (True, True)
    assert config.expansion_dropout == 0.01
    assert (config.triplet_margin, config.pair_margin) == (0.3, 0.2)
    assert (config.pair_mining_weight, config.orthogonality_weight) == (0.8, 0.01)
    assert (config.pooled_weight, config.neck_weight) == (1, 1)
    assert config.flip_at_test == "sum"
    assert config.epochs == 151
    sampling = config.sampling
    assert (sampling.identities, sampling.images, sampling.steps_per_epoch) == (6, 4, None)
    assert config.image_draws == "with-replacement"
    optimizer = config.optimizer
    assert (optimizer.kind, optimizer.momentum, optimizer.nesterov) == ("sgd", 0.9, True)
    assert optimizer.weight_decay == 5e-4


@pytest.mark.parametrize(
    ("preset", "area", "last_stage"),
    [
        ("paper", (0.2, 0.8), 4),
        ("paper-llcm", (0.02, 0.4), 4),
        ("paper-regdb", (0.02, 0.4), 3),
    ],
)
def test_data_sets_differ_in_erased_area_and_last_stage_alone(
    preset: str, area: tuple[float, float], last_stage: int, config_of: Choose
) -> None:
    config = config_of(preset)
    assert (config.erased_area, config.last_stage) == (area, last_stage)
    as_sysu = {"erased_area": (0.2, 0.8), "last_stage": 4}
    assert config.model_copy(update=as_sysu) == config_of("paper")


@pytest.mark.parametrize("preset", OF_THE_CODE)
def test_rates_of_body_and_head_epoch_by_epoch(preset: str, config_of: Choose) -> None:
    config = config_of(preset)
    tenths = [0.1 * tenth for tenth in range(1, 11)]
    head = [*(0.1 * share for share in tenths), *[0.1] * 10, *[0.01] * 60, *[0.001] * 71]
    rate, factor = config.optimizer.learning_rate, config.schedule.factor
    assert [rate * factor(epoch) for epoch in range(config.epochs)] == pytest.approx(head)
    assert config.body_rate_scale == 0.1


def test_what_only_matters_after_the_training_is_marked(config_of: Choose) -> None:
    assert config_of("paper").after_training == {
        "extraction_batch": 128,
        "embedding": "neck-normalized",
        "pooled_weight": 1.0,
        "neck_weight": 1.0,
        "flip_at_test": "sum",
    }


def test_quick_is_small_and_keeps_networks_and_losses(config_of: Choose) -> None:
    config, paper = config_of("quick"), config_of("paper")
    assert (config.backbone, config.weights, config.image_size) == ("small", "none", (96, 48))
    assert config.epochs * (config.sampling.steps_per_epoch or 0) <= 500
    assert max(config.schedule.milestones) <= config.epochs
    assert config.loss_weights == paper.loss_weights
    assert (config.triplet_margin, config.pair_margin) == (0.3, 0.2)
    assert config.last_stage == 4


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["pooled_weight=0", "neck_weight=0"], "pooled_weight and neck_weight cannot both be 0"),
        (["erased_area=[0.4, 0.2]"], r"erased_area=\[0.4, 0.2\]: the first must not be above"),
        (["last_stage=3", "last_stride=2"], "last_stride is the stride of stage 4"),
        (["image_height=336", "image_width=144"], "images of 336x144 have maps of 21x9 places"),
        (["backbone=densenet121"], "backbone"),
        (["embedding=pooled"], "embedding"),
        (["last_stage=2"], "last_stage"),
        (["erased_area=[0, 0.4]"], "erased_area"),
        (["pair_mining_weight=-1"], "pair_mining_weight"),
        (["orthogonality_weight=-1"], "orthogonality_weight"),
        (["pooled_weight=-1"], "pooled_weight"),
        (["expansion_dropout=1"], "expansion_dropout"),
        (["grayscale=1.5"], "grayscale"),
    ],
)
def test_what_cannot_be_is_refused(assignments: list[str], message: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=message):
        config_of("paper", "full", *assignments)


@pytest.mark.parametrize(
    ("assignments", "fits"),
    [
        (["image_height=336", "image_width=144", "last_stage=3"], True),  # no map of 21x9
        (["image_height=56", "image_width=24", "last_stage=3", "backbone=small"], False),  # 7x3
        (["image_height=18", "image_width=18", "last_stage=3"], False),  # 5x5 behind the stem
    ],
)
def test_only_maps_that_are_aggregated_need_halves(
    assignments: list[str],
    fits: bool,
    config_of: Choose,
) -> None:
    if not fits:
        with pytest.raises(UsageError, match="cannot part into halves"):
            config_of("paper", "full", *assignments)
    config_of("paper", "full" if fits else "dee", *assignments)


def test_without_aggregation_any_size_will_do(config_of: Choose) -> None:
    assert config_of("paper", "dee", "image_height=336").image_size == (336, 144)
