"""HOG and each of its variants hold to what every method must."""

from __future__ import annotations

from bench_core.testing import Check
from bench_hog import bench_register_methods

(SPEC,) = bench_register_methods()
SMALL = (
    "image_height=32",
    "image_width=16",
    "kissme.pca_dimensions=4",
    "lfda.pca_dimensions=6",
    "lfda.dimensions=3",
)
CONFORMING = ((SPEC, SMALL),)


def test_conformance(check: Check) -> None:
    check.run()
