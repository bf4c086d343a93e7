"""Steps that change the images of a batch at random, for methods that augment by themselves.

A step is called with float images (B, 3, H, W) in [0, 1] and a generator on the processor, draws
for each image by itself, and returns images of the same shape; it may change those it was given.
What is drawn depends on the generator alone, so that it is the same on every device. Several steps
one after another are `InOrder`, and that is what a `View` takes as its `augment`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import torch
from torchvision.transforms.v2 import functional as pictures

from bench_core.modeling.gray import gray_value
from bench_core.modeling.normalization import IMAGENET_MEAN, IMAGENET_STD

ImageStep: TypeAlias = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
"""What a step is; see the module."""

TORCHVISION_GRAY: Final = (0.2989, 0.5870, 0.1140)
"""Of red, green and blue in a grey value, with the digits that torchvision's `Grayscale` has."""


class InOrder:
    """Steps one after another."""

    def __init__(self, *steps: ImageStep) -> None:
        self.steps = steps

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Take the steps."""
        for step in self.steps:
            images = step(images, generator)
        return images


class Normalized:
    """Steps that act behind the normalisation by ImageNet's mean and deviation, one after another.

    Images are normalised, changed and brought back, so that the method may normalise them as it
    normalises any others; they can leave [0, 1] on the way.
    """

    def __init__(self, *steps: ImageStep) -> None:
        self._inner = InOrder(*steps)

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Take the steps."""
        mean, std = (
            torch.tensor(values, dtype=images.dtype).view(3, 1, 1).to(images.device)
            for values in (IMAGENET_MEAN, IMAGENET_STD)
        )
        return self._inner((images - mean) / std, generator) * std + mean


@dataclass(frozen=True)
class Sometimes:
    """A step that is taken with a probability, by each image for itself."""

    step: ImageStep
    probability: float

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Take the step with the images that are drawn."""
        return _on(images, _chance(images, self.probability, generator), self.step, generator)


class OneOf:
    """One of several steps, all equally likely; each image draws its own. None leaves it alone."""

    def __init__(self, *steps: ImageStep | None) -> None:
        self.steps = steps

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Take the step that each image draws."""
        drawn = torch.randint(len(self.steps), (len(images),), generator=generator)
        for place, step in enumerate(self.steps):
            if step is not None:
                images = _on(images, drawn == place, step, generator)
        return images


