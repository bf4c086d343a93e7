"""The presets of PMT: the values of the authors' code, and every combination valid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import bench_pmt
from bench_core import UsageError
from bench_pmt.config import PMTConfig

Choose = Callable[..., PMTConfig]

(SPEC,) = bench_pmt.bench_register_methods()


def test_the_transformer_is_that_of_the_authors_code(config_of: Choose) -> None:
    config = config_of("paper")
    size = config.transformer
    assert (size.patch_size, size.patch_stride) == (16, 12)
    assert (size.width, size.depth, size.heads, size.mlp_ratio) == (768, 12, 12, 4)
    assert (size.dropout, size.stochastic_depth, size.norm_eps) == (0.03, 0.1, 1e-5)
    assert (config.weights, size.imagenet) == ("imagenet", "timm")
    assert (config.image_size, config.resize_filter) == ((256, 128), "lanczos")
    assert size.grid(config.image_size) == (21, 10)


def test_the_training_is_that_of_the_authors_code(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.epochs, config.gray_epochs) == (24, 6)
    assert config.margin == 0.1
    assert (config.enhancement_weight, config.center_weight) == (0.5, 0.5)
    assert (config.sampling.identities, config.sampling.images) == (8, 4)
    assert config.image_draws == "without-replacement"
    assert config.optimizer.kind == "adamw"
    assert (config.optimizer.learning_rate, config.optimizer.weight_decay) == (3e-4, 1e-4)
    assert config.body_rate_scale == 0.5
    schedule = config.schedule
    assert (schedule.warmup_epochs, schedule.first_rate, schedule.last_rate) == (3, 3e-6, 3e-6)
    assert config.embedding == "neck-normalized"


def test_the_augmentation_is_that_of_the_authors_code(config_of: Choose) -> None:
    config = config_of("paper")
    augmentation = config.augmentation
    assert (augmentation.flip, augmentation.padding, augmentation.erasing) == (0.5, 0, 0.5)
    assert (config.infrared_brightness, config.infrared_contrast) == (0.3, 0.3)
    assert (config.infrared_blur_kernel, config.infrared_blur_sigma) == (21, (0.1, 3.0))


def test_quick_is_small_and_keeps_the_losses_and_the_grey_epochs(config_of: Choose) -> None:
    quick, paper = config_of("quick"), config_of("paper")
    assert quick.weights == "none"
    assert quick.transformer.width <= 128
    assert quick.transformer.patch_stride < quick.transformer.patch_size
    assert quick.sampling.steps_per_epoch is not None
    assert quick.epochs * quick.sampling.steps_per_epoch <= 750
    kept = {"margin", "enhancement_weight", "center_weight", "gray_epochs", "epochs", "embedding"}
    assert quick.model_dump(include=kept) == paper.model_dump(include=kept)


def test_what_only_matters_after_the_training_is_marked(config_of: Choose) -> None:
    assert set(config_of("paper").after_training) == {"extraction_batch", "embedding"}


@pytest.mark.parametrize(
    ("variant", "key"), [(known.name, key) for known in SPEC.variants for key in known.values]
)
def test_an_ablation_fixes_what_it_is_named_for(variant: str, key: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"the variant 'pmt:{variant}' fixes this value"):
        config_of("paper", variant, f"{key}=1")


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["gray_epochs=25"], "gray_epochs=25 are the first of epochs=24"),
        (["sampling.images=1"], "set sampling.images to at least 2, or enhancement_weight=0"),
        (["infrared_blur_kernel=4"], "infrared_blur_kernel=4 has no middle; it must be odd"),
        (["image_width=16", "infrared_blur_kernel=33"], "too large for images of 256x16"),
        (["infrared_blur_sigma=[2, 1]"], r"infrared_blur_sigma=\[2, 1\]: the first must not be"),
        (["infrared_blur_sigma=[0, 1]"], "--set infrared_blur_sigma.0=0: "),
        (["infrared_brightness=2"], "--set infrared_brightness=2: "),
        (["infrared_contrast=-1"], "--set infrared_contrast=-1: "),
        (["gray_epochs=-1"], "--set gray_epochs=-1: "),
        (["margin=-1"], "--set margin=-1: "),
        (["enhancement_weight=-1"], "--set enhancement_weight=-1: "),
        (["center_weight=-1"], "--set center_weight=-1: "),
        (["image_draws=all"], "--set image_draws="),
    ],
)
def test_what_cannot_be_is_refused(assignments: list[str], message: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=message):
        config_of("paper", "full", *assignments)


def test_one_image_of_an_identity_suffices_without_msel(config_of: Choose) -> None:
    assert config_of("paper", "dcl", "sampling.images=1").sampling.images == 1
    assert config_of("paper", "full", "image_width=16", "infrared_blur_kernel=31").image_width == 16
