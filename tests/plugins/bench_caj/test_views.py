"""The three streams: their order, what each does behind the normalisation, and how often."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_caj.config import CAJConfig
from bench_caj.views import views_of
from bench_core.modeling.normalization import ImageNormalization

Choose = Callable[..., CAJConfig]

NUMBER = 1200
STILL = ("augmentation.padding=0", "augmentation.flip=0")
FILLED = (0.4914, 0.4822, 0.4465)
GRAY = torch.tensor([0.2989, 0.5870, 0.1140]).view(3, 1, 1)


def seen(config: CAJConfig, stream: str, image: torch.Tensor, number: int = NUMBER) -> torch.Tensor:
    """Return what the network sees of one image, drawn many times."""
    images = image.expand(number, *image.shape).clone()
    drawn = views_of(config)[stream].augment(images, torch.Generator().manual_seed(0))
    return ImageNormalization()(drawn)


def colours(height: int = 6, width: int = 4) -> torch.Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(1))


def share(drawn: torch.Tensor, wanted: torch.Tensor) -> float:
    return (drawn - wanted).abs().flatten(1).amax(1).lt(1e-4).float().mean().item()


def test_the_streams_are_visible_exchanged_and_infrared(config_of: Choose) -> None:
    views = views_of(config_of("paper"))
    modalities = {name: view.modality for name, view in views.items()}
    assert modalities == {"visible": "visible", "exchanged": "visible", "infrared": "infrared"}
    assert list(views_of(config_of("paper", "erasing"))) == ["visible", "infrared"]


def test_a_visible_image_keeps_its_channels(config_of: Choose) -> None:
    image = colours()
    drawn = seen(config_of("paper", "exchange", *STILL), "visible", image, 8)
    assert share(drawn, ImageNormalization()(image[None])) == 1


def test_one_normalised_channel_stands_for_all_each_as_often(config_of: Choose) -> None:
    image = colours()
    drawn = seen(config_of("paper", "exchange", *STILL), "exchanged", image)
    normal = ImageNormalization()(image[None])[0]
    shares = [share(drawn, channel.expand(3, -1, -1)) for channel in normal]
    assert sum(shares) == pytest.approx(1)
    assert shares == pytest.approx([1 / 3] * 3, abs=0.05)


def test_an_infrared_image_has_four_cases_of_which_the_last_is_half_grey(
    config_of: Choose,
) -> None:
    image = colours()[:1].expand(3, -1, -1)
    drawn = seen(config_of("paper", "exchange", *STILL), "infrared", image)
    normal = ImageNormalization()(image[None])[0]
    gray = (GRAY * normal).sum(0)
    cases = [*(channel.expand(3, -1, -1) for channel in normal), gray.expand(3, -1, -1), normal]
    shares = [share(drawn, case) for case in cases]
    assert sum(shares) == pytest.approx(1)
    assert shares == pytest.approx([1 / 4] * 3 + [1 / 8] * 2, abs=0.04)


def test_half_of_the_images_lose_a_rectangle_to_a_value_of_each_channel(
    config_of: Choose,
) -> None:
    config = config_of("paper", "erasing", *STILL)
    for stream in ("visible", "infrared"):
        drawn = seen(config, stream, torch.ones(3, 20, 10), 400)
        erased = (drawn - torch.tensor(FILLED).view(3, 1, 1)).abs().amax(1) < 1e-4
        assert erased.flatten(1).any(1).float().mean().item() == pytest.approx(0.5, abs=0.08)
        sizes = erased.flatten(1).float().mean(1)
        assert 0.01 < sizes[sizes > 0].min() < sizes.max() < 0.45


def test_channels_are_exchanged_after_erasing(config_of: Choose) -> None:
    """So that an erased rectangle has the value of the channel that is copied."""
    erased = seen(
        config_of("paper", "full", *STILL, "augmentation.erasing=1"),
        "exchanged",
        torch.ones(3, 20, 10),
        60,
    )
    torch.testing.assert_close(erased[:, 0], erased[:, 1])
    nearest = torch.stack([(erased[:, 0] - value).abs().flatten(1).amin(1) for value in FILLED])
    assert (nearest.amin(0) < 1e-4).all()
    assert {int(place) for place in nearest.argmin(0)} == {0, 1, 2}


def test_images_are_padded_with_black(config_of: Choose) -> None:
    config = config_of("paper", "exchange", "augmentation.padding=3")
    drawn = seen(config, "visible", torch.ones(3, 12, 8), 40)
    padded = drawn[:, 0][drawn[:, 0] < drawn[:, 0].max() - 1e-3]
    assert len(padded)
    assert padded.tolist() == pytest.approx([-0.485 / 0.229] * len(padded), abs=1e-4)


def test_erasing_and_moves_are_those_of_the_configuration(config_of: Choose) -> None:
    image = colours(20, 10)
    for variant, options in (("exchange", ()), ("full", ("augmentation.erasing=0",))):
        drawn = seen(config_of("paper", variant, *STILL, *options), "visible", image, 50)
        assert share(drawn, ImageNormalization()(image[None])) == 1
    flipped = seen(
        config_of("paper", "exchange", "augmentation.padding=0", "augmentation.flip=1"),
        "visible", image, 5,
    )  # fmt: skip
    assert share(flipped, ImageNormalization()(image.flip(2)[None])) == 1
