"""What a degradation is: how the images that a protocol scores are made worse than they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from bench_core.contracts.images import VISIBLE, Modality  # fields are checked by their types

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Stage: TypeAlias = Literal["resized", "original"]
"""Whether images are degraded after they were resized, or as they are in the dataset."""


@dataclass(frozen=True, kw_only=True)
class DegradationSpec:
    """What befalls the images of one modality before a model of the protocol sees them.

    Only images that are scored are degraded; training images never are.

    Attributes:
        id: Such as "corruption".
        title: Name for people.
        version: Raised whenever the same image would become other pixels.
        definition: "module:function" of a `Degrade`.
        modality: Modality of the images that are degraded; the others are left as they are.
        stage: Where in the pipeline. The two do not commute.
        settings: What the function is told.
        deviations: Where it departs from what it is called after, one line each.
    """

    id: str
    title: str
    version: int
    definition: str
    modality: Modality = VISIBLE
    stage: Stage = "resized"
    settings: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    deviations: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """All that decides its pixels, on one line, such as "corruption 2, resized, seed=0"."""
        settings = (f"{key}={value}" for key, value in sorted(self.settings.items()))
        return ", ".join((f"{self.id} {self.version}", self.modality, self.stage, *settings))


class Degrade(Protocol):
    """Makes an image worse.

    The same arguments must give the same bits in every process, on every machine, in any order.
    """

    def __call__(
        self, pixels: NDArray[np.uint8], name: str, settings: Mapping[str, str | int]
    ) -> NDArray[np.uint8]:
        """Return the degraded image.

        Args:
            pixels: (H, W, 3), uint8, RGB; they must not be changed.
            name: The image's path in its dataset, with forward slashes, by which it is seeded.
            settings: Those of the spec.

        Returns:
            Array of the same shape, uint8.
        """
        ...
