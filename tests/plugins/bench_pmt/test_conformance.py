"""PMT and each of its variants hold to what every method must."""

from __future__ import annotations

from bench_core.testing import Check
from bench_pmt import bench_register_methods

(SPEC,) = bench_register_methods()
SMALL = (
    "epochs=2",
    "image_height=32",
    "image_width=16",
    "transformer.patch_size=8",
    "transformer.patch_stride=6",
    "transformer.width=16",
    "transformer.depth=2",
    "transformer.heads=2",
    "infrared_blur_kernel=5",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
)
OPTIONS = {
    variant.name: SMALL if "gray_epochs" in variant.values else (*SMALL, "gray_epochs=1")
    for variant in SPEC.variants
}
CONFORMING = ((SPEC, OPTIONS),)


def test_conformance(check: Check) -> None:
    check.run()
