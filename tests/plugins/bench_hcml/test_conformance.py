"""TONE and HCML hold to what every method must."""

from __future__ import annotations

import pytest

from bench_core.testing import Check, method_checks
from bench_hcml import bench_register_methods

TONE, HCML = bench_register_methods()
SMALL = (
    *("image_height=32", "image_width=16", "fc6_width=32", "fc7_width=16"),
    *("epochs=2", "sampling.identities=4", "sampling.steps_per_epoch=2"),
)


@pytest.mark.parametrize("check", method_checks(TONE, TONE.variants[0], SMALL), ids=str)
def test_conformance_of_tone(check: Check) -> None:
    check.run()


LITTLE = (*SMALL, "pca_dimensions=6", "metric_steps=12")


@pytest.mark.parametrize("check", method_checks(HCML, HCML.variants[0], LITTLE), ids=str)
def test_conformance_of_hcml(check: Check) -> None:
    check.run()
