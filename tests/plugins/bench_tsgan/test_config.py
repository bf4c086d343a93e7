"""The presets of TS-GAN: the paper's values as printed, and every combination valid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import bench_tsgan
from bench_core import UsageError
from bench_tsgan.config import TSGANConfig

Choose = Callable[..., TSGANConfig]

(SPEC,) = bench_tsgan.bench_register_methods()
VARIANTS = [variant.name for variant in SPEC.variants]
PRESETS = [preset.name for preset in SPEC.presets]
FULL = "full"


def test_paper_holds_what_the_paper_prints(config_of: Choose) -> None:
    """Sec. IV-B."""
    config = config_of("paper")
    assert config.backbone == "resnet50"
    assert config.weights == "imagenet"
    assert config.last_stride == 1
    assert (config.sampling.identities, config.sampling.images) == (8, 4)
    assert config.optimizer.kind == "adam"
    assert config.optimizer.learning_rate == 0.00035
    assert config.optimizer.weight_decay == 0.0005
    assert config.epochs == 120
    assert (config.schedule.milestones, config.schedule.decay) == ((40, 70), 0.3)
    assert (config.identity_weight, config.triplet_weight, config.gan_weight) == (3.0, 1.0, 0.1)
    assert config.margin == 0.3
    assert (config.same_domain_weight, config.cross_domain_weight) == (0.003, 0.006)
    assert config.cycle_weight == 10
    assert (config.discriminator, config.adversarial_form) == ("joint", "log")
    assert config.embedding == "pooled"


def test_the_rate_warms_up_over_ten_epochs_and_falls_twice(config_of: Choose) -> None:
    """From R / 10 to R in equal steps, then x 0.3 when the epochs 40 and 70 start."""
    warm_up = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    expected = [*warm_up, *[1.0] * 29, *[0.3] * 30, *[0.09] * 51]
    for schedule in (config_of("paper").schedule, config_of("paper").teacher_schedule):
        assert [schedule.factor(epoch) for epoch in range(120)] == pytest.approx(expected)


def test_paper_fills_gaps_from_the_strong_baseline_that_it_cites(config_of: Choose) -> None:
    config = config_of("paper")
    assert config.image_size == (256, 128)
    assert config.label_smoothing == 0.1
    assert config.neck == "batch-norm"
    assert (config.augmentation.flip, config.augmentation.padding) == (0.5, 10)
    assert (config.teacher_sampling.identities, config.teacher_sampling.images) == (16, 4)
    assert (config.teacher_epochs, config.teacher_schedule) == (120, config.schedule)


def test_paper_fills_gaps_of_the_gan_from_cyclegan(config_of: Choose) -> None:
    config = config_of("paper")
    assert config.gan_optimizer.learning_rate == 2e-4
    assert config.gan_optimizer.betas == (0.5, 0.999)
    assert config.gan_optimizer.weight_decay == 0
    assert {config.gan_schedule.factor(epoch) for epoch in range(120)} == {1.0}


def test_paper_adds_nothing_that_the_paper_does_not_mention(config_of: Choose) -> None:
    config = config_of("paper")
    assert config.augmentation.erasing == config.erasing == 0
    assert config.stem_relu
    assert config.generation_epochs == 0
    assert not config.maps_guide_generator


def test_strong_baseline_is_what_the_code_of_the_baseline_has(config_of: Choose) -> None:
    config, paper = config_of("strong-baseline"), config_of("paper")
    assert not config.stem_relu
    assert config.embedding == "neck-normalized"
    assert config.erasing == 0.5
    assert (config.identity_weight, config.triplet_weight) == (1, 1)
    for schedule in (config.schedule, config.teacher_schedule):
        assert (schedule.warmup_epochs, schedule.warmup_factor) == (10, 0.01)
        assert (schedule.milestones, schedule.decay) == ((40, 70), 0.1)
        assert [schedule.factor(epoch) for epoch in (0, 1, 8, 9, 38, 39, 68, 69)] == pytest.approx(
            [0.109, 0.208, 0.901, 1.0, 1.0, 0.1, 0.1, 0.01]
        )
    assert config.augmentation == paper.augmentation  # what the generators see is not erased
    assert config.optimizer == paper.optimizer


def test_quick_is_small(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights) == ("small", "none")
    height, width = config.image_size
    assert height * width <= 256 * 128 / 4
    stages = [(config.epochs, config.sampling), (config.teacher_epochs, config.teacher_sampling)]
    assert sum(epochs * (sampling.steps_per_epoch or 10**9) for epochs, sampling in stages) <= 750
    assert max(config.schedule.milestones) <= config.epochs
    assert max(config.teacher_schedule.milestones) <= config.teacher_epochs


def test_quick_keeps_the_losses_of_the_paper(config_of: Choose) -> None:
    names = {
        "identity_weight",
        "triplet_weight",
        "gan_weight",
        "cross_domain_weight",
        "same_domain_weight",
        "cycle_weight",
        "margin",
        "label_smoothing",
        "map_reduction",
        "adversarial_form",
        "maps_guide_generator",
        "discriminator",
    }
    quick, paper = (config_of(name).model_dump(include=names) for name in ("quick", "paper"))
    assert quick == paper


@pytest.mark.parametrize(
    ("variant", "generators", "teacher"),
    [(FULL, True, True), ("od-all-ts", True, True), ("od-single-ts", True, True),
     ("backbone", False, False), ("infrared", False, False), ("visible", False, False)],
)  # fmt: skip
def test_which_variant_has_generators_and_a_teacher(
    variant: str, generators: bool, teacher: bool, config_of: Choose
) -> None:
    config = config_of("paper", variant)
    assert (config.has_generators, config.has_teacher) == (generators, teacher)


def test_a_gan_without_teacher_student_losses_has_no_teacher(config_of: Choose) -> None:
    config = config_of("paper", FULL, "cross_domain_weight=0", "same_domain_weight=0")
    assert config.has_generators
    assert not config.has_teacher


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != FULL])
def test_an_ablation_fixes_what_it_is_named_for(variant: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"the variant 'ts-gan:{variant}' fixes this value"):
        config_of("paper", variant, "discriminator=joint")


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["discriminator=ordinary"], "gan_weight=0.1 needs discriminator=joint.*set gan_weight=0"),
        (["discriminator=none", "gan_weight=0"], "set cross_domain_weight=0 and same_domain_wei"),
        (["learner=infrared"], "learner=infrared trains one network on one modality and no GAN"),
        (["backbone=small", "last_stride=2"], "last_stride=2: an option of backbone=resnet50"),
        (["backbone=small", "stem_relu=false"], "stem_relu=false: .* leave it at true"),
        (["neck=none", "embedding=neck-normalized"], "needs a neck; use pooled-normalized"),
        (["image_height=258"], "images of 258x128 do not fit the GAN: .* multiples of 4"),
        (["image_width=66"], "images of 256x66 do not fit the GAN: .* multiples of 4"),
        (["image_height=32"], "images of 32x128 do not fit the GAN: .* at least 64 and 32"),
        (["image_width=16"], "images of 256x16 do not fit the GAN: .* at least 64 and 32"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_the_way_out(
    assignments: list[str], message: str, config_of: Choose
) -> None:
    with pytest.raises(UsageError, match=message):
        config_of("paper", FULL, *assignments)


def test_what_only_matters_after_the_training_is_marked(config_of: Choose) -> None:
    assert set(config_of("paper").after_training) == {"extraction_batch", "embedding"}


def test_images_of_any_size_fit_the_backbone_alone(config_of: Choose) -> None:
    assert config_of("paper", "backbone", "image_height=33").image_height == 33


@pytest.mark.parametrize(
    "assignment",
    [
        "identity_weight=-1",
        "triplet_weight=-1",
        "gan_weight=-1",
        "cross_domain_weight=-1",
        "same_domain_weight=-1",
        "cycle_weight=-1",
        "margin=-1",
        "label_smoothing=1",
        "erasing=2",
        "generator_width=0",
        "generator_blocks=-1",
        "discriminator_width=0",
        "teacher_epochs=0",
        "generation_epochs=-1",
        "last_stride=3",
        "backbone=resnet18",
        "neck=tall",
        "embedding=last",
        "learner=teacher",
        "discriminator=triple",
        "map_reduction=max",
        "adversarial_form=wasserstein",
        "weights=coco",
        "sampling.identities=1",
    ],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}="):
        config_of("paper", FULL, assignment)
