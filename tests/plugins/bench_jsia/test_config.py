"""The presets of JSIA: the papers' values as printed, and every combination valid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import bench_jsia
from bench_core import UsageError
from bench_jsia.config import JSIAConfig

Choose = Callable[..., JSIAConfig]

(SPEC,) = bench_jsia.bench_register_methods()
VARIANTS = [variant.name for variant in SPEC.variants]
PRESETS = [preset.name for preset in SPEC.presets]
SWITCHES = {"set_level", "instance_level", "local_regions", "unseen_identities"}


def test_paper_holds_what_the_paper_prints(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.weights) == ("resnet50", "imagenet")
    assert config.image_size == (256, 128)
    assert (config.sampling.identities, config.sampling.images) == (16, 4)
    assert config.generation_sampling == config.sampling
    assert config.sampling.steps_per_epoch is None
    for optimizer in (
        config.learner_optimizer,
        config.generator_optimizer,
        config.discriminator_optimizer,
    ):
        assert (optimizer.kind, optimizer.learning_rate) == ("adam", 0.0002)
        assert optimizer.betas == (0.5, 0.999)
    assert (config.generation_epochs, config.epochs) == (100, 50)
    assert (config.schedule.milestones, config.schedule.decay) == ((30,), 0.1)
    assert config.schedule.warmup_epochs == 0
    assert (config.augmentation.flip, config.augmentation.padding) == (0.5, 0)
    assert (config.style_downsamplings, config.decoder_blocks, config.num_upsamplings) == (2, 4, 2)
    assert config.reconstruction_weight == 1
    assert config.cycle_style == "re-encoded"
    assert config.divergence == "one-way"
    assert config.feature_reconstruction_weight == 0
    assert config.label_smoothing == 0
    assert (config.content_input, config.stem_relu) == ("color", True)


def test_paper_is_everything_in_table_3(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.set_level, config.local_regions) == ("shared", "paired")
    assert config.instance_level
    assert config.unseen_identities


def test_paper_fills_gaps_from_the_authors_code(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.cycle_weight, config.adversarial_weight) == (10, 1)
    assert (config.margin, config.last_stride, config.instance_weight) == (0.3, 1, 0.01)
    assert config.learner_optimizer.weight_decay == 5e-4
    assert config.generator_optimizer.weight_decay == 1e-4
    assert config.discriminator_optimizer.weight_decay == 1e-4


def test_paper_aaai_leaves_out_what_the_second_paper_added(config_of: Choose) -> None:
    changed = {"local_regions": "none", "unseen_identities": False}
    assert config_of("paper-aaai") == config_of("paper").model_copy(update=changed)


def test_official_code_holds_the_values_of_the_code(config_of: Choose) -> None:
    config = config_of("official-code")
    assert (config.local_regions, config.unseen_identities) == ("none", False)
    assert (config.content_input, config.stem_relu, config.embedding) == ("grey", False, "neck")
    assert (config.generated_size, config.num_upsamplings) == ("half", 1)
    assert (config.style_downsamplings, config.decoder_blocks) == (4, 2)
    assert (config.reconstruction_weight, config.cycle_weight) == (10, 10)
    assert (config.adversarial_weight, config.feature_reconstruction_weight) == (1, 1)
    assert (config.cycle_style, config.divergence) == ("original", "two-way")
    assert (config.instance_weight, config.end_to_end) == (0.01, False)
    assert (config.triplet_mining, config.margin, config.label_smoothing) == (
        "cross-modality",
        0.3,
        0.1,
    )
    assert not config.train_content_encoder
    assert (config.generation_epochs, config.epochs) == (600, 50)
    assert config.schedule.milestones == (30,)
    assert config.sampling.model_dump() == {
        "identities": 16, "images": 4, "steps_per_epoch": 200,
    }  # fmt: skip
    assert config.generation_sampling.model_dump() == {
        "identities": 3, "images": 3, "steps_per_epoch": 200,
    }  # fmt: skip
    learner, generator = config.learner_optimizer, config.generator_optimizer
    assert (learner.learning_rate, learner.betas, learner.weight_decay) == (
        4.5e-4,
        (0.9, 0.999),
        5e-4,
    )
    assert (generator.learning_rate, generator.betas, generator.weight_decay) == (
        1e-4,
        (0.5, 0.999),
        1e-4,
    )
    assert config.discriminator_optimizer == generator
    assert (config.discriminator_padding, config.generator_start) == ("reflect", "default")
    assert (config.batch_statistics, config.running_statistics) == ("separate", "all")
    assert (config.feature_targets, config.alignment_reference) == ("moving", "passed-again")


def test_quick_is_small(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights) == ("small", "none")
    height, width = config.image_size
    assert height * width <= 256 * 128 / 4
    steps = [
        epochs * (sampling.steps_per_epoch or 10**6)
        for epochs, sampling in (
            (config.generation_epochs, config.generation_sampling),
            (config.epochs, config.sampling),
        )
    ]
    assert sum(steps) <= 600
    assert max(config.schedule.milestones) < config.epochs


def test_quick_keeps_the_losses_of_the_paper(config_of: Choose) -> None:
    names = {
        "cycle_weight", "adversarial_weight", "identity_weight", "distribution_weight", "margin",
        "triplet_mining", "label_smoothing", "cycle_style", "divergence", "end_to_end",
        *SWITCHES,
    }  # fmt: skip
    quick, paper = (config_of(name).model_dump(include=names) for name in ("quick", "paper"))
    assert quick == paper


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "full"])
def test_an_ablation_fixes_all_four_switches(variant: str, config_of: Choose) -> None:
    """A preset of the AAAI paper then changes none of them."""
    values = next(known.values for known in SPEC.variants if known.name == variant)
    assert set(values) == SWITCHES
    with pytest.raises(UsageError, match=f"the variant 'jsia:{variant}' fixes this value"):
        config_of("paper", variant, "set_level=shared")


@pytest.mark.parametrize(
    ("variant", "generates"), [(name, name != "baseline") for name in VARIANTS]
)
def test_only_the_baseline_needs_no_generated_image(
    variant: str, generates: bool, config_of: Choose
) -> None:
    assert config_of("paper", variant).generates == generates


def test_every_weight_of_the_configuration_weighs_a_loss(config_of: Choose) -> None:
    plain = config_of("paper").loss_weights
    for name in JSIAConfig.model_fields:
        if name.endswith("_weight") and name != "distribution_weight":
            heavy = config_of("paper", "full", f"{name}=7").loss_weights
            assert {key for key in plain if heavy[key] != plain[key]}, name
            assert all(heavy[key] == 7 for key in plain if heavy[key] != plain[key])


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["image_height=66"], "must be multiples of 4, not 66 and 128"),
        (["image_width=28"], "generated at 256x28; raise image_height or image_width"),
        (["image_width=56", "generated_size=half"], "generated at 128x28"),
        (["generation_sampling.identities=17"], "asks for 17x4 images of batches of 16x4"),
        (["generation_sampling.images=5"], "asks for 16x5 images of batches of 16x4"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    assignments: list[str], message: str, config_of: Choose
) -> None:
    with pytest.raises(UsageError, match=message):
        config_of("paper", "full", *assignments)


@pytest.mark.parametrize(
    "assignment",
    [
        "instance_weight=-0.1",
        "margin=-1",
        "label_smoothing=1",
        "num_regions=0",
        "style_downsamplings=5",
        "decoder_blocks=0",
        "last_stride=3",
        "set_level=gan",
        "local_regions=all",
        "generated_size=quarter",
        "cycle_style=none",
        "divergence=js",
        "embedding=last",
        "discriminator_padding=mirror",
        "generator_start=zero",
        "feature_targets=none",
        "alignment_reference=other",
        "batch_statistics=none",
        "running_statistics=none",
        "generation_epochs=0",
    ],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}="):
        config_of("paper", "full", assignment)
