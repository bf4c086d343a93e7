"""Augmentation of batches, against one that works through them image by image."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from bench_core.data.augmentation import (
    AugmentationConfig,
    augment,
    draw_augmentations,
    gather_moved,
)
from bench_core.modeling.normalization import ImageNormalization

MARK = (-1.0, -2.0, -3.0)
"""What is erased is filled with values that no image has."""


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(batch: int = 6, height: int = 12, width: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.rand(batch, 3, height, width, generator=generator(seed))


def flip_and_crop_slowly(
    batch: torch.Tensor, config: AugmentationConfig, random: torch.Generator
) -> torch.Tensor:
    """Flip, pad with zeros and crop each image by itself, with the random numbers of `augment`."""
    num, channels, height, width = batch.shape
    flips = torch.rand(num, generator=random) < config.flip
    corners = torch.randint(0, 2 * config.padding + 1, (2, num), generator=random)
    result = []
    for image, flip, top, left in zip(batch, flips, *corners.tolist(), strict=True):
        padded = torch.zeros(channels, height + 2 * config.padding, width + 2 * config.padding)
        shown = image.flip(2) if flip else image
        inner = slice(config.padding, config.padding + height)
        padded[:, inner, config.padding : config.padding + width] = shown
        result.append(padded[:, top : top + height, left : left + width])
    return torch.stack(result)


def erased(batch: torch.Tensor, *, seed: int = 0, probability: float = 1.0) -> torch.Tensor:
    """Return which pixels (B, H, W) random erasing alone fills."""
    config = AugmentationConfig(flip=0, padding=0, erasing=probability, erasing_values=MARK)
    result = augment(batch, config, generator(seed))
    mask = (result < 0).all(1)
    filling = torch.tensor(MARK)[:, None].expand(-1, int(mask.sum()))
    assert torch.equal(result.transpose(0, 1)[:, mask], filling)
    assert torch.equal(result.transpose(0, 1)[:, ~mask], batch.transpose(0, 1)[:, ~mask])
    return mask


def sides(mask: torch.Tensor) -> tuple[int, int]:
    """Return height and width of the rectangle that a mask (H, W) is; it must be one."""
    rows, columns = mask.any(1), mask.any(0)
    assert torch.equal(mask, rows[:, None] & columns[None, :])
    for side in (rows, columns):
        places = side.nonzero().flatten().tolist()
        assert all(second == first + 1 for first, second in itertools.pairwise(places))
    return int(rows.sum()), int(columns.sum())


@given(
    flip=st.sampled_from([0.0, 0.5, 1.0]),
    padding=st.integers(0, 10),
    size=st.tuples(st.integers(1, 7), st.integers(1, 12), st.integers(1, 8)),
    seed=st.integers(0, 1000),
)
def test_flip_and_crop_are_those_of_a_slow_reference(
    flip: float, padding: int, size: tuple[int, int, int], seed: int
) -> None:
    batch = images(*size, seed=seed)
    config = AugmentationConfig(flip=flip, padding=padding)
    expected = flip_and_crop_slowly(batch, config, generator(seed))
    assert torch.equal(augment(batch, config, generator(seed)), expected)


@given(
    padding=st.integers(0, 10),
    size=st.tuples(st.integers(1, 7), st.integers(1, 12), st.integers(1, 8)),
    seed=st.integers(0, 1000),
)
def test_bytes_are_moved_from_where_they_lie_as_floats_are(
    padding: int, size: tuple[int, int, int], seed: int
) -> None:
    """Images may be taken in any order, and more than once."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    rows = rng.integers(0, len(pixels), 5)
    config = AugmentationConfig(padding=padding)
    draws = draw_augmentations(len(rows), size[1:], config, generator(seed))
    moved = torch.from_numpy(gather_moved(pixels, rows, draws)).permute(0, 3, 1, 2)
    floats = torch.from_numpy(pixels[rows]).permute(0, 3, 1, 2).float()
    assert torch.equal(moved.float(), augment(floats, config, generator(seed)))


def test_without_flip_padding_and_erasing_nothing_changes() -> None:
    config = AugmentationConfig(flip=0, padding=0)
    assert torch.equal(augment(images(), config, generator()), images())


