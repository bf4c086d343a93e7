"""XIV and each of its variants hold to what every method must."""

from __future__ import annotations

from bench_core.testing import Check
from bench_xiv import bench_register_methods

(SPEC,) = bench_register_methods()
SMALL = (
    "epochs=2",
    "image_height=32",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
)


# DenseNet-121 takes no images of 16 pixels.
OPTIONS = {
    variant.name: (*SMALL, f"image_width={32 if variant.name.startswith('densenet') else 16}")
    for variant in SPEC.variants
}
CONFORMING = ((SPEC, OPTIONS),)


def test_conformance(check: Check) -> None:
    check.run()
