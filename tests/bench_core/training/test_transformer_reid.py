"""Methods with a vision transformer: rates by group and epoch, what is refused."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError
from torch import nn

from bench_core.modeling.vision_transformer import VisionTransformerConfig
from bench_core.training.schedules import Moment
from bench_core.training.transformer_reid import (
    TRANSFORMER_OPTIMIZERS,
    TransformerReIDConfig,
    WarmCosineConfig,
)

SMALL = TransformerReIDConfig(
    image_height=32,
    image_width=16,
    transformer=VisionTransformerConfig(patch_size=8, patch_stride=8, width=8, depth=2, heads=2),
)


def at(epoch: int, epochs: int) -> Moment:
    return Moment(epoch=epoch, step=1, steps=2, epochs=epochs)


@pytest.mark.parametrize("base", [3e-4, 1.5e-4])
def test_rates_rise_for_three_epochs_and_end_at_the_lowest_whatever_the_base_is(
    base: float,
) -> None:
    """Epoch 1 and 2 of 24 are on the line from 3e-6 to the base, all others on the cosine."""
    rates = [WarmCosineConfig().learning_rate(epoch, 24, base) for epoch in range(1, 25)]
    line = [3e-6 + (base - 3e-6) / 3, 3e-6 + (base - 3e-6) * 2 / 3]
    cosine = [
        3e-6 + (base - 3e-6) * (1 + math.cos(math.pi * epoch / 24)) / 2 for epoch in range(3, 25)
    ]
    assert rates == pytest.approx([*line, *cosine])
    assert rates[2] == pytest.approx(0.962 * base, rel=1e-3)
    assert rates[11] == pytest.approx((base + 3e-6) / 2)
    assert rates[-1] == pytest.approx(3e-6)


def test_a_training_without_a_warm_up_is_on_the_cosine_at_once() -> None:
    curve = WarmCosineConfig(warmup_epochs=0, last_rate=0.0)
    assert [curve.learning_rate(epoch, 2, 1.0) for epoch in (1, 2)] == pytest.approx([0.5, 0.0])


def test_two_stages_follow_one_curve() -> None:
    transformer = SMALL.build_transformer()
    first, second = (SMALL.plans(transformer, before=before) for before in (0, 6))
    whole = [WarmCosineConfig().learning_rate(epoch, 24, 3e-4) / 3e-4 for epoch in range(1, 25)]
    found = [first["head"].schedule.rate(at(epoch, 6)) for epoch in range(6)]
    found += [second["head"].schedule.rate(at(epoch, 18)) for epoch in range(18)]
    assert found == pytest.approx(whole)
    assert not any(plan.continued for plan in first.values())
    assert all(plan.continued for plan in second.values())


def test_patch_projection_and_blocks_learn_at_half_the_rate_and_all_else_at_the_whole() -> None:
    transformer, head = SMALL.build_transformer(), nn.Linear(8, 3)
    plans = SMALL.plans(transformer, head)
    assert tuple(plans) == TRANSFORMER_OPTIMIZERS
    names = {id(value): name for name, value in transformer.named_parameters()}
    names |= {id(value): name for name, value in head.named_parameters()}
    groups = {name: plan.build().param_groups for name, plan in plans.items()}
    found = {
        name: {names[id(value)] for group in each for value in group["params"]}
        for name, each in groups.items()
    }
    assert found["head"] == {
        "cls_token", "pos_embed", "norm.weight", "norm.bias", "weight", "bias",
    }  # fmt: skip
    assert all(name.startswith(("patch_embed.proj.", "blocks.")) for name in found["body"])
    assert len(found["body"]) + len(found["head"]) == len(names)
    assert [group["base_lr"] for group in groups["body"]] == [1.5e-4]
    assert [group["base_lr"] for group in groups["head"]] == [3e-4]
    assert {group["weight_decay"] for each in groups.values() for group in each} == {1e-4}


def test_an_image_holds_a_patch() -> None:
    with pytest.raises(ValidationError, match="images of 256x16 hold no patch of 32 pixels"):
        TransformerReIDConfig(
            image_width=16, transformer=VisionTransformerConfig(patch_size=32, patch_stride=32)
        )
