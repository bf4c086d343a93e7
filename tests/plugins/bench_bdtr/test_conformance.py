"""BCTR, BDTR and each of their variants hold to what every method must."""

from __future__ import annotations

from bench_bdtr import bench_register_methods
from bench_core.testing import Check

SMALL = (
    *("image_height=32", "image_width=16", "fc6_width=32", "fc7_width=16"),
    *("epochs=2", "sampling.identities=4", "sampling.images=1", "sampling.steps_per_epoch=2"),
)
CONFORMING = tuple((spec, SMALL) for spec in bench_register_methods())


def test_conformance(check: Check) -> None:
    check.run()
