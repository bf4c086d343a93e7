"""Ways to augment the images of a batch that a method brings itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch

from bench_core.contracts.errors import PluginError
from bench_core.contracts.images import Modality

Augment: TypeAlias = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
"""Augments images (M, 3, H, W) in [0, 1], as they were decoded, and may change them in place.

Draws come from the generator alone, on the processor, so that they are the same on every device.
"""


@dataclass(frozen=True)
class View:
    """A way to augment the images of one modality.

    Attributes:
        modality: Of the images, which are those of the batch, before any augmentation.
        augment: Called for each batch with the images, on the device of the training, and with a
            generator on the processor that is seeded by the step and the place of the view. It
            returns floats of the same shape.
    """

    modality: Modality
    augment: Augment

    def look(self, name: str, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return the augmented images, contiguous.

        Raises:
            PluginError: They are no floats of the shape that the images have.
        """
        augmented = self.augment(images, generator)
        fits = isinstance(augmented, torch.Tensor) and augmented.shape == images.shape
        if not (fits and augmented.is_floating_point()):
            found = tuple(augmented.shape) if isinstance(augmented, torch.Tensor) else augmented
            raise PluginError(
                f"the view '{name}' of a stage returned {found}; it must return floats of the "
                f"shape of its images, {tuple(images.shape)}"
            )
        return augmented.contiguous()