def test_by_default_images_are_flipped_and_cropped_from_ten_pixels_around_and_none_is_erased() -> (
    None
):
    assert AugmentationConfig() == AugmentationConfig(flip=0.5, padding=10, erasing=0)


@pytest.mark.parametrize(
    "limits", [{"flip": 0, "padding": 0, "erasing": 0}, {"flip": 1, "erasing": 1}]
)
def test_nothing_and_always_are_allowed(limits: dict[str, float]) -> None:
    config = AugmentationConfig.model_validate(limits)
    assert limits.items() <= config.model_dump().items()


def test_other_precisions_are_kept() -> None:
    config = AugmentationConfig(padding=3, erasing=1.0, erasing_values=MARK)
    half, single = (
        augment(images().to(kind), config, generator()) for kind in (torch.half, torch.float)
    )
    assert half.dtype == torch.half
    assert torch.equal(half, single.half())


def test_a_certain_flip_turns_every_image() -> None:
    config = AugmentationConfig(flip=1, padding=0)
    assert torch.equal(augment(images(), config, generator()), images().flip(3))


def test_about_half_of_the_images_are_flipped_by_default() -> None:
    batch = images(400, 1, 2)
    result = augment(batch, AugmentationConfig(padding=0), generator())
    flipped = (result != batch).flatten(1).any(1)
    assert 160 < int(flipped.sum()) < 240


def test_images_of_a_batch_are_drawn_each_for_itself() -> None:
    batch = images(1).expand(8, -1, -1, -1)
    results = augment(batch, AugmentationConfig(padding=4, erasing=1.0), generator())
    assert len({tuple(result.flatten().tolist()) for result in results}) == 8


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_input_is_left_as_it_was(layout: torch.memory_format) -> None:
    batch = images().to(memory_format=layout)
    result = augment(batch, AugmentationConfig(padding=3, erasing=1.0), generator())
    assert torch.equal(batch, images())
    assert (result.shape, result.dtype) == (batch.shape, batch.dtype)


def test_gradients_reach_what_is_shown_and_nothing_else() -> None:
    """Generated images are augmented while their generator is trained."""
    batch = images().requires_grad_()
    config = AugmentationConfig(padding=3, erasing=1.0, erasing_values=MARK)
    result = augment(batch, config, generator())
    result.sum().backward()
    assert batch.grad is not None
    assert set(batch.grad.unique().tolist()) == {0, 1}
    shown = (result > 0).float()
    for seen, expected in ((batch.grad, shown), (batch.grad * batch, shown * result)):
        torch.testing.assert_close(seen.flatten(1).sum(1), expected.flatten(1).sum(1))


def test_the_layout_in_memory_does_not_matter() -> None:
    config = AugmentationConfig(padding=3, erasing=0.5)
    last = images().to(memory_format=torch.channels_last)
    results = [augment(batch, config, generator()) for batch in (images(), last)]
    assert torch.equal(*results)
    assert all(result.is_contiguous() for result in results)


