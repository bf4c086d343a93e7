"""The weight of the graph's loss from epoch to epoch."""

from __future__ import annotations

import pytest
import torch

from bench_ddag.weighting import DynamicWeight


def epoch_of(dynamic: DynamicWeight, losses: list[float]) -> float:
    for loss in losses:
        dynamic.note(torch.tensor(loss))
    dynamic.end_epoch()
    return dynamic.weight.item()


def test_it_is_zero_in_the_first_epoch() -> None:
    dynamic = DynamicWeight()
    dynamic.note(torch.tensor(3.0))
    assert dynamic.weight.item() == 0


def test_it_follows_the_mean_of_the_epoch_before_alone() -> None:
    dynamic = DynamicWeight()
    assert epoch_of(dynamic, [2.0, 4.0, 6.0]) == pytest.approx(1 / (1 + 4))
    assert epoch_of(dynamic, [1.0]) == pytest.approx(1 / (1 + 1))
    assert epoch_of(dynamic, [0.0, 0.0]) == 1


def test_a_loss_that_is_noted_leaves_no_gradient() -> None:
    dynamic = DynamicWeight()
    dynamic.note(torch.tensor(3.0, requires_grad=True))
    dynamic.end_epoch()
    assert not dynamic.weight.requires_grad


def test_its_memory_is_all_it_knows() -> None:
    """As a training that is resumed within an epoch finds it."""
    first, second = DynamicWeight(), DynamicWeight()
    epoch_of(first, [5.0])
    first.note(torch.tensor(3.0))
    second.memory.clear()
    second.memory.update({name: value.clone() for name, value in first.memory.items()})
    assert second.weight.item() == first.weight.item()
    assert epoch_of(second, [1.0]) == epoch_of(first, [1.0]) == pytest.approx(1 / 3)
