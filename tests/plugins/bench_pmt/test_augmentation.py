"""What PMT does to images, in which order, how often and within which bounds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torchvision.transforms.v2 import functional as pictures

from bench_core.methods import ColorJitter, Erase, Flip, GaussianBlur, Grayscale, OneOf, PadAndCrop
from bench_pmt.augmentation import infrared_steps, visible_steps
from bench_pmt.config import PMTConfig

Choose = Callable[..., PMTConfig]

WITHOUT_ERASING = ("augmentation.erasing=0", "augmentation.flip=0")
FILL = torch.tensor([0.485, 0.456, 0.406])
"""Of an erased pixel behind the normalisation."""


def draw(number: int, *, gray: bool = False) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    if gray:
        return torch.rand(number, 1, 32, 16, generator=random).repeat(1, 3, 1, 1)
    return torch.rand(number, 3, 32, 16, generator=random)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_visible_images_are_flipped_made_grey_and_erased(config_of: Choose) -> None:
    config = config_of("paper")
    kinds = [type(step) for step in visible_steps(config, gray=True).steps]
    assert kinds == [Flip, Grayscale, Erase]
    assert [type(step) for step in visible_steps(config, gray=False).steps] == [Flip, Erase]


def test_infrared_images_are_flipped_changed_and_erased(config_of: Choose) -> None:
    config = config_of("paper")
    flip, change, erase = infrared_steps(config).steps
    assert flip == Flip(0.5)
    assert isinstance(change, OneOf)
    assert change.steps == (ColorJitter(brightness=0.3, contrast=0.3), GaussianBlur(21, (0.1, 3.0)))
    assert erase == Erase(0.5, values=config.augmentation.erasing_values)


def test_a_crop_comes_behind_the_flip_where_it_is_asked_for(config_of: Choose) -> None:
    config = config_of("paper", "full", "augmentation.padding=3")
    for steps in (visible_steps(config, gray=False), infrared_steps(config)):
        assert steps.steps[1] == PadAndCrop(3)


def test_half_of_the_images_are_flipped_and_half_are_erased(config_of: Choose) -> None:
    images = draw(600)
    augmented = visible_steps(config_of("paper"), gray=False)(images.clone(), generator())
    kept = (augmented == images).all(1) | (augmented == images.flip(3)).all(1)
    erased = ~kept.flatten(1).all(1)
    corner = augmented[:, :, 0, 0]
    flipped = (corner == images[:, :, 0, -1]).all(1)
    plain = (corner == images[:, :, 0, 0]).all(1)
    assert 0.44 < erased.float().mean() < 0.56  # 2.9 standard deviations
    assert 0.44 < flipped.sum() / (flipped | plain).sum() < 0.56


def test_erased_pixels_are_the_means_behind_the_normalisation(config_of: Choose) -> None:
    """Images of one colour that no fill has; the erased share is that of the strong baseline."""
    images = torch.zeros(300, 3, 32, 16)
    augmented = visible_steps(config_of("paper"), gray=False)(images, generator())
    erased = augmented[:, 0] > 0
    share = erased.flatten(1).float().mean(1)
    share = share[share > 0]
    assert share.min() > 0.01
    assert share.max() < 0.45
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalized = (augmented.permute(0, 2, 3, 1)[erased] - mean) / std
    torch.testing.assert_close(normalized, FILL.expand_as(normalized))


def test_grey_images_have_three_equal_channels_and_their_flip_stays(config_of: Choose) -> None:
    config = config_of("paper", "full", "augmentation.erasing=0")
    images = draw(8)
    gray = visible_steps(config, gray=True)(images.clone(), generator())
    color = visible_steps(config, gray=False)(images.clone(), generator())
    weights = torch.tensor([0.299, 0.587, 0.114])
    expected = torch.einsum("bchw,c->bhw", color, weights)
    for channel in range(3):
        torch.testing.assert_close(gray[:, channel], expected, rtol=0, atol=1e-3)


def test_half_of_the_infrared_images_are_blurred_and_the_others_are_scaled(
    config_of: Choose,
) -> None:
    """Blurring lowers the variance of noise much more than a contrast of at least 0.7 does."""
    config = config_of("paper", "full", *WITHOUT_ERASING, "infrared_blur_sigma=[2, 3]",
                       "infrared_blur_kernel=21")  # fmt: skip
    images = draw(400, gray=True) / 3 + 0.3
    changed = infrared_steps(config)(images.clone(), generator())
    smoother = changed[:, 0].flatten(1).std(1) / images[:, 0].flatten(1).std(1)
    blurred = smoother < 0.4
    assert 0.43 < blurred.float().mean() < 0.57  # 2.8 standard deviations
    assert smoother[~blurred].min() > 0.7**2
    assert smoother[~blurred].max() < 1.3**2
    assert torch.equal(changed[:, 0], changed[:, 2])
    levels = changed[~blurred].mean((1, 2, 3)) / images[~blurred].mean((1, 2, 3))
    assert 0.69 < levels.min() < 0.75
    assert 1.25 < levels.max() < 1.31


def test_the_blur_is_torchvisions(config_of: Choose) -> None:
    config = config_of("paper", "full", *WITHOUT_ERASING, "infrared_blur_sigma=[1, 1]",
                       "infrared_brightness=0", "infrared_contrast=0")  # fmt: skip
    images = draw(6, gray=True)
    changed = infrared_steps(config)(images.clone(), generator())
    blurred = pictures.gaussian_blur(images, [21, 21], [1.0, 1.0])
    same = [
        (changed[i] - other[i]).abs().max() < 1e-5 for i in range(6) for other in (images, blurred)
    ]
    assert sum(map(bool, same)) == 6
    assert any(map(bool, same[::2]))
    assert any(map(bool, same[1::2]))
