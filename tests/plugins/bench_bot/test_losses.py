"""The centre loss, image by image."""

from __future__ import annotations

import pytest
import torch

from bench_bot.losses import Centers


def test_it_is_the_mean_squared_distance_to_the_own_centre() -> None:
    torch.manual_seed(0)
    centers, features = Centers(4, 3), torch.randn(5, 3)
    labels = torch.tensor([0, 3, 3, 1, 0])
    expected = sum(
        sum((a - b) ** 2 for a, b in zip(row.tolist(), centers.places[label].tolist(), strict=True))
        for row, label in zip(features, labels.tolist(), strict=True)
    )
    assert centers.loss(features, labels).item() == pytest.approx(expected / 5, rel=1e-5)


def test_a_centre_without_images_stays() -> None:
    centers = Centers(3, 2)
    centers.loss(torch.ones(2, 2), torch.tensor([0, 2])).backward()
    gradient = centers.places.grad
    assert gradient is not None
    assert gradient[1].tolist() == [0, 0]
    torch.testing.assert_close(gradient[0], centers.places[0].detach() - 1)  # 2 / B


def test_centres_start_normal() -> None:
    torch.manual_seed(0)
    places = Centers(200, 100).places
    assert places.mean().item() == pytest.approx(0, abs=0.03)
    assert places.std().item() == pytest.approx(1, abs=0.03)
