"""TONE and HCML hold to what every method must."""

from __future__ import annotations

from bench_core.testing import Check
from bench_hcml import bench_register_methods

TONE, HCML = bench_register_methods()
SMALL = (
    *("image_height=32", "image_width=16", "fc6_width=32", "fc7_width=16"),
    *("epochs=2", "sampling.identities=4", "sampling.steps_per_epoch=2"),
)
LITTLE = (*SMALL, "pca_dimensions=6", "metric_steps=12")
CONFORMING = ((TONE, SMALL), (HCML, LITTLE))


def test_conformance(check: Check) -> None:
    check.run()
