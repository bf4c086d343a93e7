"""What DEEN does to training images: in which order, and how often."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_core import INFRARED, VISIBLE
from bench_core.methods import (
    Erase,
    Flip,
    Grayscale,
    ImageNormalization,
    InOrder,
    PadAndCrop,
    Sometimes,
)
from bench_core.testing import stage_of
from bench_deen.augmentation import training_steps
from bench_deen.config import DEENConfig
from bench_deen.method import DEEN

Choose = Callable[..., DEENConfig]
Make = Callable[..., DEEN]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("preset", "area"),
    [("paper", (0.2, 0.8)), ("paper-llcm", (0.02, 0.4)), ("paper-regdb", (0.02, 0.4))],
)
def test_the_steps_in_their_order(
    preset: str, area: tuple[float, float], config_of: Choose
) -> None:
    config = config_of(preset)
    assert training_steps(config).steps == (
        PadAndCrop(10, value=0.0),
        Sometimes(Grayscale(), 0.5),
        Flip(0.5),
        Erase(0.5, area=area, values=config.augmentation.erasing_values),
    )


def test_without_padding_nothing_is_cropped(config_of: Choose) -> None:
    steps = training_steps(config_of("paper", "full", "augmentation.padding=0")).steps
    assert not any(isinstance(step, PadAndCrop) for step in steps)


def test_both_modalities_are_augmented_alike_and_by_themselves(make: Make) -> None:
    views = stage_of(make(), "joint").views
    assert {name: view.modality for name, view in views.items()} == {
        VISIBLE: VISIBLE,
        INFRARED: INFRARED,
    }
    steps = [view.augment for view in views.values()]
    assert all(isinstance(each, InOrder) and len(each.steps) == 4 for each in steps)


def test_half_of_the_images_are_grey_half_are_erased(config_of: Choose) -> None:
    """Images of one colour, so that flips and crops are not seen but for black borders."""
    config = config_of("paper", "full", "augmentation.padding=0")
    image = torch.tensor([0.9, 0.2, 0.4]).view(1, 3, 1, 1).expand(600, -1, 48, 24)
    changed = training_steps(config)(image.clone(), seeded())
    fill = torch.tensor(config.augmentation.erasing_values).view(1, 3, 1, 1)
    erased = ((changed - fill).abs() < 1e-6).all(1)
    kept = changed.masked_fill(erased[:, None], torch.nan).flatten(2)
    grey = (kept[:, 0].nanmean(1) - kept[:, 1].nanmean(1)).abs() < 1e-4
    assert grey.sum().item() == pytest.approx(300, abs=45)
    assert erased.flatten(1).any(1).sum().item() == pytest.approx(300, abs=45)
    shares = erased.flatten(1).float().mean(1)[erased.flatten(1).any(1)]
    assert 0.18 < shares.min() < shares.max() < 0.82
    assert (shares > 0.4).float().mean() > 0.3


def test_erased_rectangles_hold_the_mean_of_imagenet_behind_the_normalisation(
    config_of: Choose,
) -> None:
    config = config_of("paper", "full", "augmentation.erasing=1")
    changed = training_steps(config)(torch.zeros(4, 3, 48, 24), seeded())
    normalized = ImageNormalization()(changed)
    for image, before in zip(normalized, changed, strict=True):
        values = image[:, before.amax(0) > 0]
        wanted = torch.tensor([[0.485], [0.456], [0.406]]).expand_as(values)
        torch.testing.assert_close(values, wanted)
