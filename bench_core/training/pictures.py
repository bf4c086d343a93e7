"""What a method may have besides: images that it generates, for `bench report` to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import torch

from bench_core.contracts.errors import PluginError
from bench_core.contracts.images import INFRARED, VISIBLE, Modality

FAKE_INFRARED, FAKE_VISIBLE = f"fake {INFRARED}", f"fake {VISIBLE}"
SLACK = 1e-3
"""How far rounding may take a picture out of [0, 1]."""


@runtime_checkable
class MakesPictures(Protocol):
    """A method that generates images of the people that it is shown."""

    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Return images by name, in the order in which a grid shows them.

        Called in evaluation mode and without gradients. Real images are named "visible" and
        "infrared". Those named "fake infrared" (or "fake visible") are measured as infrared
        images, entry i made of visible image i (or the reverse); others are only shown.

        Args:
            visible: Float tensor (B, 3, H, W) in [0, 1].
            infrared: The same for infrared; entry i of both shows one person.

        Returns:
            Float tensors (B, 3, H, W) in [0, 1]; none where the variant generates no images.
        """
        ...


@runtime_checkable
class MixesImages(Protocol):
    """A method that makes images of nobody, mixed of those of two people."""

    def mixing_strip(
        self, images: torch.Tensor, modality: Modality, alphas: Sequence[float]
    ) -> torch.Tensor:
        """Return the first of two images, their mixes, and the second.

        Args:
            images: Two images of one modality, float tensor (2, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".
            alphas: Shares of the first image, in [0, 1].

        Returns:
            Float tensor (2 + len(alphas), 3, H, W) in [0, 1].

        Raises:
            UsageError: The variant mixes no images.
        """
        ...


def check_picture(what: str, images: torch.Tensor, shape: Sequence[int]) -> None:
    """Check what a method returned.

    Args:
        what: What it is, for the message.
        images: What was returned.
        shape: What shape it must have.

    Raises:
        PluginError: The shape is another, or a value is not in [0, 1].
    """
    if tuple(images.shape) != tuple(shape):
        raise PluginError(f"{what} has shape {tuple(images.shape)}; expected {tuple(shape)}")
    low, high = float(images.min()), float(images.max())
    if not (low >= -SLACK and high <= 1 + SLACK):  # NaN is neither
        raise PluginError(f"{what} has values from {low:.3g} to {high:.3g}; expected [0, 1]")
