"""The generalised mean."""

from __future__ import annotations

import pytest
import torch

from bench_core.methods import generalized_mean


def test_it_is_the_root_of_the_mean_of_powers() -> None:
    maps = torch.tensor([[[[1.0, 2.0], [0.0, 3.0]]]])
    assert generalized_mean(maps).item() == pytest.approx(((1 + 8 + 27) / 4) ** (1 / 3))


def test_a_power_of_one_is_the_average_and_a_high_one_nears_the_maximum() -> None:
    maps = torch.rand(2, 5, 4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(generalized_mean(maps, 1.0), maps.mean((2, 3)))
    torch.testing.assert_close(generalized_mean(maps, 90.0), maps.amax((2, 3)), rtol=0.05, atol=0)


def test_maps_of_zeros_have_a_finite_gradient() -> None:
    maps = torch.zeros(1, 2, 3, 3, requires_grad=True)
    generalized_mean(maps).sum().backward()  # type: ignore[no-untyped-call]
    assert maps.grad is not None
    assert maps.grad.isfinite().all()
