"""The presets of D2RL: what is known of the paper, proposals, and every combination valid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core import UsageError
from bench_core.methods import Moment
from bench_d2rl.config import D2RLConfig
from bench_d2rl.method import D2RL

Choose = Callable[..., D2RLConfig]
Make = Callable[..., D2RL]


def test_the_translator_has_the_weights_of_unit(config_of: Choose) -> None:
    config = config_of("paper")
    assert dict(config.loss_weights) == {
        "reconstruction": 10,
        "divergence": 0.01,
        "cycle": 10,
        "cycle-divergence": 0.01,
        "adversarial": 1,
        "identity": 1,
        "triplet": 1,
    }
    optimizer = config.translator_optimizer
    assert (optimizer.kind, optimizer.learning_rate) == ("adam", 1e-4)
    assert (optimizer.betas, optimizer.weight_decay) == ((0.5, 0.999), 0)
    assert config.translation_size == (128, 64)


def test_paper_fills_gaps_by_proposals(config_of: Choose) -> None:
    config = config_of("paper")
    assert (config.backbone, config.last_stride, config.image_size) == ("resnet50", 2, (256, 128))
    assert (config.margin, config.neck, config.embedding) == (0.3, "none", "pooled")
    assert (config.sampling.identities, config.sampling.images) == (8, 4)
    assert (config.translation_sampling.identities, config.translation_sampling.images) == (8, 1)
    assert (config.translation_epochs, config.feature_epochs, config.epochs) == (30, 60, 60)


RATES = {
    "translation": {"translator": 1e-4, "discriminators": 1e-4},
    "features": {"features": 3.5e-4},
    "joint": {"translator": 1e-4, "discriminators": 1e-4, "features": 3.5e-4},
    "refinement": {"features": 3.5e-4},
}


@pytest.mark.parametrize(
    ("variant", "names"),
    [
        ("full", ["translation", "features", "joint"]),
        ("separate", ["translation", "features", "refinement"]),
        ("without-translation", ["features", "refinement"]),
    ],
)
def test_stages_rates_and_epochs(variant: str, names: list[str], make: Make) -> None:
    """T_F's rate is a tenth from the 31st of its last 60 epochs on; all others are constant."""
    stages = make(variant).stages()
    assert [stage.name for stage in stages] == names
    for stage in stages:
        last = stage.name in ("joint", "refinement")
        assert stage.epochs == (30 if stage.name == "translation" else 60)
        assert stage.optimizers.keys() == RATES[stage.name].keys()
        for name, plan in stage.optimizers.items():
            assert {group["lr"] for group in plan.build().param_groups} == {RATES[stage.name][name]}
            assert plan.continued == last
            factors = [
                plan.schedule.rate(Moment(epoch=epoch, step=0, steps=1, epochs=60))
                for epoch in (0, 29, 30, 59)
            ]
            falls = last and name == "features"
            assert factors == pytest.approx([1, 1, 0.1, 0.1] if falls else [1, 1, 1, 1])


def test_quick_is_small_and_keeps_the_weights(config_of: Choose) -> None:
    config = config_of("quick")
    assert (config.backbone, config.weights) == ("small", "none")
    assert config.sampling.steps_per_epoch is not None
    assert (config.feature_epochs + config.epochs) * config.sampling.steps_per_epoch <= 400
    assert config.loss_weights == config_of("paper").loss_weights


@pytest.mark.parametrize(
    ("assignments", "told"),
    [
        (("translation_height=30",), "translation_height"),
        (("shared_blocks=0",), "shared_blocks"),
        (("counterpart=none",), "counterpart"),
        (("embedding=neck",), "embedding=neck needs a neck; use pooled"),
        (("counterpart=grey",), "leaves no translator to train jointly"),
        (("translation_width=32",), "too small for discriminator_scales=3"),
        (("discriminator_scales=4",), "too small for discriminator_scales=4"),
        (("identity_weight=0", "triplet_weight=0"), "cannot both be 0"),
    ],
)
def test_what_cannot_be_is_refused(
    assignments: tuple[str, ...], told: str, config_of: Choose
) -> None:
    with pytest.raises(UsageError, match=told):
        config_of("paper", "full", *assignments)
