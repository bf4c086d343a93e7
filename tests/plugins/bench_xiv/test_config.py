"""The presets of XIV: the paper's values as printed, and every combination valid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import bench_xiv
from bench_core import UsageError
from bench_xiv.config import XIVConfig

Choose = Callable[..., XIVConfig]

(SPEC,) = bench_xiv.bench_register_methods()
PRESETS = [preset.name for preset in SPEC.presets]


def test_paper_holds_what_the_paper_prints(config_of: Choose) -> None:
    config = config_of("paper")
    assert config.backbone == "resnet50"
    assert config.image_size == (256, 128)
    assert config.weights == "imagenet"
    assert config.sampling.identities * config.sampling.images == 48
    assert config.sampling.steps_per_epoch is None
    assert config.optimizer.kind == "adam"
    assert config.optimizer.learning_rate == 0.00035
    assert config.optimizer.weight_decay == 0.0005
    assert config.generator_weight_decay == 0.0005
    assert config.epochs == 120
    assert config.schedule.warmup_epochs > 0
    assert (config.schedule.milestones, config.schedule.decay) == ((40, 70), 0.1)
    assert config.cross_modality_margin == 0.5
    assert config.intra_modality_margin == 0.3
    assert config.cross_modality_weight == 0.1
    assert (config.x_source, config.cross_modality_gap) == ("learned", True)


def test_paper_fills_gaps_from_the_strong_baseline_that_it_cites(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.sampling.identities, config.sampling.images) == (12, 4)
    assert (config.schedule.warmup_epochs, config.schedule.warmup_factor) == (10, 0.01)
    assert (config.augmentation.flip, config.augmentation.padding) == (0.5, 10)
    assert config.last_stride == 1


@pytest.mark.parametrize("preset", ["paper", "strong-baseline"])
def test_the_schedule_is_that_of_the_strong_baseline_epoch_by_epoch(
    preset: str, config_of: Choose
) -> None:
    """Epoch 10 is the first at the whole rate, epochs 40 and 70 are the first at lower ones."""
    warm_up = [0.109, 0.208, 0.307, 0.406, 0.505, 0.604, 0.703, 0.802, 0.901, 1.0]
    expected = [*warm_up, *[1.0] * 29, *[0.1] * 30, *[0.01] * 51]
    factor = config_of(preset).schedule.factor
    assert [factor(epoch) for epoch in range(120)] == pytest.approx(expected)


def test_paper_adds_nothing_that_the_paper_does_not_mention(config_of: Choose) -> None:
    config = config_of("paper")
    assert config.label_smoothing == 0
    assert config.augmentation.erasing == 0
    assert config.stem_relu
    assert config.embedding == "pooled"


@pytest.mark.parametrize("row", ["", "-baseline", "-baseline-x"])
def test_the_rows_of_densenet_change_backbone_and_size_alone(row: str, config_of: Choose) -> None:
    config = config_of("paper", f"densenet{row}")
    assert (config.backbone, config.image_size) == ("densenet121", (224, 224))
    as_paper = {"backbone": "resnet50", "image_height": 256, "image_width": 128}
    same_row = config_of("paper", row.removeprefix("-") or "full")
    assert config.model_copy(update=as_paper) == same_row


def test_a_size_that_is_given_stays_with_densenet(config_of: Choose) -> None:
    assert config_of("quick", "densenet").image_size == (96, 48)
    assert config_of("paper", "densenet", "image_width=112").image_size == (224, 112)
    assert config_of("paper", "full", "backbone=densenet121").image_size == (224, 224)
    assert config_of("paper", "full", "backbone=small").image_size == (256, 128)


def test_images_too_small_for_densenet_are_refused(config_of: Choose) -> None:
    with pytest.raises(UsageError, match=r"images of 96x16 are too small for backbone=densenet121"):
        config_of("quick", "densenet", "image_width=16")


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["backbone=small", "last_stride=2"], r"last_stride=2: an option of backbone=resnet50"),
        (["backbone=densenet121", "stem_relu=false"], r"stem_relu=false: .* leave it at true"),
    ],
)
def test_options_that_a_backbone_ignores_are_refused(
    assignments: list[str], message: str, config_of: Choose
) -> None:
    with pytest.raises(UsageError, match=message):
        config_of("paper", "full", *assignments)


def test_what_only_matters_after_the_training_is_marked(config_of: Choose) -> None:
    assert config_of("strong-baseline").after_training == {
        "extraction_batch": 128,
        "embedding": "neck-normalized",
        "scored_by": "both",
    }


def test_without_x_nothing_is_scored_by_x(config_of: Choose) -> None:
    with pytest.raises(UsageError, match="scored_by=x needs an X modality"):
        config_of("paper", "baseline", "scored_by=x")
    assert config_of("paper", "baseline", "scored_by=visible").scored_by == "visible"


def test_strong_baseline_is_what_the_code_of_the_baseline_has(config_of: Choose) -> None:
    config = config_of("strong-baseline")
    assert config.label_smoothing == 0.1
    assert config.augmentation.erasing == 0.5
    assert not config.stem_relu
    assert config.embedding == "neck-normalized"
    assert (config.augmentation.flip, config.augmentation.padding) == (0.5, 10)
    assert config.optimizer == config_of("paper").optimizer
    assert config_of("strong-baseline", "densenet").stem_relu  # it is ResNet's that is missing


def test_quick_is_small(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights) == ("small", "none")
    height, width = config.image_size
    assert height * width <= 256 * 128 / 4
    assert config.sampling.steps_per_epoch is not None
    assert config.epochs * config.sampling.steps_per_epoch <= 750
    assert max(config.schedule.milestones) <= config.epochs


def test_quick_keeps_the_losses_of_the_paper(config_of: Choose) -> None:
    names = {
        "cross_modality_weight",
        "cross_modality_margin",
        "intra_modality_margin",
        "label_smoothing",
        "x_source",
        "cross_modality_gap",
    }
    quick, paper = (config_of(name).model_dump(include=names) for name in ("quick", "paper"))
    assert quick == paper


def test_setting_the_steps_keeps_the_twelve_identities(config_of: Choose) -> None:
    config = config_of("paper", "full", "sampling.steps_per_epoch=2")
    sampling = config.sampling
    assert (sampling.identities, sampling.images, sampling.steps_per_epoch) == (12, 4, 2)


def test_what_the_schedule_does_not_set_stays_the_papers(config_of: Choose) -> None:
    config = config_of("paper", "full", "schedule.decay=0.5", "optimizer.learning_rate=1e-3")
    assert config.schedule.milestones == (40, 70)
    assert config.optimizer.weight_decay == 5e-4


@pytest.mark.parametrize(
    ("variant", "key"), [(known.name, key) for known in SPEC.variants for key in known.values]
)
def test_an_ablation_fixes_what_it_is_named_for(variant: str, key: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"the variant 'xiv:{variant}' fixes this value"):
        config_of("paper", variant, f"{key}=learned")


@pytest.mark.parametrize(
    "assignment",
    [
        "cross_modality_weight=-0.1",
        "cross_modality_margin=-1",
        "intra_modality_margin=-1",
        "label_smoothing=1",
        "generator_weight_decay=-1",
        "last_stride=3",
        "backbone=resnet18",
        "x_source=red",
        "embedding=last",
        "scored_by=infrared",
        "weights=coco",
        "sampling.identities=1",
    ],
)
def test_what_cannot_be_is_refused(assignment: str, config_of: Choose) -> None:
    with pytest.raises(UsageError, match=f"--set {assignment.partition('=')[0]}="):
        config_of("paper", "full", assignment)
