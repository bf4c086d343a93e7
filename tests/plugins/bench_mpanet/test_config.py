"""The presets of MPANet: the facts' values, and what cannot be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core import UsageError
from bench_mpanet.config import MPANetConfig

Choose = Callable[..., MPANetConfig]


def test_paper_is_for_sysu(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.last_stride, config.weights) == ("resnet50", 1, "imagenet")
    assert (config.image_size, config.resize_filter) == ((384, 128), "bilinear")
    assert (config.sampling.identities, config.sampling.images) == (16, 4)
    assert (config.optimizer.kind, config.optimizer.learning_rate) == ("adam", 3.5e-4)
    assert (config.optimizer.weight_decay, config.epochs) == (5e-4, 140)
    assert (config.patterns, config.modality_alleviation, config.mutual_learning) == (6, True, True)
    assert config.loss_weights == {
        "identity": 1.0,
        "center": 1.0,
        "separation": 0.5,
        "modality": 0.5,
        "mutual": 2.5,
    }
    assert (config.center_margin, config.averaging_rate) == (0.7, 0.2)
    assert config.embedding == "neck-normalized"


def test_the_code_counts_the_losses_of_the_modalities_twice(config_of: Choose) -> None:
    paper, code = config_of("paper"), config_of("official-code")
    assert code == paper.model_copy(update={"modality_weight": 2 * paper.modality_weight})


def test_regdb_has_other_images_batches_milestones_and_feature(config_of: Choose) -> None:
    config = config_of("regdb")
    assert config.image_size == (256, 128)
    assert (config.sampling.identities, config.sampling.images) == (12, 5)
    assert config.schedule.milestones == (110,)
    assert config.embedding == "neck"
    as_sysu = {
        name: getattr(config_of("paper"), name)
        for name in ("image_height", "sampling", "schedule", "embedding")
    }
    assert config.model_copy(update=as_sysu) == config_of("paper")


RATES = {
    "paper": [1.0] * 80 + [0.1] * 40 + [0.01] * 20,
    "regdb": [1.0] * 110 + [0.1] * 30,
}


@pytest.mark.parametrize(("preset", "expected"), RATES.items())
def test_the_rate_falls_to_a_tenth_twice_and_once_on_regdb(
    preset: str, expected: list[float], config_of: Choose
) -> None:
    factor = config_of(preset).schedule.factor
    assert [factor(epoch) for epoch in range(140)] == pytest.approx(expected)


def test_averages_move_by_a_fifth_and_from_epoch_100_on_by_less(config_of: Choose) -> None:
    """R = 0.2 min(100 / (E + 1), 1) in epochs E = 1, 2, ... 140."""
    rate = config_of("paper").averaging_rate_of
    expected = [0.2] * 99 + [20 / (number + 1) for number in range(100, 141)]
    assert [rate(number - 1) for number in range(1, 141)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("assignments", "limit"),
    [
        (["image_height=16", "image_width=16"], 16),
        (["image_height=32", "image_width=32", "last_stride=2"], 32),
        (["image_height=63", "image_width=63", "backbone=densenet121"], 63),
    ],
)
def test_gates_need_more_than_one_place(
    assignments: list[str], limit: int, config_of: Choose
) -> None:
    with pytest.raises(UsageError, match=f"shrink to one place.*set image_height above {limit}"):
        config_of("paper", "full", *assignments)
    assert config_of("paper", "baseline", *assignments).patterns == 0


@pytest.mark.parametrize(
    "assignment",
    ["patterns=-1", "modality_weight=-1", "averaging_rate=1.5", "center_margin=-0.1"],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}="):
        config_of("paper", "full", assignment)


def test_quick_keeps_the_losses_of_the_paper(config_of: Choose) -> None:
    quick, paper = config_of("quick"), config_of("paper")
    assert quick.loss_weights == paper.loss_weights
    assert (quick.backbone, quick.image_size) == ("small", (96, 48))
    assert quick.epochs * (quick.sampling.steps_per_epoch or 0) <= 500
