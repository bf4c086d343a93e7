"""The variation module: its latents (Eq. 9), its sizes, and mixing (Eq. 14)."""

from __future__ import annotations

import pytest
import torch

from bench_jsia.losses import variation_loss
from bench_jsia.variation import Variation, blend, later


def maps_of(height: int, width: int) -> torch.Tensor:
    return torch.rand(4, 6, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("size", "latent_size"), [((64, 32), (8, 4)), ((24, 12), (3, 2)), ((8, 8), (1, 1))]
)
def test_latents_are_an_eighth_and_decode_to_the_maps_size(
    size: tuple[int, int], latent_size: tuple[int, int]
) -> None:
    variation, maps = Variation(6, 3), maps_of(*size)
    latents = variation.encode(maps)
    assert latents.sample.shape == (4, 3, *latent_size)
    assert variation.decode(latents.sample, maps).shape == maps.shape


def test_z_is_the_mean_and_the_deviation_times_noise_of_the_global_generator() -> None:
    torch.manual_seed(0)
    variation, maps = Variation(6, 3), maps_of(8, 8)
    with torch.no_grad():
        for parameter in variation.log_deviation.parameters():
            parameter.normal_()
    torch.manual_seed(5)
    latents = variation.encode(maps)
    torch.manual_seed(5)
    noise = torch.randn(4, 3, 1, 1)
    assert torch.allclose(latents.sample, latents.mean + latents.deviation * noise)
    assert bool((latents.deviation > 0).all())
    assert latents.deviation.std() > 0.01


def test_deviations_start_small_so_that_the_means_are_heard() -> None:
    deviation = Variation(6, 3).encode(maps_of(8, 8)).deviation
    assert torch.allclose(deviation, torch.full_like(deviation, 0.01))


def test_it_can_learn_to_give_back_the_maps() -> None:
    torch.manual_seed(0)
    variation, maps = Variation(6, 8), torch.arange(1.0, 5).view(4, 1, 1, 1).expand(4, 6, 8, 8)
    optimizer = torch.optim.Adam(variation.parameters(), lr=3e-3)
    losses = []
    for _ in range(80):
        latents = variation.encode(maps)
        decoded = variation.decode(latents.sample, maps)
        losses.append(variation_loss(maps, decoded, latents, 1))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    # Without any content in z the best answer is the same for all: an error of 1.
    assert losses[0].item() > 1
    assert losses[-1].item() < 0.5


def test_a_blend_is_alpha_of_the_first_and_the_rest_of_the_second() -> None:
    first, second = torch.tensor([[1.0, 2.0], [10.0, 20.0]]), torch.tensor([[5.0, 6.0]])
    mixed = blend(first, second.expand(2, 2), torch.tensor([0.25, 1.0]))
    assert mixed.tolist() == [[0.25 * 1 + 0.75 * 5, 0.25 * 2 + 0.75 * 6], [10.0, 20.0]]


def test_later_stays_within_a_modality_and_meets_another_identity() -> None:
    """Two modalities of three identities with two images each: person 0 meets 1, 2 meets 0."""
    values = torch.tensor([0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121])
    assert later(values, 2).tolist() == [10, 11, 20, 21, 0, 1, 110, 111, 120, 121, 100, 101]
