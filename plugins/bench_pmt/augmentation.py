"""What PMT does to the images of a batch."""

from __future__ import annotations

from bench_core.methods import (
    ColorJitter,
    Erase,
    Flip,
    GaussianBlur,
    Grayscale,
    ImageStep,
    InOrder,
    OneOf,
    PadAndCrop,
)
from bench_pmt.config import PMTConfig


def visible_steps(config: PMTConfig, *, gray: bool) -> InOrder:
    """Return what happens to visible images: flip, grey where asked for, erasing."""
    return _with_change(config, Grayscale() if gray else None)


def infrared_steps(config: PMTConfig) -> InOrder:
    """Return what happens to infrared images: flip, a change of brightness or a blur, erasing."""
    jitter = ColorJitter(brightness=config.infrared_brightness, contrast=config.infrared_contrast)
    blur = GaussianBlur(config.infrared_blur_kernel, config.infrared_blur_sigma)
    return _with_change(config, OneOf(jitter, blur))


def _with_change(config: PMTConfig, change: ImageStep | None) -> InOrder:
    augmentation = config.augmentation
    steps: list[ImageStep] = [Flip(augmentation.flip)]
    if augmentation.padding:
        steps.append(PadAndCrop(augmentation.padding))
    if change is not None:
        steps.append(change)
    return InOrder(*steps, Erase(augmentation.erasing, values=augmentation.erasing_values))
