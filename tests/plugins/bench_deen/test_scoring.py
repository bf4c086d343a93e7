"""Views whose cosine distances add up to DEEN's score."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from bench_core import INFRARED, VISIBLE
from bench_core.evaluation.distances import pairwise_distances
from bench_deen.scoring import comparable_views

WEIGHTS = {"as-they-are": [1.0, 1.0], "second-line": [0.1, 0.9], "alone": [0.5]}


def sums_of_flips(number: int, seed: int) -> torch.Tensor:
    """Draw sums of two vectors of unit length: (N, 6, 5), up to 2 long."""
    random = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, number, 6, 5, generator=random)
    return functional.normalize(first, dim=2) + functional.normalize(second, dim=2)


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_distances_are_six_less_the_weighted_inner_products(weights: list[float]) -> None:
    query, gallery = sums_of_flips(4, 0), sums_of_flips(5, 1)
    wanted = torch.zeros(4, 5)
    for view in range(6):
        weight = weights[view * len(weights) // 6]
        wanted += weight * query[:, view] @ gallery[:, view].T
    bound = 4 * max(weights)
    made = [
        comparable_views(features, weights, 2.0, modality).numpy()
        for features, modality in ((query, INFRARED), (gallery, VISIBLE))
    ]
    found = pairwise_distances(made[0], made[1], "cosine")
    torch.testing.assert_close(
        torch.from_numpy(found).float(), 6 - wanted / bound, rtol=1e-5, atol=1e-5
    )


def test_the_two_values_more_are_of_one_modality_each() -> None:
    features = sums_of_flips(3, 0)
    for modality, used, free in ((VISIBLE, -2, -1), (INFRARED, -1, -2)):
        views = comparable_views(features, [1.0], 2.0, modality)
        assert torch.equal(views[..., :-2], features)
        assert bool((views[..., free] == 0).all())
        assert bool((views[..., used] > 0).all())
        torch.testing.assert_close(views.norm(dim=2), torch.full((3, 6), 2.0))


def test_a_feature_of_the_greatest_length_is_finite() -> None:
    features = functional.normalize(torch.randn(50, 2, 64), dim=2) * 2
    views = comparable_views(features, [1.0], 2.0, VISIBLE)
    assert bool(views.isfinite().all())
    assert views[..., -2].max() < 5e-3
