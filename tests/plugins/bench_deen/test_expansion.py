"""DEE: what a branch computes, how it starts, and the dropout on all maps."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from bench_deen.expansion import DiverseEmbeddingExpansion, ExpansionBranch


def test_a_branch_is_the_mean_of_three_dilated_convolutions_and_one_to_expand() -> None:
    torch.manual_seed(0)
    branch, maps = ExpansionBranch(8), torch.randn(2, 8, 5, 4)
    weights = [layer.weight for layer in branch.dilated]
    seen = sum(
        functional.conv2d(maps, weight, padding=rate, dilation=rate)  # type: ignore[arg-type]
        for rate, weight in zip((1, 2, 3), weights, strict=True)
    )
    hidden = (seen / 3).clamp(min=0)
    wanted = functional.conv2d(hidden, branch.expand.weight, branch.expand.bias)
    torch.testing.assert_close(branch(maps), wanted)
    assert bool((branch(maps) < 0).any())  # no activation behind it


def test_weights_start_by_the_number_of_inputs() -> None:
    torch.manual_seed(0)
    branch = ExpansionBranch(256)
    assert [layer.bias for layer in branch.dilated] == [None] * 3
    for layer, inputs in [*((each, 256 * 9) for each in branch.dilated), (branch.expand, 64)]:
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / inputs), rel=0.02)


def test_maps_stand_first_and_then_both_branches() -> None:
    torch.manual_seed(0)
    expansion, maps = DiverseEmbeddingExpansion(8, dropout=0.5).eval(), torch.randn(2, 8, 3, 2)
    first, second = expansion.branches
    expanded = expansion(maps)
    assert expanded.shape == (2, 3, 8, 3, 2)
    assert torch.equal(expanded[:, 0], maps)
    assert torch.equal(expanded[:, 1], first(maps))
    assert torch.equal(expanded[:, 2], second(maps))
    assert not torch.equal(expanded[:, 1], expanded[:, 2])


def test_dropout_falls_on_all_three_maps() -> None:
    torch.manual_seed(0)
    expansion, maps = DiverseEmbeddingExpansion(8, dropout=0.01), torch.randn(40, 8, 16, 16)
    kept = expansion.eval()(maps)
    dropped = expansion.train()(maps)
    for branch in range(3):
        zeros = (dropped[:, branch] == 0).float().mean().item()
        assert zeros == pytest.approx(0.01, rel=0.15)
    torch.testing.assert_close(dropped[dropped != 0], (kept / 0.99)[dropped != 0])
