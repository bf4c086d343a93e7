"""The constraint of MSR against loops over identities."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from bench_msr.losses import euclidean_constraint


def drawn(seed: int) -> torch.Tensor:
    return torch.randn(6, 7, generator=torch.Generator().manual_seed(seed))


def centre(rows: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def constraint(visible: torch.Tensor, infrared: torch.Tensor, labels: list[int]) -> float:
    gaps = []
    for identity in set(labels):
        of_visible, of_infrared = (
            centre(
                [row for row, label in zip(rows.tolist(), labels, strict=True) if label == identity]
            )
            for rows in (visible, infrared)
        )
        gaps.append(sum((a - b) ** 2 for a, b in zip(of_visible, of_infrared, strict=True)))
    return sum(gaps) / len(gaps)


@pytest.mark.parametrize("labels", [[4, 4, 0, 0, 2, 2], [1, 0, 1, 0, 0, 3], [5, 5, 5, 5, 5, 5]])
def test_it_is_the_mean_over_identities_of_the_squared_distance_of_centres(
    labels: list[int],
) -> None:
    visible, infrared = drawn(0), drawn(1) + 1
    loss = euclidean_constraint(visible, infrared, torch.tensor(labels)).item()
    assert loss == pytest.approx(constraint(visible, infrared, labels), rel=1e-5)


def test_only_centres_count() -> None:
    labels, features = torch.tensor([0, 0, 1, 1, 2, 2]), drawn(0)
    swapped = features[[1, 0, 3, 2, 5, 4]]
    assert euclidean_constraint(features, swapped, labels).item() == pytest.approx(0, abs=1e-6)


def test_it_draws_both_modalities() -> None:
    visible, infrared = drawn(0).requires_grad_(), drawn(1).requires_grad_()
    euclidean_constraint(visible, infrared, torch.tensor([0, 0, 1, 1, 2, 2])).backward()
    assert visible.grad is not None
    assert infrared.grad is not None
    torch.testing.assert_close(visible.grad, -infrared.grad)
    assert bool((visible.grad != 0).all())
