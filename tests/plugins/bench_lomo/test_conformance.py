"""LOMO holds to what every method must, whatever its metric."""

from __future__ import annotations

import pytest

from bench_core.testing import Check, method_checks
from bench_lomo import bench_register_methods

(SPEC,) = bench_register_methods()
SMALL = (
    "image_height=32",
    "image_width=16",
    "xqda.pca_dimensions=6",
    "xqda.dimensions=4",
    "cdfe.pca_dimensions=6",
    "cdfe.dimensions=3",
)
CHECKS = [check for variant in SPEC.variants for check in method_checks(SPEC, variant, SMALL)]


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_conformance(check: Check) -> None:
    check.run()
