"""Steps that change images at random: what each does, and how often."""

from __future__ import annotations

import pytest
import torch

from bench_core.methods import (
    ColorJitter,
    CopyChannel,
    Erase,
    Flip,
    GaussianBlur,
    Grayscale,
    ImageStep,
    InOrder,
    Normalized,
    OneOf,
    PadAndCrop,
    Sometimes,
)
from bench_core.modeling.normalization import ImageNormalization

STEPS = {
    "flip": Flip(),
    "pad-and-crop": PadAndCrop(3, value=0.5),
    "grayscale": Grayscale(),
    "copy-channel": CopyChannel(),
    "copy-red": CopyChannel(0),
    "erase": Erase(values=(0.1, 0.2, 0.3)),
    "erase-as-torchvision": Erase(area=(0.02, 0.33), aspect=(0.3, 3.3), aspect_drawn="log-uniform"),
    "jitter": ColorJitter(brightness=0.3, contrast=0.3, hue=0.5),
    "blur": GaussianBlur(5, (0.1, 3.0)),
    "normalized": Normalized(Erase()),
    "sometimes": Sometimes(Grayscale(), 0.5),
    "one-of": OneOf(None, CopyChannel(1), Grayscale()),
    "in-order": InOrder(Flip(), PadAndCrop(2), Erase()),
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images_of(number: int = 4, height: int = 24, width: int = 12) -> torch.Tensor:
    return torch.rand(number, 3, height, width, generator=seeded(7))


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_follows_the_generator_and_leaves_what_it_was_given(step: ImageStep) -> None:
    images = images_of(8)
    kept = images.clone()
    first, again, other = (step(images, seeded(seed)) for seed in (0, 0, 1))
    assert first.shape == images.shape
    assert first.dtype == images.dtype
    assert torch.equal(first, again)
    assert torch.equal(images, kept)
    if step not in (STEPS["grayscale"], STEPS["copy-red"]):
        assert not torch.equal(first, other)


def test_half_of_the_images_are_flipped() -> None:
    images = images_of(1).expand(1000, -1, -1, -1)
    flipped = Flip()(images, seeded())
    turned = (flipped == images.flip(3)).flatten(1).all(1)
    same = (flipped == images).flatten(1).all(1)
    assert (turned ^ same).all()
    assert 440 < turned.sum() < 560


def test_a_crop_is_a_window_of_the_padded_image_and_each_is_as_likely() -> None:
    image = images_of(1, 4, 3)
    crops = PadAndCrop(1, value=0.25)(image.expand(900, -1, -1, -1), seeded())
    padded = torch.nn.functional.pad(image[0], (1, 1, 1, 1), value=0.25)
    windows = [padded[:, i : i + 4, j : j + 3] for i in range(3) for j in range(3)]
    found = [(crops == window).flatten(1).all(1).sum().item() for window in windows]
    assert sum(found) == 900
    assert all(60 < count < 140 for count in found)


def test_a_copied_channel_is_any_of_the_three_as_often() -> None:
    image = images_of(1)
    copied = CopyChannel()(image.expand(900, -1, -1, -1), seeded())
    found = [
        (copied == image[:, channel, None]).flatten(1).all(1).sum().item() for channel in range(3)
    ]
    assert sum(found) == 900
    assert all(250 < count < 350 for count in found)


def test_grey_is_the_weighted_sum_of_the_channels() -> None:
    image = torch.tensor([1.0, 0.5, 0.25]).view(1, 3, 1, 1)
    wanted = 0.2989 + 0.5 * 0.5870 + 0.25 * 0.1140
    assert Grayscale()(image, seeded()).flatten().tolist() == pytest.approx([wanted] * 3)


@pytest.mark.parametrize("step", [STEPS["erase"], STEPS["erase-as-torchvision"]])
def test_a_rectangle_of_the_right_size_is_erased_of_half_of_the_images(step: Erase) -> None:
    size = 100 * 50
    erased = step(torch.full((600, 3, 100, 50), 0.7), seeded()) != 0.7
    assert 240 < erased.flatten(1).any(1).sum() < 360
    for mask in erased[erased.flatten(1).any(1)]:
        rows, columns = mask[0].any(1).sum().item(), mask[0].any(0).sum().item()
        assert mask[0].sum() == rows * columns
        assert step.area[0] * size * 0.9 < rows * columns < step.area[1] * size * 1.1
        assert step.aspect[0] * 0.8 < rows / columns < step.aspect[1] * 1.25
        assert torch.equal(mask[0], mask[2])


def test_aspects_that_torchvision_draws_are_as_often_tall_as_wide() -> None:
    step = Erase(probability=1.0, aspect=(0.25, 4.0), aspect_drawn="log-uniform", area=(0.05, 0.1))
    erased = step(torch.full((600, 3, 60, 60), 0.7), seeded())[:, 0] == 0
    tall = (erased.any(2).sum(1) > erased.any(1).sum(1)).sum()
    assert 250 < tall < 350


def test_an_erased_rectangle_has_its_values_behind_the_normalisation() -> None:
    step = Normalized(Erase(probability=1.0, values=(0.4914, 0.4822, 0.4465)))
    images = images_of()
    changed = step(images, seeded())
    normalized = ImageNormalization()(changed)
    erased = (changed - images).abs().amax(1) > 1e-5
    assert erased.any()
    for channel, value in enumerate((0.4914, 0.4822, 0.4465)):
        assert normalized[:, channel][erased].tolist() == pytest.approx(
            [value] * int(erased.sum()), abs=1e-5
        )


def test_one_of_several_is_drawn_as_often_as_the_others() -> None:
    image = images_of(1)
    changed = STEPS["one-of"](image.expand(900, -1, -1, -1), seeded())
    wanted = (image, image[:, 1, None].expand_as(image), Grayscale()(image, seeded()))
    found = [(changed - each).abs().flatten(1).amax(1).lt(1e-6).sum().item() for each in wanted]
    assert sum(found) == 900
    assert all(250 < count < 350 for count in found)


def test_a_jittered_image_keeps_what_is_not_jittered() -> None:
    gray = images_of(3)[:, :1].expand(-1, 3, -1, -1)
    assert torch.allclose(ColorJitter(hue=0.5)(gray, seeded()), gray, atol=1e-5)
    brighter = ColorJitter(brightness=0.3)(torch.full((200, 3, 2, 2), 0.5), seeded())
    factors = brighter[:, 0, 0, 0] / 0.5
    assert factors.min() >= 0.7 - 1e-6
    assert factors.max() <= 1.3 + 1e-6
    assert factors.std() == pytest.approx(0.6 / 12**0.5, rel=0.15)
