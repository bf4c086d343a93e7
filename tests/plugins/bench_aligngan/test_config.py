"""The presets of AlignGAN: the paper's values as printed, and every combination valid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import bench_aligngan
from bench_aligngan.config import AlignGANConfig
from bench_core import UsageError

Choose = Callable[..., AlignGANConfig]

(SPEC,) = bench_aligngan.bench_register_methods()
VARIANTS = [variant.name for variant in SPEC.variants]
PRESETS = [preset.name for preset in SPEC.presets]


def test_paper_holds_what_the_paper_prints(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.weights) == ("resnet50", "imagenet")
    assert (config.sampling.identities, config.sampling.images) == (18, 4)
    assert (config.pixel_sampling.identities, config.pixel_sampling.images) == (18, 4)
    assert config.cycle_weight == 10
    assert config.pixel_identity_weight == 1.0
    assert config.pixel_triplet_share == 0.5
    assert config.feature_gan_weight == 0.1
    assert config.triplet_margin == 1.0
    assert (config.hidden_features, config.classifier_dropout) == (256, 0.5)
    assert (config.classifier_dropout_at, config.classifier_slope) == ("hidden", 0)
    assert (config.adversarial_form, config.fooling_pairs) == ("log", "all")
    assert (config.pixel_gan_weight, config.discriminator_weight) == (1, 1)
    assert config.same_modality_weight == 0


def test_paper_holds_the_papers_optimisers_and_schedule(config_of: Choose) -> None:
    """10,000 iterations, decayed by 0.1 after 5,000; SGD at 0.02 and 0.2, Adam at 0.0002."""
    config = config_of("paper")
    steps = config.sampling.steps_per_epoch
    assert steps is not None
    assert config.epochs * steps == 10_000
    assert [milestone * steps for milestone in config.schedule.milestones] == [5_000]
    assert (config.schedule.decay, config.schedule.warmup_epochs) == (0.1, 0)
    assert (config.feature_optimizer.kind, config.gan_optimizer.kind) == ("sgd", "adam")
    assert config.feature_optimizer.learning_rate == 0.02
    assert config.feature_optimizer.learning_rate * config.head_rate_scale == pytest.approx(0.2)
    assert config.gan_optimizer.learning_rate == 0.0002
    assert (config.augmentation.flip, config.augmentation.padding) == (0.5, 0)
    assert config.augmentation.erasing == 0


def test_paper_fills_gaps_from_the_authors_code(config_of: Choose) -> None:
    config = config_of("paper")
    assert config.image_size == (128, 128)
    assert config.backbone_size == (384, 192)
    assert config.last_stride == 1
    steps = config.sampling.steps_per_epoch
    assert steps is not None
    assert config.encoder_warmup_epochs * steps == 5_000
    assert config.pixel_warmup_epochs * steps == 10_000
    feature = config.feature_optimizer
    assert (feature.momentum, feature.nesterov, feature.weight_decay) == (0.9, True, 5e-4)
    assert (config.gan_optimizer.betas, config.gan_optimizer.weight_decay) == ((0.5, 0.999), 0)
    assert (config.generator_width, config.generator_blocks) == (64, 4)
    assert config.discriminator_width == 64


def test_paper_takes_the_expectation_of_eq_3_and_cyclegans_form_of_its_losses(
    config_of: Choose,
) -> None:
    config = config_of("paper")
    assert config.mining == "all"
    assert config.visible_adversarial_form == "least-squares"
    assert config.feature_identity_weight == 1


def test_official_code_learns_pixels_from_sixteen_images_a_modality(config_of: Choose) -> None:
    part = config_of("official-code").pixel_sampling
    assert (part.identities, part.images) == (4, 4)


def test_quick_is_small(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights) == ("small", "none")
    assert config.image_size == config.backbone_size == (96, 48)
    steps = config.sampling.steps_per_epoch
    assert steps is not None
    total = config.encoder_warmup_epochs + config.pixel_warmup_epochs + config.epochs
    assert total * steps <= 900
    assert max(config.schedule.milestones) < config.epochs
    assert config.generator_width <= 16


def test_quick_keeps_the_losses_of_the_paper(config_of: Choose) -> None:
    names = {
        "adversarial_form",
        "fooling_pairs",
        "feature_gan_weight",
        "pixel_identity_weight",
        "pixel_triplet_share",
        "pixel_gan_weight",
        "cycle_weight",
        "same_modality_weight",
        "discriminator_weight",
        "feature_identity_weight",
        "visible_adversarial_form",
        "mining",
        "triplet_margin",
        "pixel_alignment",
        "discriminators",
    }
    quick, paper = (config_of(name).model_dump(include=names) for name in ("quick", "paper"))
    assert quick == paper


@pytest.mark.parametrize(
    ("variant", "assignment"),
    [
        ("baseline", "pixel_alignment=true"),
        ("baseline", "feature_gan_weight=0.1"),
        ("pixalign", "feature_gan_weight=0.1"),
        ("featalign", "pixel_alignment=true"),
        ("aligngan-minus", "discriminators=joint"),
    ],
)
def test_an_ablation_fixes_what_it_is_named_for(
    variant: str, assignment: str, config_of: Choose
) -> None:
    with pytest.raises(UsageError, match=f"the variant 'aligngan:{variant}' fixes this value"):
        config_of("paper", variant, assignment)


def test_the_parameters_of_fig_4_are_settable(config_of: Choose) -> None:
    config = config_of("paper", "full", "pixel_identity_weight=0.5", "feature_gan_weight=0.05")
    assert (config.pixel_identity_weight, config.feature_gan_weight) == (0.5, 0.05)


def test_pixalign_may_have_a_discriminator_of_images_alone(config_of: Choose) -> None:
    assert config_of("paper", "pixalign").discriminators == "joint"
    config = config_of("paper", "pixalign", "discriminators=separate")
    assert config.discriminators == "separate"


def test_the_pixel_part_is_never_larger_than_the_batch(config_of: Choose) -> None:
    config = config_of("official-code", "full", "sampling.identities=3", "sampling.images=2")
    assert (config.pixel_sampling.identities, config.pixel_sampling.images) == (3, 2)
    assert config.pixel_sampling.steps_per_epoch == config.sampling.steps_per_epoch


def test_a_joint_discriminator_needs_images_to_judge(config_of: Choose) -> None:
    with pytest.raises(UsageError, match="needs pixel_alignment; set discriminators=separate"):
        config_of("paper", "full", "pixel_alignment=false")


def test_images_too_small_for_a_discriminator_are_refused(config_of: Choose) -> None:
    with pytest.raises(UsageError, match="32x60 leave a discriminator a single patch"):
        config_of("paper", "full", "image_height=32", "image_width=60")
    assert config_of("paper", "full", "image_height=32", "image_width=64").image_size == (32, 64)


@pytest.mark.parametrize(
    "assignment",
    [
        "image_height=130",
        "feature_gan_weight=-0.1",
        "pixel_identity_weight=-1",
        "pixel_triplet_share=-1",
        "pixel_gan_weight=-1",
        "cycle_weight=-1",
        "same_modality_weight=-1",
        "discriminator_weight=0",
        "triplet_margin=-1",
        "classifier_dropout=1",
        "classifier_dropout_at=output",
        "adversarial_form=hinge",
        "visible_adversarial_form=hinge",
        "mining=soft",
        "batch_statistics=none",
        "feature_identity_weight=-1",
        "fooling_pairs=none",
        "discriminators=three",
        "pixel_identities=1",
        "head_rate_scale=0",
        "generator_width=0",
        "last_stride=3",
        "backbone=resnet18",
        "sampling.identities=1",
    ],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}="):
        config_of("paper", "full", assignment)
