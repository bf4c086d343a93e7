"""The method holds to what every method must; `bench plugin check` runs the same checks."""

import pytest
from bench_core.testing import Check, method_checks, registration_checks

from hetero_center import bench_register_methods

(SPEC,) = bench_register_methods()
SMALL = [
    "epochs=2",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=1",
    "image_height=32",
    "image_width=16",
]
CHECKS = [
    *registration_checks("hetero_center"),
    *(check for variant in SPEC.variants for check in method_checks(SPEC, variant, SMALL)),
]


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_conformance(check: Check) -> None:
    check.run()
