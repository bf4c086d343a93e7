"""What AlignGAN compares at test time, and the pictures that it makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_aligngan.method import AlignGAN
from bench_core import Modality
from bench_core.methods import Batch, from_signed, to_signed

Make = Callable[..., AlignGAN]

WITH_PIXELS = ["full", "pixalign", "aligngan-minus"]
VARIANTS = [*WITH_PIXELS, "featalign", "baseline"]


def evaluating(method: AlignGAN) -> AlignGAN:
    method.networks.eval()
    return method


def vectors(method: AlignGAN, signed: torch.Tensor) -> torch.Tensor:
    """Feature vectors of images in [-1, 1]: pooled maps, neither classified nor embedded."""
    maps: torch.Tensor = method.networks["encoder"](signed)
    return maps.mean((2, 3))


@pytest.mark.parametrize("modality", ["visible", "infrared"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_image_has_one_view(variant: str, modality: Modality, make: Make, batch: Batch) -> None:
    features = evaluating(make(variant)).extract(batch.visible, modality)
    assert features.shape == (6, 1, 256)
    assert features.dtype == torch.float32
    assert bool(features.isfinite().all())


@pytest.mark.parametrize("variant", WITH_PIXELS)
def test_a_visible_image_is_compared_as_a_fake_infrared_one(
    variant: str, make: Make, batch: Batch
) -> None:
    method = evaluating(make(variant))
    fake = method.networks["generator_to_infrared"](to_signed(batch.visible))
    expected = vectors(method, fake)
    torch.testing.assert_close(method.extract(batch.visible, "visible")[:, 0], expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_infrared_image_is_compared_as_it_is(variant: str, make: Make, batch: Batch) -> None:
    method = evaluating(make(variant))
    expected = vectors(method, to_signed(batch.infrared))
    torch.testing.assert_close(method.extract(batch.infrared, "infrared")[:, 0], expected)


@pytest.mark.parametrize("variant", ["featalign", "baseline"])
def test_without_pixel_alignment_both_modalities_are_treated_alike(
    variant: str, make: Make, batch: Batch
) -> None:
    method = evaluating(make(variant))
    as_visible = method.extract(batch.visible, "visible")
    assert torch.equal(as_visible, method.extract(batch.visible, "infrared"))


def test_the_vector_of_the_mirrored_translated_image_is_added_where_asked(
    make: Make, batch: Batch
) -> None:
    method = evaluating(make("full", "flip_average=true"))
    fake = method.networks["generator_to_infrared"](to_signed(batch.visible))
    expected = vectors(method, fake) + vectors(method, fake.flip(3))
    torch.testing.assert_close(method.extract(batch.visible, "visible")[:, 0], expected)
    shown = to_signed(batch.infrared)
    expected = vectors(method, shown) + vectors(method, shown.flip(3))
    torch.testing.assert_close(method.extract(batch.infrared, "infrared")[:, 0], expected)


def test_vectors_are_compared_by_cosine_similarity(make: Make) -> None:
    assert make().metric == "cosine"


def test_only_the_generator_to_infrared_and_the_encoder_run(make: Make, batch: Batch) -> None:
    method, ran = evaluating(make()), set()
    for name, network in method.networks.items():
        network.register_forward_hook(lambda *_, name=name: ran.add(name))
    method.extract(batch.infrared, "infrared")
    assert ran == {"encoder"}
    method.extract(batch.visible, "visible")
    assert ran == {"encoder", "generator_to_infrared"}


def test_recomputed_activations_change_nothing_at_test_time(make: Make, batch: Batch) -> None:
    plain = evaluating(make()).extract(batch.visible, "visible")
    with torch.inference_mode():
        method = evaluating(make("full", "recompute_activations=true"))
        assert torch.equal(method.extract(batch.visible, "visible"), plain)


@pytest.mark.parametrize("variant", WITH_PIXELS)
def test_pictures_are_real_and_generated_images_in_the_order_of_a_grid(
    variant: str, make: Make, batch: Batch
) -> None:
    method = evaluating(make(variant))
    pictures = method.pictures(batch.visible, batch.infrared)
    assert list(pictures) == [
        "visible",
        "fake infrared",
        "restored visible",
        "infrared",
        "fake visible",
        "restored infrared",
    ]
    for images in pictures.values():
        assert images.shape == (6, 3, 64, 32)
        assert not images.requires_grad
        assert 0 <= images.min().item() <= images.max().item() <= 1


def test_pictures_come_from_the_generator_that_they_are_named_for(make: Make, batch: Batch) -> None:
    method = evaluating(make())
    networks, pictures = method.networks, method.pictures(batch.visible, batch.infrared)
    forth, back = networks["generator_to_infrared"], networks["generator_to_visible"]
    fake_infrared, fake_visible = forth(to_signed(batch.visible)), back(to_signed(batch.infrared))
    expected = {
        "fake infrared": fake_infrared,
        "restored visible": back(fake_infrared),
        "fake visible": fake_visible,
        "restored infrared": forth(fake_visible),
    }
    for name, images in expected.items():
        torch.testing.assert_close(pictures[name], from_signed(images))
    assert torch.equal(pictures["visible"], batch.visible)
    assert torch.equal(pictures["infrared"], batch.infrared)


@pytest.mark.parametrize("variant", ["featalign", "baseline"])
def test_without_generators_there_is_no_picture(variant: str, make: Make, batch: Batch) -> None:
    assert make(variant).pictures(batch.visible, batch.infrared) == {}
