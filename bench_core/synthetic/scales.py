"""How large a synthetic dataset is: the named scales and the options that override them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench_core.contracts.errors import UsageError, unknown_name

TINY = "tiny"
DEMO = "demo"
FULL = "full"


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes of a synthetic dataset.

    Attributes:
        train_identities: People in the training split.
        val_identities: People in the validation split.
        test_identities: People in the test split.
        images_per_camera: Mean number of images of a person in a camera that sees them.
        image_heights: Range of the image heights, in pixels; a camera uses a part of it.
        real_counts: Whether the plan repeats the real dataset's counts, camera by camera; then
            `images_per_camera` only describes them.
    """

    train_identities: int
    val_identities: int
    test_identities: int
    images_per_camera: float
    image_heights: tuple[int, int]
    real_counts: bool = False


SCALES: dict[str, Sizes] = {
    TINY: Sizes(
        train_identities=12,
        val_identities=4,
        test_identities=8,
        images_per_camera=2,
        image_heights=(72, 128),
    ),
    DEMO: Sizes(
        train_identities=80,
        val_identities=8,
        test_identities=32,
        images_per_camera=6,
        image_heights=(96, 208),
    ),
    FULL: Sizes(
        train_identities=296,
        val_identities=99,
        test_identities=96,
        images_per_camera=20,
        image_heights=(120, 400),
        real_counts=True,
    ),
}


def resolve_sizes(
    scale: str,
    *,
    train_identities: int | None = None,
    val_identities: int | None = None,
    test_identities: int | None = None,
    images_per_camera: float | None = None,
) -> Sizes:
    """Return the sizes of a scale, with those replaced that are given.

    Args:
        scale: Name of a scale.
        train_identities: People in the training split.
        val_identities: People in the validation split.
        test_identities: People in the test split.
        images_per_camera: Mean number of images of a person in a camera that sees them.

    Returns:
        The sizes; once a size is replaced, the real counts no longer apply.

    Raises:
        UsageError: The scale is unknown, or a size is below 1.
    """
    if scale not in SCALES:
        raise unknown_name("scale", scale, SCALES)
    given = {
        "train_identities": train_identities,
        "val_identities": val_identities,
        "test_identities": test_identities,
        "images_per_camera": images_per_camera,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    for name, value in changes.items():
        if not value >= 1:
            raise UsageError(f"--{name.replace('_', '-')} is {value}: it must be at least 1")
    if not changes:
        return SCALES[scale]
    return replace(SCALES[scale], real_counts=False, **changes)  # type: ignore[arg-type]  # by name
