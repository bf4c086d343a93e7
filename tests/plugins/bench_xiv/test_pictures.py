"""The pictures of XIV: X between the two modalities (Fig. 4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_core.methods import Batch
from bench_xiv.generator import LearnedX
from bench_xiv.method import XIV

Make = Callable[..., XIV]


@pytest.mark.parametrize("variant", ["full", "baseline-x", "mean", "gray", "v", "y"])
def test_x_stands_between_the_modalities(variant: str, make: Make, batch: Batch) -> None:
    pictures = make(variant).pictures(batch.visible, batch.infrared)
    assert list(pictures) == ["visible", "X", "infrared"]
    assert torch.equal(pictures["visible"], batch.visible)
    assert torch.equal(pictures["infrared"], batch.infrared)
    assert pictures["X"].shape == batch.visible.shape


def test_x_is_that_of_the_generator_clipped_to_what_can_be_shown(make: Make, batch: Batch) -> None:
    method = make()
    generator = method.networks["x_source"]
    assert isinstance(generator, LearnedX)
    with torch.no_grad():
        generator.expand.weight.mul_(3)
        expected = generator(batch.visible)
    shown = method.pictures(batch.visible, batch.infrared)["X"]
    assert expected.max() > 1
    assert torch.equal(shown, expected.clamp(0, 1))
    assert not shown.requires_grad


def test_without_x_there_is_nothing_to_show(make: Make, batch: Batch) -> None:
    assert make("baseline").pictures(batch.visible, batch.infrared) == {}