@dataclass(frozen=True)
class Flip:
    """A horizontal flip."""

    probability: float = 0.5

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Flip the images that are drawn."""
        flipped = _chance(images, self.probability, generator).to(images.device)
        return torch.where(flipped[:, None, None, None], images.flip(3), images)


@dataclass(frozen=True)
class PadAndCrop:
    """Padding on every side, and a crop of the original size anywhere in the result.

    Attributes:
        padding: Pixels.
        value: What the padding holds, in the units of the images.
    """

    padding: int = 10
    value: float = 0.0

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Pad and crop."""
        number, _, height, width = images.shape
        shifts = torch.randint(2 * self.padding + 1, (2, number, 1), generator=generator)
        shifts = shifts.to(images.device)
        sides = (self.padding,) * 4
        padded = torch.nn.functional.pad(images, sides, value=self.value)
        rows = shifts[0] + torch.arange(height, device=images.device)
        columns = shifts[1] + torch.arange(width, device=images.device)
        places = torch.arange(number, device=images.device)[:, None, None]
        # Indices part the channels, which then come last.
        return padded[places, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Grayscale:
    """The grey value in all three channels."""

    def __call__(
        self,
        images: torch.Tensor,
        generator: torch.Generator,  # noqa: ARG002 - a step has both
    ) -> torch.Tensor:
        """Make grey images."""
        return gray_value(images, TORCHVISION_GRAY).expand_as(images)


@dataclass(frozen=True)
class CopyChannel:
    """One channel in place of all three: the channel exchange of CAJ (Ye et al. 2021).

    Attributes:
        channel: 0, 1 or 2; None for any, equally likely.
    """

    channel: int | None = None

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Copy the channel."""
        if self.channel is not None:
            return images[:, self.channel, None].expand_as(images)
        drawn = torch.randint(3, (len(images), 1, 1, 1), generator=generator).to(images.device)
        return images.gather(1, drawn.expand(-1, 1, *images.shape[2:])).expand_as(images)


@dataclass(frozen=True)
class Erase:
    """A rectangle is erased (random erasing, Zhong et al. 2020).

    Area and aspect are drawn anew until the rectangle is smaller than the image in height and
    width; if that never succeeds, nothing is erased.

    Attributes:
        probability: That an image loses a rectangle.
        area: Least and greatest share of the image, uniform between.
        aspect: Least and greatest height over width.
        aspect_drawn: "uniform" between them, or "log-uniform" as torchvision draws it.
        values: What each channel is filled with, in the units of the images.
        attempts: How often area and aspect are drawn at most.
    """

    probability: float = 0.5
    area: tuple[float, float] = (0.02, 0.4)
    aspect: tuple[float, float] = (0.3, 1 / 0.3)
    aspect_drawn: str = "uniform"
    values: tuple[float, float, float] = (0.0, 0.0, 0.0)
    attempts: int = 100

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Erase a rectangle of each image that is drawn."""
        height, width = images.shape[2:]
        chosen = _chance(images, self.probability, generator)
        top, bottom, left, right, fits = self._draw(len(images), (height, width), generator)
        rows, columns = torch.arange(height), torch.arange(width)
        in_rows = (rows >= top[:, None]) & (rows < bottom[:, None])
        in_columns = (columns >= left[:, None]) & (columns < right[:, None])
        erased = in_rows[:, :, None] & in_columns[:, None, :] & (chosen & fits)[:, None, None]
        values = torch.tensor(self.values, dtype=images.dtype).view(3, 1, 1)
        return torch.where(erased[:, None].to(images.device), values.to(images.device), images)

    def _draw(
        self, number: int, size: tuple[int, int], generator: torch.Generator
    ) -> Sequence[torch.Tensor]:
        """Return the sides of rectangles (number,), and which of these fit their images."""
        height, width = size
        shape = (number, self.attempts)
        areas = torch.empty(shape).uniform_(*self.area, generator=generator) * height * width
        aspects = self._aspects(shape, generator)
        tall, wide = (areas * aspects).sqrt().round(), (areas / aspects).sqrt().round()
        fitting = (tall < height) & (wide < width)
        first = fitting.int().argmax(1, keepdim=True)
        tall, wide = tall.gather(1, first)[:, 0], wide.gather(1, first)[:, 0]
        top = (torch.rand(number, generator=generator) * (height - tall + 1)).floor()
        left = (torch.rand(number, generator=generator) * (width - wide + 1)).floor()
        return top, top + tall, left, left + wide, fitting.any(1)

    def _aspects(self, shape: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
        if self.aspect_drawn == "uniform":
            return torch.empty(shape).uniform_(*self.aspect, generator=generator)
        least, greatest = (math.log(aspect) for aspect in self.aspect)
        return torch.empty(shape).uniform_(least, greatest, generator=generator).exp()


@dataclass(frozen=True)
class ColorJitter:
    """Brightness, contrast and hue drawn anew, in an order that each image draws (torchvision's).

    Attributes:
        brightness: Factors are uniform in 1 -+ this.
        contrast: Likewise, around the image's mean grey value.
        hue: Turns are uniform in -+ this, where 1 is the whole circle.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    hue: float = 0.0

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Change the colours."""
        return torch.stack([self._one(image, generator) for image in images])

    def _one(self, image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        order = torch.randperm(3, generator=generator).tolist()
        draws = (2 * torch.rand(3, generator=generator) - 1).tolist()
        for kind in order:
            if kind == 0 and self.brightness:
                image = pictures.adjust_brightness(image, 1 + self.brightness * draws[0])
            if kind == 1 and self.contrast:
                image = pictures.adjust_contrast(image, 1 + self.contrast * draws[1])
            if kind == 2 and self.hue:
                image = pictures.adjust_hue(image, self.hue * draws[2])
        return image


@dataclass(frozen=True)
class GaussianBlur:
    """A Gaussian blur.

    Attributes:
        kernel: Pixels of its side, odd.
        sigma: Least and greatest standard deviation in pixels, uniform between.
    """

    kernel: int
    sigma: tuple[float, float]

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Blur the images."""
        sigmas = torch.empty(len(images)).uniform_(*self.sigma, generator=generator).tolist()
        return torch.stack(
            [
                pictures.gaussian_blur(image, [self.kernel, self.kernel], [sigma, sigma])
                for image, sigma in zip(images, sigmas, strict=True)
            ]
        )


def _chance(images: torch.Tensor, probability: float, generator: torch.Generator) -> torch.Tensor:
    """Draw for each image whether something happens to it: bool (B,), on the processor."""
    return torch.rand(len(images), generator=generator) < probability


def _on(
    images: torch.Tensor, chosen: torch.Tensor, step: ImageStep, generator: torch.Generator
) -> torch.Tensor:
    """Take a step with the chosen images alone."""
    places = chosen.nonzero()[:, 0].to(images.device)
    if not len(places):
        return images
    changed = images.clone()
    changed[places] = step(images[places], generator)
    return changed
