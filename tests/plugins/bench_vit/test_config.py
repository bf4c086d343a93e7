"""The presets of ViT: the strong baseline's losses and augmentation, PMT's optimiser."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core import UsageError
from bench_vit.config import ViTConfig

Choose = Callable[..., ViTConfig]


def test_paper_is_vit_b_16_on_patches_side_by_side(config_of: Choose) -> None:
    config = config_of("paper")
    size = config.transformer
    assert (size.patch_size, size.patch_stride) == (16, 16)
    assert (size.width, size.depth, size.heads, size.mlp_ratio) == (768, 12, 12, 4)
    assert (size.dropout, size.stochastic_depth, size.norm_eps) == (0.0, 0.0, 1e-6)
    assert (config.weights, size.imagenet) == ("imagenet", "torchvision")
    assert config.image_size == (256, 128)
    assert size.grid(config.image_size) == (16, 8)


def test_paper_has_losses_and_augmentation_of_the_bag_of_tricks(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.label_smoothing, config.margin) == (0.1, 0.3)
    augmentation = config.augmentation
    assert (augmentation.flip, augmentation.padding, augmentation.erasing) == (0.5, 10, 0.5)
    assert config.embedding == "neck-normalized"


def test_paper_is_optimised_as_pmt_is(config_of: Choose) -> None:
    config = config_of("paper")
    assert config.optimizer.kind == "adamw"
    assert (config.optimizer.learning_rate, config.optimizer.weight_decay) == (3e-4, 1e-4)
    assert config.body_rate_scale == 0.5
    assert config.epochs == 24
    schedule = config.schedule
    assert (schedule.warmup_epochs, schedule.first_rate, schedule.last_rate) == (3, 3e-6, 3e-6)
    assert (config.sampling.identities, config.sampling.images) == (8, 4)


def test_quick_is_small_and_does_without_what_a_random_start_does_not_bear(
    config_of: Choose,
) -> None:
    quick, paper = config_of("quick"), config_of("paper")
    assert quick.weights == "none"
    assert quick.transformer.width <= 128
    assert quick.sampling.steps_per_epoch is not None
    assert quick.epochs * quick.sampling.steps_per_epoch <= 750
    assert (quick.embedding, quick.margin) == (paper.embedding, paper.margin)
    assert (quick.triplet_weight, paper.triplet_weight) == (0, 1)


def test_what_only_matters_after_the_training_is_marked(config_of: Choose) -> None:
    assert set(config_of("paper").after_training) == {"extraction_batch", "embedding"}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("label_smoothing=1", "--set label_smoothing=1: "),
        ("margin=-1", "--set margin=-1: "),
        ("body_rate_scale=0", "--set body_rate_scale=0: "),
        ("schedule.first_rate=-1", "--set schedule.first_rate=-1: "),
        ("backbone=resnet50", "unknown configuration key 'backbone'"),
        ("transformer.patch_stride=17", "transformer=.*patch_stride=17 leaves pixels between"),
        ("transformer.heads=5", "transformer=.*a width of 768 does not part into 5 heads"),
        ("transformer.patch_size=200", "images of 256x128 hold no patch of 200 pixels"),
    ],
)
def test_what_cannot_be_is_refused(assignment: str, message: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=message):
        config_of("paper", "full", assignment)
