from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from bench_core.profiling.shares import forward_shares

CPU = torch.device("cpu")


class Slow(nn.Module):
    def __init__(self, seconds: float, *inner: nn.Module) -> None:
        super().__init__()
        self.seconds = seconds
        self.inner = nn.ModuleList(inner)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        time.sleep(self.seconds)
        for module in self.inner:
            values = module(values)
        return values


VALUES = torch.zeros(1)


def test_shares_are_those_of_the_time() -> None:
    networks = nn.ModuleDict({"short": Slow(0.02), "long": Slow(0.06), "idle": Slow(1.0)})

    def call() -> None:
        networks["short"](VALUES)
        networks["long"](VALUES)
        time.sleep(0.02)

    shares = forward_shares(call, networks, CPU)
    assert shares["short"] == pytest.approx(0.2, abs=0.1)
    assert shares["long"] == pytest.approx(0.6, abs=0.2)
    assert shares["idle"] == 0
    assert sum(shares.values()) < 1


def test_a_part_that_is_called_alone_counts_for_its_network() -> None:
    part = Slow(0.03)
    networks = nn.ModuleDict({"whole": Slow(1.0, part)})
    assert forward_shares(lambda: part(VALUES), networks, CPU)["whole"] > 0.8


def test_a_network_within_another_counts_once() -> None:
    inner = Slow(0.03)
    networks = nn.ModuleDict({"outer": Slow(0.0, inner), "inner": inner})
    shares = forward_shares(lambda: networks["outer"](VALUES), networks, CPU)
    assert shares["outer"] > 0.8
    assert shares["inner"] == 0


def test_hooks_are_removed_also_after_an_error() -> None:
    networks = nn.ModuleDict({"layer": nn.Linear(2, 2)})
    with pytest.raises(RuntimeError):
        forward_shares(lambda: networks["layer"](torch.rand(3, 5)), networks, CPU)
    assert not networks["layer"]._forward_hooks
    assert not networks["layer"]._forward_pre_hooks