def test_the_same_generator_gives_the_same_images_and_another_gives_others() -> None:
    config = AugmentationConfig(padding=3, erasing=0.5)
    first, again, other = (augment(images(), config, generator(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_an_erased_rectangle_is_as_large_and_as_long_as_it_may_be() -> None:
    """Of the area 0.02 to 0.4, height over width 0.3 to 1 / 0.3, as in the strong baseline.

    Sides are rounded to pixels: each may be off by half a pixel.
    """
    height, width = 64, 48
    for mask in erased(images(300, height, width)):
        tall, wide = sides(mask)
        assert tall < height
        assert wide < width
        smallest, largest = (share * height * width for share in (0.02, 0.4))
        assert (tall + 0.5) * (wide + 0.5) >= smallest
        assert (tall - 0.5) * (wide - 0.5) <= largest
        assert (tall + 0.5) / (wide - 0.5) >= 0.3
        assert (tall - 0.5) / (wide + 0.5) <= 1 / 0.3


def test_erased_areas_reach_from_one_fiftieth_to_two_fifths_of_the_image() -> None:
    shares = erased(images(400, 64, 64)).float().mean((1, 2))
    assert 0.018 < float(shares.min()) < 0.03
    assert 0.36 < float(shares.max()) < 0.42


def baseline_rectangle(height: int, width: int, draw: random.Random) -> tuple[int, int, int, int]:
    """Draw height, width, top and left of a rectangle as the code of the strong baseline does."""
    while True:
        area = draw.uniform(0.02, 0.4) * height * width
        aspect = draw.uniform(0.3, 1 / 0.3)
        tall, wide = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if tall < height and wide < width:
            return tall, wide, draw.randint(0, height - tall), draw.randint(0, width - wide)


@pytest.mark.parametrize("size", [(256, 128), (96, 48), (64, 64)])
def test_erased_rectangles_are_distributed_as_those_of_the_strong_baseline(
    size: tuple[int, int],
) -> None:
    """Two-sample Kolmogorov-Smirnov distance below what one in 10,000 equal samples exceeds.

    A log-uniform aspect ratio, or rectangles clipped to the image, are farther away.
    """
    num = 3000
    draws = draw_augmentations(num, size, AugmentationConfig(erasing=1.0), generator())
    first, behind, left, right = np.array([draw.erased for draw in draws]).T
    drawn = np.stack([behind - first, right - left, first, left], axis=1)
    assert (first.min(), behind.max(), left.min(), right.max()) == (0, size[0], 0, size[1])
    draw = random.Random(1)
    expected = np.array([baseline_rectangle(*size, draw) for _ in range(num)])
    for name, ours, theirs in zip(
        ("height", "width", "top", "left", "aspect", "area"),
        [*drawn.T, drawn[:, 0] / drawn[:, 1], drawn[:, 0] * drawn[:, 1]],
        [*expected.T, expected[:, 0] / expected[:, 1], expected[:, 0] * expected[:, 1]],
        strict=True,
    ):
        assert stats.ks_2samp(ours, theirs).pvalue > 1e-4, name


def test_what_is_erased_is_normalised_to_the_values_of_the_strong_baseline() -> None:
    """It erases behind the normalisation, with the mean of ImageNet as the value there."""
    config = AugmentationConfig(flip=0, padding=0, erasing=1.0)
    result = augment(images(), config, generator())
    seen = ImageNormalization()(result)
    for channel, value in enumerate((0.485, 0.456, 0.406)):
        filled = seen[:, channel][result[:, channel] != images()[:, channel]]
        torch.testing.assert_close(filled, torch.full_like(filled, value))


def test_an_image_too_small_for_any_rectangle_stays_whole() -> None:
    """One pixel: a rectangle must be smaller than the image, and have a pixel."""
    assert not bool(erased(images(50, 1, 1)).any())


def test_erased_rectangles_lie_everywhere_and_differ_in_size() -> None:
    masks = erased(images(300, 32, 16))
    assert bool(masks.any(0).all())
    assert len({sides(mask) for mask in masks}) > 30


@pytest.mark.parametrize(("probability", "least", "most"), [(0.0, 0, 0), (0.5, 160, 240)])
def test_as_many_images_are_erased_as_the_probability_says(
    probability: float, least: int, most: int
) -> None:
    masks = erased(images(400, 16, 8), probability=probability)
    assert least <= int(masks.flatten(1).any(1).sum()) <= most


def test_a_training_without_erasing_draws_nothing_for_it() -> None:
    drawing, expected = generator(), generator()
    draw_augmentations(6, (12, 8), AugmentationConfig(padding=3), drawing)
    torch.rand(6, generator=expected)
    torch.randint(0, 7, (2, 6), generator=expected)
    assert torch.equal(drawing.get_state(), expected.get_state())


def test_erasing_leaves_flips_and_crops_as_they_are_without_it() -> None:
    plain = AugmentationConfig(padding=3)
    filled = plain.model_copy(update={"erasing": 1.0, "erasing_values": MARK})
    without, result = (augment(images(), config, generator(2)) for config in (plain, filled))
    kept = result >= 0
    assert torch.equal(result[kept], without[kept])
    assert not bool(kept.all())


@pytest.mark.parametrize(
    "values",
    [
        {"flip": 1.5},
        {"flip": -0.1},
        {"padding": -1},
        {"erasing": 1.5},
        {"erasing": -0.1},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        AugmentationConfig.model_validate(values)
