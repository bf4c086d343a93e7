"""How large a synthetic dataset is: the named scales and the options that override them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench_core.contracts.dataset import DEMO, TINY
from bench_core.contracts.errors import UsageError, unknown_name

MOST_PEOPLE = 9_999
"""Their folders have four digits."""
MOST_IMAGES_PER_CAMERA = 100
"""A mean; nobody may have more than the 255 that the permutations of SYSU-MM01 can count."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes of a synthetic dataset.

    Attributes:
        train_identities: People in the training split.
        test_identities: People in the test split.
        images_per_camera: Mean number of images of a person in a camera that sees them.
        image_heights: Range of the image heights, in pixels; a camera uses a part of it.
        real_counts: Whether the plan repeats the real dataset's counts, camera by camera; then
            `images_per_camera` only describes them.
        val_identities: People in the validation split; 0 in layouts that have none.
    """

    train_identities: int
    test_identities: int
    images_per_camera: float
    image_heights: tuple[int, int]
    real_counts: bool = False
    val_identities: int = 0


SMALL_SCALES: Mapping[str, Sizes] = {
    TINY: Sizes(
        train_identities=12, test_identities=8, images_per_camera=4, image_heights=(72, 128)
    ),
    DEMO: Sizes(
        train_identities=80, test_identities=40, images_per_camera=8, image_heights=(96, 208)
    ),
}
"""Scales for a dataset whose images have many sizes and whose real counts are not repeated."""


def resolve_sizes(
    scales: Mapping[str, Sizes],
    scale: str,
    *,
    train_identities: int | None = None,
    val_identities: int | None = None,
    test_identities: int | None = None,
    images_per_camera: float | None = None,
) -> Sizes:
    """Return the sizes of a scale, with those replaced that are given.

    Args:
        scales: The scales of a layout, by name.
        scale: Name of a scale.
        train_identities: People in the training split.
        val_identities: People in the validation split.
        test_identities: People in the test split.
        images_per_camera: Mean number of images of a person in a camera that sees them.

    Returns:
        The sizes; once a size is replaced, the real counts no longer apply.

    Raises:
        UsageError: The scale is unknown, a size is below 1 or too large, or the layout has no such
            split.
    """
    if scale not in scales:
        raise unknown_name("scale", scale, scales)
    given = {
        "train_identities": train_identities,
        "val_identities": val_identities,
        "test_identities": test_identities,
        "images_per_camera": images_per_camera,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    for name, value in changes.items():
        option = f"--{name.replace('_', '-')}"
        most = MOST_IMAGES_PER_CAMERA if name == "images_per_camera" else MOST_PEOPLE
        if not value >= 1:
            raise UsageError(f"{option} is {value}: it must be at least 1")
        if value > most:
            raise UsageError(f"{option} is {value:g}: it must be at most {most:,}")
        if not getattr(scales[scale], name):
            raise UsageError(
                f"{option} is {value}, but this layout has no such people: leave the option out"
            )
    if not changes:
        return scales[scale]
    return replace(scales[scale], real_counts=False, **changes)  # type: ignore[arg-type]  # by name
