"""The presets of TONE and HCML: the facts as numbers, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from bench_core import UsageError
from bench_core.testing import MethodBuilder
from bench_hcml import PAPER, bench_register_methods
from bench_hcml.config import HCMLConfig, TONEConfig

OF_TONE, OF_HCML = bench_register_methods()
TONES, HCMLS = MethodBuilder(OF_TONE), MethodBuilder(OF_HCML)


def test_one_paper_has_both_methods() -> None:
    assert [spec.id for spec in (OF_TONE, OF_HCML)] == ["tone", "hcml"]
    assert OF_TONE.paper == OF_HCML.paper == PAPER
    assert (PAPER.venue, PAPER.year) == ("AAAI", 2018)


@pytest.mark.parametrize("builder", [TONES, HCMLS])
def test_paper_holds_the_facts(builder: MethodBuilder) -> None:
    config: TONEConfig = builder.choose("paper")
    assert (config.backbone, config.weights) == ("alexnet", "imagenet")
    assert (config.image_size, config.backbone_size) == ((256, 256), (227, 227))
    assert (config.fc6_width, config.fc7_width, config.dropout) == (4096, 2048, 0.5)
    assert (config.contrastive_weight, config.contrastive_margin) == (0.2, 0.5)
    optimizer = config.optimizer
    assert (optimizer.kind, optimizer.learning_rate, optimizer.momentum) == ("sgd", 0.001, 0.9)
    assert optimizer.weight_decay == 0
    assert [config.schedule.factor(epoch) for epoch in range(19)] == [1.0] * 19
    assert (config.normalized_along, config.crop_offset) == ("features", "each-axis")
    assert (config.mean_order, config.embedding) == ("of-channels", "fc7")
    assert config.augmentation.flip == 0


def test_paper_has_the_constants_of_the_metric_learning() -> None:
    config: HCMLConfig = HCMLS.choose("paper")
    assert (config.pca_dimensions, config.within_weight) == (600, 0.2)
    assert (config.metric_steps, config.metric_tolerance) == (300, 1e-6)
    assert (config.transform_rate, config.transform_decay) == (0.1, 0.95)
    assert config.infrared_gradient == "own"


def test_official_code_is_the_slips_of_the_authors_and_900_steps() -> None:
    config: TONEConfig = TONES.choose("official-code")
    steps = config.sampling.steps_per_epoch
    assert steps is not None
    assert (config.epochs, steps, config.visible_order) == (1, 900, "listed")
    assert (config.normalized_along, config.crop_offset) == ("batch", "both-axes")
    assert (config.mean_order, config.embedding) == ("reversed", "fc7-before-relu")
    metric: HCMLConfig = HCMLS.choose("official-code")
    assert metric.infrared_gradient == "by-visible"
    same = TONEConfig.model_fields.keys()
    assert metric.model_dump(include=set(same)) == config.model_dump()


def test_quick_is_small_and_keeps_the_losses() -> None:
    quick, paper = (HCMLS.choose(name) for name in ("quick", "paper"))
    assert (quick.backbone, quick.weights, quick.image_size) == ("small", "none", (96, 48))
    for name in ("contrastive_weight", "contrastive_margin", "within_weight", "metric_steps"):
        assert getattr(quick, name) == getattr(paper, name)


def test_what_is_compared_decides_a_training_of_hcml_but_not_of_tone() -> None:
    assert TONES.choose().after_training == {"extraction_batch": 128, "embedding": "fc7"}
    assert HCMLS.choose().after_training == {"extraction_batch": 128}


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["pca_dimensions=2049"], "pca_dimensions=2049 of features of fc7_width=2048"),
        (["metric_steps=0"], "metric_steps"),
        (["transform_decay=0"], "transform_decay"),
        (["infrared_gradient=none"], "infrared_gradient"),
        (["contrastive_margin=-1"], "contrastive_margin"),
        (["normalized_along=both"], "normalized_along"),
        (["embedding=neck"], "embedding"),
    ],
)
def test_what_cannot_be_is_refused(assignments: list[Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        HCMLS.choose("paper", "full", *assignments)
