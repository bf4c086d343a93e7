"""DDAG and each of its variants hold to what every method must."""

from __future__ import annotations

from bench_core.testing import Check
from bench_ddag import bench_register_methods

(SPEC,) = bench_register_methods()
SMALL = (
    "epochs=2",
    "image_height=32",
    "image_width=16",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
)
CONFORMING = ((SPEC, SMALL),)


def test_conformance(check: Check) -> None:
    check.run()
