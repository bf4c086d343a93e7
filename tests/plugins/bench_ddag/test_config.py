"""The presets of DDAG: the published values, and every combination valid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core import UsageError
from bench_ddag.config import DDAGConfig

Choose = Callable[..., DDAGConfig]


def test_paper_holds_the_published_values(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.last_stride, config.stem_relu) == ("resnet50", 1, True)
    assert (config.image_size, config.resize_filter) == ((288, 144), "lanczos")
    assert config.weights == "imagenet"
    assert (config.sampling.identities, config.sampling.images) == (8, 4)
    assert config.image_draws == "with-replacement"
    assert (config.num_parts, config.graph_heads, config.graph_dropout) == (3, 4, 0.2)
    assert config.triplet_margin == 0.3
    assert config.epochs == 81
    assert (config.weighted_parts, config.graph_attention) == (True, True)
    assert (config.scored_by, config.embedding) == ("attended", "neck-normalized")


def test_paper_optimises_as_agw_does(config_of: Choose) -> None:
    optimizer = config_of("paper").optimizer
    assert (optimizer.kind, optimizer.momentum, optimizer.nesterov) == ("sgd", 0.9, True)
    assert (optimizer.learning_rate, optimizer.weight_decay) == (0.1, 5e-4)


def test_paper_pads_crops_and_flips_and_erases_nothing(config_of: Choose) -> None:
    augmentation = config_of("paper").augmentation
    assert (augmentation.padding, augmentation.flip, augmentation.erasing) == (10, 0.5, 0)


def test_the_schedule_epoch_by_epoch(config_of: Choose) -> None:
    factor = config_of("paper").schedule.factor
    warm_up = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    expected = [*warm_up, *[1.0] * 10, *[0.1] * 30, *[0.01] * 31]
    assert [factor(epoch) for epoch in range(81)] == pytest.approx(expected)


def test_quick_is_small_and_keeps_the_method(config_of: Choose) -> None:
    quick, paper = config_of("quick"), config_of("paper")
    assert (quick.backbone, quick.weights, quick.image_size) == ("small", "none", (96, 48))
    assert quick.sampling.identities * quick.sampling.images <= 32
    assert quick.sampling.steps_per_epoch is not None
    assert quick.epochs * quick.sampling.steps_per_epoch <= 500
    names = {
        *("weighted_parts", "num_parts", "graph_attention", "graph_heads", "graph_dropout"),
        *("triplet_margin", "scored_by", "embedding", "image_draws"),
    }
    assert quick.model_dump(include=names) == paper.model_dump(include=names)


def test_what_only_matters_after_the_training_is_marked(config_of: Choose) -> None:
    assert config_of("paper").after_training == {
        "extraction_batch": 128,
        "embedding": "neck-normalized",
        "scored_by": "attended",
    }


def test_without_parts_nothing_is_scored_by_them(config_of: Choose) -> None:
    with pytest.raises(UsageError, match="scored_by=attended needs weighted_parts=true"):
        config_of("paper", "full", "weighted_parts=false")
    assert config_of("paper", "full", "weighted_parts=false", "scored_by=global")


@pytest.mark.parametrize(
    ("variant", "assignment"),
    [
        ("baseline", "weighted_parts=true"),
        ("baseline", "graph_attention=true"),
        ("iwpa", "graph_attention=true"),
        ("cgsa", "scored_by=attended"),
    ],
)
def test_a_row_fixes_what_it_is_named_for(variant: str, assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"the variant 'ddag:{variant}' fixes this value"):
        config_of("paper", variant, assignment)


@pytest.mark.parametrize(
    "assignment",
    [
        "num_parts=0",
        "graph_heads=0",
        "graph_heads=65",
        "graph_dropout=1",
        "triplet_margin=-1",
        "scored_by=parts",
        "embedding=attended",
        "body_rate_scale=0",
    ],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}="):
        config_of("paper", "full", assignment)
