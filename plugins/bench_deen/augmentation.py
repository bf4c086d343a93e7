"""What DEEN does to the images of a batch, of both modalities alike."""

from __future__ import annotations

from bench_core.methods import Erase, Flip, Grayscale, ImageStep, InOrder, PadAndCrop, Sometimes
from bench_deen.config import DEENConfig


def training_steps(config: DEENConfig) -> InOrder:
    """Return the steps in their order: padding and crop, grey images, flip, erasing.

    The authors' code makes images grey between padding and crop, which is the same.
    """
    augmentation = config.augmentation
    steps: list[ImageStep] = []
    if augmentation.padding:
        steps.append(PadAndCrop(augmentation.padding))
    return InOrder(
        *steps,
        Sometimes(Grayscale(), config.grayscale),
        Flip(augmentation.flip),
        Erase(augmentation.erasing, area=config.erased_area, values=augmentation.erasing_values),
    )
